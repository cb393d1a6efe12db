#include "cope/answer/extract.h"

#include <algorithm>
#include <initializer_list>

#include "cope/answer/chars.h"
#include "cope/answer/passages.h"

namespace cope::answer {

namespace {

constexpr std::size_t longest_said = 512;  // what follows "answer is"

// "5. FORMAT", "Step 2": a heading.
bool is_numbered(std::string_view text) {
  text = trim(text);
  if (text.starts_with("Step ") || text.starts_with("Method ") || text.starts_with("Case ")) return true;
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  return digits > 0 && text.substr(digits).starts_with(". ");
}

std::optional<std::string> last_bold(std::string_view text) {
  std::size_t end = text.size();
  for (int tries = 0; tries < 8; ++tries) {
    const std::size_t close = rfind(text, "**", 0, end);
    if (close == none || close == 0) return std::nullopt;
    const std::size_t open = rfind(text, "**", 0, close);
    if (open == none) return std::nullopt;
    end = open;
    const std::string_view inside = text.substr(open + 2, close - open - 2);
    const bool heading = inside.ends_with(':') || text.substr(close + 2).starts_with(':') || is_numbered(inside);
    if (heading || inside.size() > 200 || inside.find('\n') != none) continue;
    const std::string_view content = without_marks(inside);
    if (!std::ranges::any_of(content, is_digit)) continue;
    if (!is_prose(content)) return std::string(content);
    if (const auto math = first_math(content); math && has_content(*math)) return std::string(trim(*math));
    return extract_number(content);
  }
  return std::nullopt;
}

// The value of "answer": "18" or "answer": 18 in JSON, from the closing quotation mark of its name on; none where there is no such value.
std::optional<std::string> json_value(std::string_view rest) {
  rest = trim(rest.substr(1));
  if (!rest.starts_with(':')) return std::nullopt;
  rest = trim(rest.substr(1));
  std::string value;
  if (rest.starts_with('"')) {
    for (std::size_t i = 1; i < rest.size() && rest[i] != '"'; ++i) {
      if (rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '\\' || rest[i + 1] == '"')) ++i;
      value += rest[i];
      if (value.size() > longest_said) return std::nullopt;
    }
  } else {
    value = rest.substr(0, std::min(rest.find_first_of(",}\n"), longest_said));
  }
  value = trim(value);
  return has_content(value) ? std::optional(value) : std::nullopt;
}

// "**720** ways to do so" is 720, and "1 + 2 = **3**" has no marks in it.
std::string without_bold(std::string_view text, bool opened) {
  if (opened) {
    if (const std::size_t close = text.find("**"); close != none && close > 0)
      return std::string(text.substr(0, close));
  }
  std::string out(text);
  for (std::size_t at = out.find("**"); at != std::string::npos; at = out.find("**", at)) {
    const bool power = at > 0 && !is_space(out[at - 1]) && at + 2 < out.size() && !is_space(out[at + 2]);
    if (power)
      ++at;
    else
      out.erase(at, 2);
  }
  return out;
}

// Of "12 because ...", "3/4 of them are ...": what stands in front of the words that only explain.
std::string_view without_reason(std::string_view said) {
  std::size_t stop = said.size();
  for (const std::string_view word : {" because ", " since ", " as ", " so ", " which ", " that ", " when ", " if ",
                                      " who ", " would ", " of ", " in ", " is ", " are ", " for "})
    stop = std::min(stop, said.find(word));
  return trim(said.substr(0, stop));
}

// Of "12 because 3 * 4 = 12", "12 (since ...)".
std::string_view without_because(std::string_view said) {
  std::size_t stop = said.size();
  for (const std::string_view word : {" because ", " since ", " (because ", " (since ", " (as "})
    stop = std::min(stop, said.find(word));
  return trim(said.substr(0, stop));
}

struct Said {
  std::string_view rest;             // what follows "answer is"
  bool opened = false;               // a "**" stands in front of it
  std::optional<std::string> whole;  // all of it, where it has an end of its own: of JSON, of <answer>
};

// Behind the "nswer" at a position; none where nothing is said to be an answer there.
std::optional<Said> said_at(std::string_view text, std::size_t at) {
  std::string_view rest = text.substr(at + 5);
  if (rest.starts_with('>') && text.substr(0, at).ends_with("<a")) {
    const std::string_view inside = trim(rest.substr(1, std::min(rest.find("</answer>"), longest_said) - 1));
    if (has_content(inside)) return Said{rest, false, std::string(inside)};
  }
  if (rest.starts_with('s')) rest.remove_prefix(1);
  if (rest.starts_with('"')) {
    if (auto value = json_value(rest)) return Said{rest, false, std::move(value)};
    rest.remove_prefix(1);
  }
  bool marked = false;
  bool opened = false;
  for (bool more = true; more;) {
    more = false;
    while (!rest.empty() && (is_space(rest[0]) || rest[0] == '*' || rest[0] == '_' || rest[0] == '}')) {
      opened = marked && rest[0] == '*';
      rest.remove_prefix(1);
    }
    for (const std::string_view word :
         {"is", "are", ":", "=", "to the problem", "to the question", "would be", "must be", "therefore"}) {
      if (rest.starts_with(word) &&
          (!is_letter(word.back()) || rest.size() == word.size() || !is_letter(rest[word.size()]))) {
        marked = marked || word == "is" || word == "are" || word == ":" || word == "=" || word == "would be" ||
                 word == "must be";
        rest.remove_prefix(word.size());
        more = true;
        break;
      }
    }
  }
  if (!marked) return std::nullopt;
  return Said{trim(rest), opened, std::nullopt};
}

constexpr int most_markers = 64;

std::optional<std::string> line_behind(std::string_view text, std::size_t hashes) {
  if (hashes == none) return std::nullopt;
  std::string_view line = text.substr(hashes + 4);
  line = trim(line.substr(0, line.find('\n')));
  return line.empty() ? std::nullopt : std::optional<std::string>(line);
}

// What follows the last "answer is", "answer:" or "####".
std::optional<std::string> after_marker(std::string_view text) {
  std::size_t end = text.size();
  const std::size_t hashes = rfind(text, "####", 0, end);
  for (int tries = 0; tries < most_markers; ++tries) {
    const std::size_t at = rfind(text, "nswer", 2, end);
    if (at == none || (hashes != none && hashes > at)) break;
    end = at;
    auto found = said_at(text, at);
    if (!found) continue;
    if (found->whole) return std::move(found->whole);
    const std::string_view rest = found->rest;
    if (rest.starts_with("$$") || rest.starts_with("\\[") || rest.starts_with("$") || rest.starts_with("\\(")) {
      if (auto math = joined_math(rest.substr(0, 4096)); math && has_content(*math)) return math;
    }
    const std::string plain = without_bold(sentence(rest.substr(0, 2 * longest_said)), found->opened);
    const std::string_view said = without_marks(plain);
    if (!has_content(said) || said.size() > longest_said) continue;
    if (auto math = joined_math(said); math && has_content(*math)) return math;
    if (is_prose(said) && !is_digit(said[0])) {  // "there are **6** ways to choose them": the number in it
      if (auto bold = last_bold(sentence(rest))) return bold;
      if (auto number = extract_number(said)) return number;
      continue;
    }
    return std::string(without_marks(is_prose(said) ? without_reason(said) : without_because(said)));
  }
  return line_behind(text, hashes);
}

// The last $...$, \(...\) or \[...\].
std::optional<std::string> last_math(std::string_view text) {
  std::size_t end = text.size();
  for (int tries = 0; tries < 64 && end > 1; ++tries) {
    const std::size_t dollar = rfind(text, "$", 0, end);
    std::size_t round = rfind(text, "\\)", 1, end);
    const std::size_t square = rfind(text, "\\]", 1, end);
    if (round == none || (square != none && square > round)) round = square;
    if (dollar == none && round == none) return std::nullopt;
    std::string_view content;
    if (round != none && (dollar == none || round > dollar)) {
      const std::size_t open = rfind(text, text[round + 1] == ')' ? "\\(" : "\\[", 1, round);
      if (open == none) {
        end = round;
        continue;
      }
      content = text.substr(open + 2, round - open - 2);
      const bool apart = content.size() > longest_box || content.find("\\)") != none || content.find("\\]") != none ||
                         content.find("\n\n") != none;
      end = apart ? round : open;
      if (apart) continue;  // the signs are of two pieces, one of them broken
    } else {
      if (dollar > 0 && text[dollar - 1] == '\\') {
        end = dollar;
        continue;
      }
      std::size_t close = dollar;
      while (close > 0 && text[close - 1] == '$') --close;
      std::size_t open = close == 0 ? none : rfind(text, "$", 0, close);
      while (open != none && open > 0 && text[open - 1] == '\\') open = rfind(text, "$", 0, open);
      if (open == none) return std::nullopt;
      content = text.substr(open + 1, close - open - 1);
      if (content.find("\n\n") != none || (close == dollar && !around_math(text, open, close))) {  // the $ of a price
        end = dollar;
        continue;
      }
      end = open;
    }
    content = trim(content);
    while (!content.empty() && (content.back() == '.' || content.back() == ',')) content.remove_suffix(1);
    if (has_content(content)) return std::string(content);
  }
  return std::nullopt;
}

// --- numbers: each function returns where what it reads from `at` on ends, and `at` where there is no such thing ---

std::size_t behind_blanks(std::string_view text, std::size_t at) {
  while (at < text.size() && text[at] == ' ') ++at;
  return at;
}

std::size_t behind_any(std::string_view text, std::size_t at, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (!text.substr(at).starts_with(word)) continue;
    const std::size_t end = at + word.size();
    if (!is_letter(word.back()) || end >= text.size() || !is_letter(text[end])) return end;
  }
  return at;
}

