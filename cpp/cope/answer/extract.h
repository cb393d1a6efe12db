// Where the answer stands in a model's text. Scans backwards from the end, so a long text costs what its tail costs; linear in the worst case.
//
//   extract_math("... so \\boxed{\\frac{6}{8}}.")  ->  "\\frac{6}{8}"       extract_math("... #### 1,234")  ->  "1,234"
//
// In this order, in the text after the last </think>: the last complete \boxed{...} (or several, joined, where only "and" or a comma stands between), what
// follows the last "final answer is", "answer:" or "####", the last $...$, \(...\) or \[...\], the last bold text that holds a number, the last number.
//
// Thread-safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cope::answer {

std::optional<std::string> extract_math(std::string_view text);

// The last number that is not glued to a word, with its sign, its thousands separators and all of what it is part of: 3/8, 1 1/2, 5^2, 12π, 2.5 million.
std::optional<std::string> extract_number(std::string_view text);

// The letter of a choice: of the box, after "answer", else the last (C), "C." or "C)" of the text. None where several are joined ("B and C") or the letter is
// denied ("not B").
std::optional<std::string> extract_choice(std::string_view text);

// All the letters that are joined to that of a choice; empty where there is none.
std::string extract_choices(std::string_view text);

// The last date of what is said to be the answer, else of the text: 05/01/2021, 2021-05-01, May 1, 2021.
std::optional<std::string> extract_date(std::string_view text);

// The last date of a text, as it stands there.
std::optional<std::string_view> last_date(std::string_view text);

// What a text says its answer is, word for word: in a box, after "answer is", "answer:" or "####".
std::optional<std::string> said_answer(std::string_view text);

// The content of the last code fence, else the whole text, without blank lines around.
std::optional<std::string> extract_code(std::string_view text);

// What the text says its answer is, else all of it.
std::optional<std::string> extract_text(std::string_view text);

// The text after the last </think>, trimmed.
std::optional<std::string> whole_text(std::string_view text);

// Whether a text says that it gives an answer: a box, "answer is", "####", </think>.
bool looks_like_output(std::string_view text);

}  // namespace cope::answer
