#include "cope/answer/math.h"

#include <array>
#include <cstdint>
#include <numeric>

namespace cope {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// The content of the group whose '{' is at `open`; none where it is never closed.
std::optional<std::string_view> group_at(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;  // an escaped brace opens and closes nothing
    } else if (text[i] == '{') {
      ++depth;
    } else if (text[i] == '}' && --depth == 0) {
      return text.substr(open + 1, i - open - 1);
    }
  }
  return std::nullopt;
}

// Unclosed boxes are tried from the end; a text that opens thousands of them is given up on after a few.
constexpr int max_unclosed_boxes = 16;

std::optional<std::string_view> last_box(std::string_view text) {
  std::size_t end = text.size();
  for (int tries = 0; tries < max_unclosed_boxes && end > 0; ++tries) {
    const std::size_t boxed = text.rfind("\\boxed", end - 1);
    const std::size_t fboxed = text.rfind("\\fbox", end - 1);
    std::size_t start = boxed;
    std::size_t length = 6;
    if (boxed == std::string_view::npos || (fboxed != std::string_view::npos && fboxed > boxed)) {
      start = fboxed;
      length = 5;
    }
    if (start == std::string_view::npos) return std::nullopt;
    std::size_t open = start + length;
    while (open < text.size() && is_space(text[open])) ++open;
    if (open < text.size() && text[open] == '{') {
      if (const auto content = group_at(text, open)) return content;
    } else if (open > start + length && open < text.size()) {  // \boxed 5
      std::size_t stop = open;
      while (stop < text.size() && !is_space(text[stop]) && text[stop] != '$') ++stop;
      if (stop > open) return text.substr(open, stop - open);
    }
    end = start;
  }
  return std::nullopt;
}

std::optional<std::string_view> after_hashes(std::string_view text) {
  const std::size_t mark = text.rfind("####");
  if (mark == std::string_view::npos) return std::nullopt;
  std::string_view line = text.substr(mark + 4);
  line = trim(line.substr(0, line.find('\n')));
  if (line.empty()) return std::nullopt;
  return line;
}

// The last number that is not glued to a word, with its sign and its thousands separators.
std::optional<std::string_view> last_number(std::string_view text) {
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
      const bool minus =
          start > 0 && text[start - 1] == '-' &&
          (start < 2 || (!is_digit(text[start - 2]) && !is_letter(text[start - 2]) && text[start - 2] != ')'));
      return text.substr(minus ? start - 1 : start, end - (minus ? start - 1 : start));
    }
    end = start;
  }
  return std::nullopt;
}

void erase_all(std::string& text, std::string_view what) {
  std::size_t out = 0;
  std::size_t i = 0;
  while (i < text.size()) {
    // A command ends where its letters end: \left must not eat the head of \leftarrow.
    const bool command = what.size() > 1 && what[0] == '\\' && is_letter(what.back());
    const bool here = text.compare(i, what.size(), what) == 0 &&
                      !(command && i + what.size() < text.size() && is_letter(text[i + what.size()]));
    if (here) {
      i += what.size();
    } else {
      text[out++] = text[i++];
    }
  }
  text.resize(out);
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  std::string result;
  result.reserve(text.size());
  std::size_t i = 0;
  while (i < text.size()) {
    if (text.compare(i, what.size(), what) == 0) {
      result += with;
      i += what.size();
    } else {
      result.push_back(text[i++]);
    }
  }
  text = std::move(result);
}

struct Fraction {
  std::int64_t numerator;
  std::int64_t denominator;
};

// Up to 17 digits, so that nothing below overflows; longer numbers are compared as text.
std::optional<Fraction> decimal(std::string_view text) {
  Fraction value{0, 1};
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int digits = 0;
  bool point = false;
  for (const char c : text) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (!is_digit(c) || ++digits > 17) return std::nullopt;
    value.numerator = 10 * value.numerator + (c - '0');
    if (point) value.denominator *= 10;
  }
  if (digits == 0) return std::nullopt;
  if (negative) value.numerator = -value.numerator;
  return value;
}