// 12, 1,234.5, .5
std::size_t behind_digits(std::string_view text, std::size_t at) {
  std::size_t i = at;
  while (i < text.size() && (is_digit(text[i]) || ((text[i] == '.' || (text[i] == ',' && i > at)) &&
                                                   i + 1 < text.size() && is_digit(text[i + 1]))))
    ++i;
  return i;
}

// ^2, ^{-3}, ², ½
std::size_t behind_exponent(std::string_view text, std::size_t at) {
  if (at < text.size() && text[at] == '^') {
    std::size_t i = at + 1;
    const bool group = i < text.size() && (text[i] == '{' || text[i] == '(');
    if (group) ++i;
    if (i < text.size() && text[i] == '-') ++i;
    const std::size_t end = behind_digits(text, i);
    if (end == i || (group && (end >= text.size() || (text[end] != '}' && text[end] != ')')))) return at;
    return group ? end + 1 : end;
  }
  return behind_any(text, at, {"²", "³", "½", "¼", "¾", "⅓", "⅔"});
}

// A number between signs that open and close it: (3), {3}.
std::size_t behind_group(std::string_view text, std::size_t at, char open, char close) {
  if (at >= text.size() || text[at] != open) return at;
  const std::size_t end = behind_digits(text, at + 1);
  return end > at + 1 && end < text.size() && text[end] == close ? end + 1 : at;
}

