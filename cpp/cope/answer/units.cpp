#include "cope/answer/units.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <vector>

#include "cope/answer/chars.h"
#include "cope/answer/names.h"

namespace cope::answer {

namespace {

std::vector<std::string_view> split(std::string_view words) {
  std::vector<std::string_view> parts;
  while (!words.empty()) {
    const std::size_t stop = words.find(' ');
    if (stop != 0) parts.push_back(words.substr(0, stop));
    if (stop == std::string_view::npos) break;
    words.remove_prefix(stop + 1);
  }
  return parts;
}

// A small integer, within -9 and 9.
int integer_of(std::string_view digits) {
  int value = 0;
  const bool minus = digits.starts_with('-');
  for (const char c : digits.substr(minus ? 1 : 0)) {
    if (is_digit(c)) value = std::min(9, 10 * value + (c - '0'));
  }
  return minus ? -value : value;
}

// "T" with the exponent 2 -> T^2; a dimension such as "L T-1" keeps its own exponents.
void raise(std::map<std::string, int>& dimensions, std::string_view dimension, int exponent) {
  for (const std::string_view part : split(dimension)) {
    std::size_t letters = 0;
    while (letters < part.size() && part[letters] != '-' && !is_digit(part[letters])) ++letters;
    const int own = letters < part.size() ? integer_of(part.substr(letters)) : 1;
    dimensions[std::string(part.substr(0, letters))] += own * exponent;
  }
}

mpq_class power_of(const mpq_class& value, int exponent) {
  mpq_class result = 1;
  for (int k = 0; k < std::abs(exponent); ++k) result *= value;
  return exponent < 0 ? mpq_class(1 / result) : result;
}

}  // namespace

Measure measure_of(std::string_view words) {
  Measure measure;
  std::map<std::string, int> dimensions;
  const auto parts = split(words);
  bool unknown = false;
  bool known = false;
  int next_power = 1;
  int sign = 1;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const std::string name = lower(parts[k]);
    const bool raised = k + 1 < parts.size() && parts[k + 1][0] == '^';
    const bool inches = name == "in" && (parts.size() == 1 || raised || next_power > 1);  // else a preposition
    if (name == "square" || name == "sq" || name == "squared") {
      next_power = 2;
    } else if (name == "cubic" || name == "cubed") {
      next_power = 3;
    } else if (name == "/" || name == "per" || name == "p") {
      sign = -1;
    } else if (!inches && (name == "." || name == "of" || name == "unit" || name == "units" || name == "long" ||
                           name == "in" || name == "total")) {
      next_power = 1;
    } else if (name == "radians" || name == "radian" || name == "rad") {
      // a pure number
    } else if (name[0] == '^') {
      continue;  // taken with its unit
    } else {
      auto unit = find_unit(parts[k]);
      if (!unit) unit = find_unit(name);
      if (!unit) {
        unknown = true;
        continue;
      }
      known = true;
      int exponent = next_power;
      next_power = 1;
      if (raised) exponent = integer_of(parts[k + 1].substr(1));
      if (k + 1 < parts.size() && (parts[k + 1] == "squared" || parts[k + 1] == "cubed"))
        exponent = parts[k + 1] == "squared" ? 2 : 3;
      measure.factor *= power_of(mpq_class(unit->numerator, unit->denominator), sign * exponent);
      raise(dimensions, unit->dimension, sign * exponent);
      sign = 1;
    }
  }
  if (unknown) {
    measure.kind = Measure::Kind::unknown;
    measure.factor = 1;
    constexpr std::size_t symbol = 3;  // mJ is not MJ
    measure.dimension = words.size() > symbol ? lower(words) : std::string(words);
    if (words.size() > symbol && words.back() == 's' && !words.ends_with("us") && parts.back().size() > 1)
      measure.dimension.pop_back();
    return measure;
  }
  measure.factor.canonicalize();
  if (!known) return measure;
  measure.kind = Measure::Kind::known;
  for (const auto& [name, exponent] : dimensions) {
    if (exponent == 0 || name.empty()) continue;
    if (!measure.dimension.empty()) measure.dimension += ' ';
    measure.dimension += name + (exponent == 1 ? "" : std::to_string(exponent));
  }
  return measure;
}

}  // namespace cope::answer