// 1,250,000 -> 1250000, only where the commas separate thousands.
std::string without_thousands(std::string_view text) {
  const std::size_t first = text.find(',');
  if (first == std::string_view::npos || first == 0) return std::string(text);
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::size_t head = first - (text[0] == '-' ? 1 : 0);
  if (head < 1 || head > 3) return std::string(text);
  std::string plain(whole.substr(0, first));
  std::size_t i = first;
  while (i < whole.size()) {
    if (whole[i] != ',' || i + 4 > whole.size()) return std::string(text);
    for (std::size_t j = i + 1; j <= i + 3; ++j) {
      if (!is_digit(whole[j])) return std::string(text);
      plain.push_back(whole[j]);
    }
    i += 4;
  }
  if (point != std::string_view::npos) plain += text.substr(point);
  return plain;
}

std::optional<Fraction> number(std::string_view text) {
  bool negative = false;
  std::string_view body = text;
  if (body.starts_with('-') && body.substr(1).starts_with("\\frac")) {
    negative = true;
    body.remove_prefix(1);
  }
  std::optional<Fraction> top;
  std::optional<Fraction> bottom;
  if (body.starts_with("\\frac")) {
    std::string_view rest = body.substr(5);
    std::array<std::optional<Fraction>*, 2> parts{&top, &bottom};
    for (auto* part : parts) {
      if (rest.empty()) return std::nullopt;
      if (rest[0] == '{') {
        const auto content = group_at(rest, 0);
        if (!content) return std::nullopt;
        *part = decimal(*content);
        rest.remove_prefix(content->size() + 2);
      } else {  // \frac34
        *part = decimal(rest.substr(0, 1));
        rest.remove_prefix(1);
      }
    }
    if (!rest.empty()) return std::nullopt;
  } else if (const std::size_t slash = body.find('/'); slash != std::string_view::npos) {
    top = decimal(body.substr(0, slash));
    bottom = decimal(body.substr(slash + 1));
  } else {
    top = decimal(without_thousands(body));
    bottom = Fraction{1, 1};
  }
  if (!top || !bottom || bottom->numerator == 0) return std::nullopt;
  Fraction value{};
  if (__builtin_mul_overflow(top->numerator, bottom->denominator, &value.numerator) ||
      __builtin_mul_overflow(top->denominator, bottom->numerator, &value.denominator)) {
    return std::nullopt;
  }
  if (value.denominator < 0) {
    value.numerator = -value.numerator;
    value.denominator = -value.denominator;
  }
  if (negative) value.numerator = -value.numerator;
  const std::int64_t divisor = std::gcd(value.numerator, value.denominator);
  return Fraction{value.numerator / divisor, value.denominator / divisor};
}

}  // namespace

std::optional<std::string> extract_math(std::string_view text) {
  if (const std::size_t thought = text.rfind("</think>"); thought != std::string_view::npos)
    text.remove_prefix(thought + 8);
  if (const auto box = last_box(text)) {
    const std::string_view content = trim(*box);
    if (content.empty()) return std::nullopt;
    return std::string(content);
  }
  if (const auto line = after_hashes(text)) return std::string(*line);
  if (const auto digits = last_number(text)) return std::string(*digits);
  return std::nullopt;
}

std::string canonical_math(std::string_view answer) {
  std::string text(trim(answer));
  replace_all(text, "\xE2\x88\x92", "-");  // the Unicode minus sign
  replace_all(text, "\\dfrac", "\\frac");
  replace_all(text, "\\tfrac", "\\frac");
  for (const std::string_view noise : {"\\left", "\\right", "\\!", "\\,", "\\;", "\\:", "\\ ", "\\$", "$"})
    erase_all(text, noise);
  for (const std::string_view command : {"\\text{", "\\mathrm{", "\\mbox{"}) {
    if (!text.starts_with(command)) continue;
    const auto content = group_at(text, command.size() - 1);
    if (content && content->size() + command.size() + 1 == text.size()) text = std::string(*content);
  }
  std::string tight;
  for (const char c : text) {
    if (!is_space(c)) tight.push_back(c);
  }
  while (tight.size() > 1 && tight.back() == '.') tight.pop_back();
  if (const auto value = number(tight)) {
    if (value->denominator == 1) return std::to_string(value->numerator);
    return std::to_string(value->numerator) + "/" + std::to_string(value->denominator);
  }
  return tight;
}

bool equivalent_math(std::string_view gold, std::string_view answer) {
  return canonical_math(gold) == canonical_math(answer);
}

}  // namespace cope