// π, √3, sqrt(3), \frac{1}{2}
std::size_t behind_constant(std::string_view text, std::size_t at) {
  if (const std::size_t end = behind_any(text, at, {"π", "\\pi", "pi"}); end != at) return end;
  for (const std::string_view root : {"√", "\\sqrt", "sqrt"}) {
    if (!text.substr(at).starts_with(root)) continue;
    const std::size_t i = at + root.size();
    for (const std::size_t end :
         {root == "√" ? behind_digits(text, i) : i, behind_group(text, i, '(', ')'), behind_group(text, i, '{', '}')}) {
      if (end != i) return end;
    }
  }
  for (const std::string_view fraction : {"\\frac", "\\dfrac", "\\tfrac"}) {
    if (!text.substr(at).starts_with(fraction)) continue;
    const std::size_t i = at + fraction.size();
    const std::size_t above = behind_group(text, i, '{', '}');
    const std::size_t below = behind_group(text, above, '{', '}');
    if (above != i && below != above) return below;
  }
  return at;
}

// 12, 5^2, 12π, 2√3
std::size_t behind_term(std::string_view text, std::size_t at) {
  const std::size_t digits = behind_digits(text, at);
  if (digits == at) return behind_constant(text, at);
  const std::size_t power = behind_exponent(text, digits);
  const std::size_t blank = behind_blanks(text, power);
  const bool near = blank == power || text.substr(blank).starts_with("π") || text.substr(blank).starts_with("pi");
  const std::size_t constant = near ? behind_constant(text, blank) : blank;
  return constant != blank ? constant : power;
}

