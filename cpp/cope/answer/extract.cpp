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

// What read(Said) makes of what follows the last "answer is" or "answer:" that it can read, or the line behind "####".
template <typename Read>
std::optional<std::string> behind_marker(std::string_view text, const Read& read) {
  std::size_t end = text.size();
  const std::size_t hashes = rfind(text, "####", 0, end);
  for (int tries = 0; tries < most_markers; ++tries) {
    const std::size_t at = rfind(text, "nswer", 2, end);
    if (at == none || (hashes != none && hashes > at)) break;
    end = at;
    auto found = said_at(text, at);
    if (!found) continue;
    if (found->whole) return std::move(found->whole);
    if (auto said = read(*found)) return said;
  }
  return line_behind(text, hashes);
}

// As mathematics.
std::optional<std::string> after_marker(std::string_view text) {
  return behind_marker(text, [](const Said& found) -> std::optional<std::string> {
    const std::string_view rest = found.rest;
    if (rest.starts_with("$$") || rest.starts_with("\\[") || rest.starts_with("$") || rest.starts_with("\\(")) {
      if (auto math = joined_math(rest.substr(0, 4096)); math && has_content(*math)) return math;
    }
    const std::string plain = without_bold(sentence(rest.substr(0, 2 * longest_said)), found.opened);
    const std::string_view said = without_marks(plain);
    if (!has_content(said) || said.size() > longest_said) return std::nullopt;
    if (auto math = joined_math(said); math && has_content(*math)) return math;
    if (is_prose(said) && !is_digit(said[0])) {  // "there are **6** ways to choose them": the number in it
      if (auto bold = last_bold(sentence(rest))) return bold;
      return extract_number(said);
    }
    return std::string(without_marks(is_prose(said) ? without_reason(said) : without_because(said)));
  });
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

}  // namespace

std::optional<std::string> said_answer(std::string_view text) {
  text = after_thinking(text);
  if (auto box = boxed(text); box && !box->empty()) return box;
  return behind_marker(text, [](const Said& found) -> std::optional<std::string> {
    const std::string plain = without_bold(sentence(found.rest.substr(0, 2 * longest_said)), found.opened);
    const std::string_view said = without_marks(without_because(plain));
    if (!has_content(said) || said.size() > longest_said) return std::nullopt;
    return std::string(said);
  });
}

std::optional<std::string> extract_math(std::string_view text) {
  // Most texts end in a box: what stands before it need not be looked through for the end of the thinking.
  if (const auto last = box_before(text, text.size());
      !last || rfind(text.substr(last->begin), "</think>", 7, text.size() - last->begin) != none)
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
  const std::size_t is = rfind(text, "nswer is", 6, text.size());
  const bool said = is != none && (is + 8 >= text.size() || !is_letter(text[is + 8]));  // and not "isn't"
  return said || box_before(text, text.size()).has_value() || rfind(text, "####", 0, text.size()) != none ||
         rfind(text, "</think>", 7, text.size()) != none || rfind(text, "nswer:", 5, text.size()) != none ||
         rfind(text, "nswer\":", 6, text.size()) != none;
}

}  // namespace cope::answer
