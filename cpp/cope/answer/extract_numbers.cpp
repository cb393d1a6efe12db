// Numbers in sentences, each with all that it is part of: 3/8, 1 1/2, 5^2, 12π, 2.5 million.
#include <algorithm>
#include <initializer_list>

#include "cope/answer/chars.h"
#include "cope/answer/extract.h"
#include "cope/answer/passages.h"

namespace cope::answer {

namespace {

// Each function returns where what it reads from `at` on ends, and `at` where there is no such thing.

std::size_t behind_blanks(std::string_view text, std::size_t at) {
  while (at < text.size() && text[at] == ' ') ++at;
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

}  // namespace cope::answer