// 3/8, 4π/3; but no date.
std::size_t behind_fraction(std::string_view text, std::size_t at) {
  const std::size_t above = behind_term(text, at);
  const std::size_t slash = behind_blanks(text, above);
  if (above == at || slash >= text.size() || text[slash] != '/') return above;
  const std::size_t begin = behind_blanks(text, slash + 1);
  const std::size_t below = behind_term(text, begin);
  const bool date = below + 1 < text.size() && text[below] == '/' && is_digit(text[below + 1]);
  return below == begin || date ? above : below;
}

// All of a number from its first sign on: 3/8, 1 1/2, 5^2, 12π, 3 * 10^5, 2.5 million.
std::size_t behind_number(std::string_view text, std::size_t at) {
  std::size_t end = behind_fraction(text, at);
  if (end == at) return at;
  if (all_digits(text.substr(at, end - at)) && end < text.size() && text[end] == ' ' && end + 1 < text.size() &&
      is_digit(text[end + 1])) {
    const std::size_t whole = behind_digits(text, end + 1);
    const std::size_t fraction = behind_fraction(text, end + 1);
    if (fraction > whole && whole < text.size() && text[whole] == '/') end = fraction;
  }
  const std::size_t blank = behind_blanks(text, end);
  if (const std::size_t times = behind_any(text, blank, {"×", "·", "*", "x", "\\times", "\\cdot"}); times != blank) {
    const std::size_t ten = behind_blanks(text, times);
    const std::size_t power = text.substr(ten).starts_with("10") ? behind_exponent(text, ten + 2) : ten + 2;
    if (power > ten + 2) end = power;
  }
  const std::size_t word = behind_blanks(text, end);
  const std::size_t scale = behind_any(text, word, {"hundred", "thousand", "million", "billion", "trillion"});
  return scale != word ? scale : end;
}

// Where the number begins whose last digits are from `start` to `end`.
std::size_t number_begin(std::string_view text, std::size_t start, std::size_t end) {
  constexpr std::size_t farthest = 48;
  for (std::size_t i = start > farthest ? start - farthest : 0; i < start; ++i) {
    const char before = i == 0 ? ' ' : text[i - 1];
    const bool inside = is_letter(before) || is_digit(before) || before == '_' || before == '^' || before == '/' ||
                        before == '\\' || ((before == '.' || before == ',') && i > 1 && is_digit(text[i - 2]));
    if (!inside && behind_number(text, i) >= end) return i;
  }
  return start;
}

}  // namespace

std::optional<std::string> extract_number(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    while (end > 0 && !is_digit(text[end - 1])) --end;
    if (end == 0) return std::nullopt;
    std::size_t start = end;
    while (start > 0) {
      const char c = text[start - 1];
      const bool inner = (c == '.' || c == ',') && start >= 2 && is_digit(text[start - 2]) && is_digit(text[start]);
      if (!is_digit(c) && !inner) break;
      --start;
    }
    const bool glued =
        (start > 0 && (is_letter(text[start - 1]) || text[start - 1] == '_')) ||
        (end < text.size() && (is_letter(text[end]) || text[end] == '_') && behind_any(text, end, {"pi"}) == end);
    if (glued) {
      end = start;
      continue;
    }
    start = number_begin(text, start, end);
    end = std::max(end, behind_number(text, start));
    constexpr std::string_view sign = "\xE2\x88\x92";  // U+2212
    if (text.substr(0, start).ends_with(sign)) {
      const std::size_t before = start - sign.size();
      if (before == 0 || is_space(text[before - 1])) return "-" + std::string(text.substr(start, end - start));
    }
    const bool minus =
        start > 0 && text[start - 1] == '-' &&
        (start < 2 || (!is_digit(text[start - 2]) && !is_letter(text[start - 2]) && text[start - 2] != ')'));
    if (minus) --start;
    return std::string(text.substr(start, end - start));
  }
  return std::nullopt;
}

