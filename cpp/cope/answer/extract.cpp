#include "cope/answer/extract.h"

#include <algorithm>
#include <vector>

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

// What follows the last "answer is", "answer:" or "####".
std::optional<std::string> after_marker(std::string_view text) {
  std::size_t end = text.size();
  const std::size_t hashes = rfind(text, "####", 0, end);
  for (int tries = 0; tries < 64; ++tries) {
    const std::size_t at = rfind(text, "nswer", 2, end);
    if (at == none || (hashes != none && hashes > at)) break;
    end = at;
    std::string_view rest = text.substr(at + 5);
    if (rest.starts_with('>') && text.substr(0, at).ends_with("<a")) {
      const std::string_view inside = trim(rest.substr(1, std::min(rest.find("</answer>"), longest_said) - 1));
      if (has_content(inside)) return std::string(inside);
    }
    if (rest.starts_with('s')) rest.remove_prefix(1);
    if (rest.starts_with('"')) {
      if (auto value = json_value(rest)) return value;
      rest.remove_prefix(1);
    }
    bool marked = false;
    bool opened = false;  // a "**" in front of the answer
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
    if (!marked) continue;
    rest = trim(rest);
    if (rest.starts_with("$$") || rest.starts_with("\\[") || rest.starts_with("$") || rest.starts_with("\\(")) {
      if (auto math = joined_math(rest.substr(0, 4096)); math && has_content(*math)) return math;
    }
    const std::string plain = without_bold(sentence(rest.substr(0, 2 * longest_said)), opened);
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
  if (hashes != none) {
    std::string_view line = text.substr(hashes + 4);
    line = trim(line.substr(0, line.find('\n')));
    if (!line.empty()) return std::string(line);
  }
  return std::nullopt;
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
    const bool glued = (start > 0 && (is_letter(text[start - 1]) || text[start - 1] == '_')) ||
                       (end < text.size() && (is_letter(text[end]) || text[end] == '_'));
    if (!glued) {
      constexpr std::string_view sign = "\xE2\x88\x92";  // U+2212
      if (text.substr(0, start).ends_with(sign)) {
        const std::size_t before = start - sign.size();
        if (before == 0 || is_space(text[before - 1])) return "-" + std::string(text.substr(start, end - start));
      }
      const bool minus =
          start > 0 && text[start - 1] == '-' &&
          (start < 2 || (!is_digit(text[start - 2]) && !is_letter(text[start - 2]) && text[start - 2] != ')'));
      return std::string(text.substr(minus ? start - 1 : start, end - (minus ? start - 1 : start)));
    }
    end = start;
  }
  return std::nullopt;
}

std::optional<std::string> extract_math(std::string_view text) {
  text = after_thinking(text);
  if (auto box = boxed(text)) {
    if (box->empty()) return std::nullopt;
    return box;
  }
  if (auto said = after_marker(text)) return said;
  if (auto math = last_math(text)) return math;
  if (auto bold = last_bold(text)) return bold;
  return extract_number(text);
}

std::optional<std::string> extract_choice(std::string_view text) {
  text = trim(after_thinking(text));
  const auto letter_in = [](std::string_view said) -> std::optional<std::string> {
    // A lone capital letter: the first that is "(C)", "C)", "C.", "C:" or stands alone.
    for (std::size_t i = 0; i < said.size(); ++i) {
      if (!is_upper(said[i])) continue;
      if (i > 0 && (is_letter(said[i - 1]) || is_digit(said[i - 1]) || said[i - 1] == '\'')) continue;
      if (i + 1 < said.size() && (is_letter(said[i + 1]) || is_digit(said[i + 1]) || said[i + 1] == '\'')) continue;
      const bool article = said[i] == 'A' && i + 2 < said.size() && said[i + 1] == ' ' && is_letter(said[i + 2]) &&
                           !is_upper(said[i + 2]);
      if (said[i] == 'I' && i + 1 < said.size() && said[i + 1] == ' ') continue;
      if (!article) return std::string(1, said[i]);
    }
    return std::nullopt;
  };
  if (const auto box = boxed(text)) return letter_in(*box);
  if (const auto said = after_marker(text)) {
    if (auto letter = letter_in(*said)) return letter;
  }
  for (const std::string_view word : {"hoice is", "ption is", "hoice:", "ption:"}) {
    if (const std::size_t at = rfind(text, word, 0, text.size()); at != none) {
      if (auto letter = letter_in(sentence(text.substr(at + word.size(), 32)))) return letter;
    }
  }
  if (text.size() <= 3) {
    if (auto letter = letter_in(text)) return letter;
  }
  for (std::size_t i = text.size(); i-- > 0;) {
    if (!is_upper(text[i])) continue;
    const bool left = i > 0 && text[i - 1] == '(';
    const bool right = i + 1 < text.size() && text[i + 1] == ')';
    const bool start = i == 0 || text[i - 1] == '\n' || text[i - 1] == '*';
    const bool mark =
        i + 1 == text.size() || text[i + 1] == '.' || text[i + 1] == ':' || text[i + 1] == '*' || text[i + 1] == '\n';
    if ((left && right) || (start && (right || mark))) return std::string(1, text[i]);
  }
  return std::nullopt;
}

std::optional<std::string> extract_date(std::string_view text) {
  text = after_thinking(text);
  if (auto box = boxed(text)) return box;
  if (auto said = after_marker(text)) return said;
  // The last 05/01/2021 or 2021-05-01: two marks between digits, and no more digits around.
  for (std::size_t end = text.size(); end > 0;) {
    while (end > 0 && !is_digit(text[end - 1])) --end;
    std::size_t start = end;
    int marks = 0;
    while (start > 0 && (is_digit(text[start - 1]) || ((text[start - 1] == '/' || text[start - 1] == '-') &&
                                                       start >= 2 && is_digit(text[start - 2])))) {
      if (!is_digit(text[start - 1])) ++marks;
      --start;
    }
    if (marks == 2 && end - start >= 8 && end - start <= 10) return std::string(text.substr(start, end - start));
    if (start == end) break;
    end = start;
  }
  // May 1, 2021: the last line, where it is short.
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