std::optional<std::string> said_answer(std::string_view text) {
  text = after_thinking(text);
  if (auto box = boxed(text); box && !box->empty()) return box;
  std::size_t end = text.size();
  const std::size_t hashes = rfind(text, "####", 0, end);
  for (int tries = 0; tries < most_markers; ++tries) {
    const std::size_t at = rfind(text, "nswer", 2, end);
    if (at == none || (hashes != none && hashes > at)) break;
    end = at;
    auto found = said_at(text, at);
    if (!found) continue;
    if (found->whole) return std::move(found->whole);
    const std::string plain = without_bold(sentence(found->rest.substr(0, 2 * longest_said)), found->opened);
    const std::string_view said = without_marks(without_because(plain));
    if (has_content(said) && said.size() <= longest_said) return std::string(said);
  }
  return line_behind(text, hashes);
}

std::optional<std::string> extract_math(std::string_view text) {
  text = after_thinking(text);
  std::string rest;  // without boxes that show where the answer should stand
  if (auto box = boxed(text)) {
    if (!box->empty()) return box;
    rest = without_empty_boxes(text);
    text = rest;
  }
  if (auto said = after_marker(text)) return said;
  if (auto math = last_math(text)) return math;
  if (auto bold = last_bold(text)) return bold;
  return extract_number(text);
}

namespace {

constexpr std::string_view closing_marks = ")]}*$`\" ";

// Whether the letter at a position names a choice: no part of a word, no article, no "I".
bool stands_alone(std::string_view text, std::size_t i) {
  const auto wordy = [](char c) { return is_letter(c) || is_digit(c) || c == '\''; };
  if (!is_upper(text[i]) || (i > 0 && (wordy(text[i - 1]) || text[i - 1] == '\\'))) return false;
  if (i + 1 == text.size()) return true;
  if (wordy(text[i + 1]) || (text[i] == 'I' && text[i + 1] == ' ')) return false;
  return text[i] != 'A' || text[i + 1] != ' ' || i + 2 == text.size() || !is_letter(text[i + 2]) ||
         is_upper(text[i + 2]) || behind_any(text, i + 2, {"and", "or", "is", "are"}) != i + 2;
}

// The letter that "and", "or" or a comma joins to the one at `i`: of "B and C"; none where none does. "B, C is too small" says B.
std::size_t joined_letter(std::string_view text, std::size_t i) {
  std::size_t at = i + 1;
  bool word = false;
  bool comma = false;
  while (at < text.size()) {
    const std::size_t before = at;
    if ((closing_marks.find(text[at]) != none && !word && !comma) || text[at] == ' ') ++at;
    at = behind_any(text, at, {"\\text{", "\\textbf{", "\\mathrm{"});
    if (const std::size_t end = behind_any(text, at, {"and", "or", "AND", "OR", "&", "/"}); end != at) {
      word = true;
      at = end;
    }
    if (at < text.size() && (text[at] == ',' || text[at] == ';')) {
      comma = true;
      ++at;
    }
    if (word || comma) {
      at = behind_any(text, at, {"(", "[", "*", "$", "}", "\\boxed{", "option", "Option", "choice"});
    }
    if (at == before) break;
  }
  if ((!word && !comma) || at >= text.size() || !stands_alone(text, at)) return none;
  if (word) return at;
  std::size_t after = at + 1;
  while (after < text.size() && closing_marks.find(text[after]) != none) ++after;
  const bool goes_on = after < text.size() && is_letter(text[after]) &&
                       behind_any(text, after, {"and", "or", "are", "AND", "OR"}) == after;
  return goes_on ? none : at;
}

// Whether "not", "neither" or the like stands in front of a letter.
bool is_denied(std::string_view text, std::size_t i) {
  std::string_view before = text.substr(0, i);
  for (int words = 0; words < 4; ++words) {
    while (!before.empty() && !is_letter(before.back()) && std::string_view(" ([{*$`\"\\").find(before.back()) != none)
      before.remove_suffix(1);
    std::size_t start = before.size();
    while (start > 0 && (is_letter(before[start - 1]) || before[start - 1] == '\'')) --start;
    const std::string word = lower(before.substr(start));
    if (word.ends_with("not") || word.ends_with("n't") || word == "neither" || word == "nor" || word == "except")
      return true;
    if (word != "option" && word != "choice" && word != "answer" && word != "be" && word != "the" && word != "text" &&
        word != "textbf" && word != "boxed")
      return false;
    before = before.substr(0, start);
  }
  return false;
}

// Of "(b)", "b) 12", "option b": b.
std::optional<char> small_label(std::string_view text) {
  text = without_marks(text);
  for (const std::string_view word : {"The ", "the ", "Option ", "option ", "Choice ", "choice "}) {
    if (text.starts_with(word)) text = trim(text.substr(word.size()));
  }
  const bool open = text.starts_with('(') || text.starts_with('[');
  if (open) text.remove_prefix(1);
  if (text.empty() || !is_letter(text[0]) || (text.size() > 1 && text[1] != ')' && text[1] != ']')) return std::nullopt;
  if (open && text.size() == 1) return std::nullopt;
  return static_cast<char>(is_upper(text[0]) ? text[0] : text[0] - 'a' + 'A');
}

// The first letter that stands alone and is not denied, and those that are joined to it.
std::string letters_in(std::string_view said) {
  if (const auto label = small_label(said); label && joined_letter(said, said.find_first_of(")]")) == none)
    return {*label};
  std::string letters;
  for (std::size_t i = 0; i < said.size(); ++i) {
    if (!stands_alone(said, i) || is_denied(said, i)) continue;
    for (std::size_t at = i; at != none && letters.size() < 26; at = joined_letter(said, at)) letters += said[at];
    return letters;
  }
  return letters;
}

}  // namespace

std::string extract_choices(std::string_view text) {
  text = trim(after_thinking(text));
  if (const auto box = boxed(text); box && !box->empty()) return letters_in(*box);
  if (const auto said = said_answer(text)) {
    if (auto letters = letters_in(*said); !letters.empty()) return letters;
  }
  for (const std::string_view word : {"hoice is", "ption is", "hoice:", "ption:"}) {
    if (const std::size_t at = rfind(text, word, 0, text.size()); at != none) {
      if (auto letters = letters_in(sentence(text.substr(at + word.size(), 32))); !letters.empty()) return letters;
    }
  }
  if (const auto label = small_label(text.substr(0, 64)); label && text.size() <= 64 && letters_in(text).size() == 1)
    return {*label};
  constexpr std::size_t short_list = 64;
  const std::string_view bare = without_marks(text);
  if (text.size() <= 3 || (bare.size() <= short_list && bare.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") <= 1)) {
    if (auto letters = letters_in(bare); text.size() <= 3 ? !letters.empty() : letters.size() > 1) return letters;
  }
  for (std::size_t i = text.size(); i-- > 0;) {
    if (!is_upper(text[i])) continue;
    const bool left = i > 0 && text[i - 1] == '(';
    const bool right = i + 1 < text.size() && text[i + 1] == ')';
    const bool start = i == 0 || text[i - 1] == '\n' || text[i - 1] == '*';
    const bool mark =
        i + 1 == text.size() || text[i + 1] == '.' || text[i + 1] == ':' || text[i + 1] == '*' || text[i + 1] == '\n';
    if (!(left && right) && !(start && (right || mark))) continue;
    if (is_denied(text, i)) continue;
    std::string letters(1, text[i]);
    if (const std::size_t next = joined_letter(text, i); next != none) letters += text[next];
    constexpr std::size_t nearest = 24;
    for (std::size_t k = i > nearest ? i - nearest : 0; k < i; ++k) {
      if (stands_alone(text, k) && joined_letter(text, k) == i) letters += text[k];
    }
    return letters;
  }
  return {};
}

std::optional<std::string> extract_choice(std::string_view text) {
  const std::string letters = extract_choices(text);
  if (letters.empty() || letters.find_first_not_of(letters[0]) != none) return std::nullopt;
  return letters.substr(0, 1);
}

namespace {

std::size_t before_any(std::string_view text, std::size_t end, std::string_view signs) {
  while (end > 0 && signs.find(text[end - 1]) != none) --end;
  return end;
}

std::size_t before_letters(std::string_view text, std::size_t end) {
  while (end > 0 && is_letter(text[end - 1])) --end;
  return end;
}

// Where the month, or the day (2, 2nd), begins that ends at `end`; none where there is none.
std::size_t before_month(std::string_view text, std::size_t end) {
  const std::size_t start = before_letters(text, end);
  return month_named(text.substr(start, end - start)) == 0 ? none : start;
}

std::size_t before_day(std::string_view text, std::size_t end) {
  for (const std::string_view ending : {"st", "nd", "rd", "th"}) {
    if (text.substr(0, end).ends_with(ending)) end -= ending.size();
  }
  std::size_t start = end;
  while (start > 0 && end - start < 3 && is_digit(text[start - 1])) --start;
  return end - start == 1 || end - start == 2 ? start : none;
}

// Where the date begins whose year is from `year` on: May 2, 2021; 2nd of May 2021.
std::size_t before_year(std::string_view text, std::size_t year) {
  constexpr std::string_view between = " ,.";
  const std::size_t end = before_any(text, year, between);
  if (end == year) return none;
  if (const std::size_t day = before_day(text, end); day != none)
    return before_month(text, before_any(text, day, between));
  const std::size_t month = before_month(text, end);
  if (month == none) return none;
  std::size_t before = before_any(text, month, between);
  if (text.substr(0, before).ends_with(" of")) before = before_any(text, before - 2, between);
  return before_day(text, before);
}

}  // namespace

std::optional<std::string_view> last_date(std::string_view text) {
  for (std::size_t end = text.size(); end > 0;) {
    while (end > 0 && !is_digit(text[end - 1])) --end;
    std::size_t start = end;
    int marks = 0;
    while (start > 0 && (is_digit(text[start - 1]) || ((text[start - 1] == '/' || text[start - 1] == '-') &&
                                                       start >= 2 && is_digit(text[start - 2])))) {
      if (!is_digit(text[start - 1])) ++marks;
      --start;
    }
    if (marks == 2 && end - start >= 8 && end - start <= 10) return text.substr(start, end - start);
    if (marks == 0 && end - start == 4) {
      if (const std::size_t begin = before_year(text, start); begin != none) return text.substr(begin, end - begin);
    }
    if (start == end) break;
    end = start;
  }
  return std::nullopt;
}

std::optional<std::string> extract_date(std::string_view text) {
  text = after_thinking(text);
  auto said = said_answer(text);
  if (const auto date = last_date(said ? std::string_view(*said) : text)) return std::string(*date);
  if (said) return said;
  // In other words, the last line, where it is short.
  std::string_view last = trim(text);
  const std::size_t line = last.rfind('\n');
  if (line != none) last = trim(last.substr(line + 1));
  if (last.empty() || last.size() > 40 || !std::ranges::any_of(last, is_digit)) return std::nullopt;
  return std::string(without_marks(last));
}

std::optional<std::string> extract_code(std::string_view text) {
  text = after_thinking(text);
  const std::size_t close = rfind(text, "```", 0, text.size());
  if (close != none && close > 0) {
    const std::size_t open = rfind(text, "```", 0, close);
    if (open != none) {
      std::string_view content = text.substr(open + 3, close - open - 3);
      const std::size_t line = content.find('\n');
      if (line != none) content.remove_prefix(line + 1);
      text = content;
    }
  }
  while (!text.empty() && (text.front() == '\n' || text.front() == '\r')) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  if (trim(text).empty()) return std::nullopt;
  return std::string(text);
}

std::optional<std::string> extract_text(std::string_view text) {
  if (auto said = said_answer(text)) return said;
  return whole_text(text);
}

std::optional<std::string> whole_text(std::string_view text) {
  text = trim(after_thinking(text));
  if (text.empty()) return std::nullopt;
  return std::string(text);
}

bool looks_like_output(std::string_view text) {
  return box_before(text, text.size()).has_value() || rfind(text, "####", 0, text.size()) != none ||
         rfind(text, "</think>", 7, text.size()) != none || rfind(text, "nswer is", 6, text.size()) != none ||
         rfind(text, "nswer:", 5, text.size()) != none || rfind(text, "nswer\":", 6, text.size()) != none;
}

}  // namespace cope::answer
