// The names that answers use: LaTeX commands and their plain spellings, connectors, units. Tables only.
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace cope::answer {

// \dfrac -> frac, \lvert -> vert, \leqslant -> le; other names as they are.
std::string_view command_name(std::string_view name);

// sqrt, sin, pi, infinity ... written without a backslash: the command's name; empty where the word is none.
std::string_view plain_command(std::string_view word);

// Whether the name is one that the parser knows.
bool is_known_command(std::string_view name);

// sin, log, ...: commands that take an argument without braces.
bool is_function(std::string_view name);

// alpha, theta, ...
bool is_greek(std::string_view name);

bool is_connector(std::string_view word);    // and, or
bool is_common_word(std::string_view word);  // two or three letters that are no product: the, is, of, day, ...
bool is_short_unit(std::string_view word);   // cm, kg, ft, ...: a unit after a number, a product elsewhere

// zero, one, ... ninety-nine; -1 for other words.
int number_word(std::string_view word);

// half, thirds, fourth, quarters, ... tenths, hundredths: 2, 3, 4, ...; 0 for other words.
int fraction_word(std::string_view word);

// A unit's dimension and its size in base units, exact: numerator / denominator.
struct Unit {
  std::string_view dimension;
  std::int64_t numerator;
  std::int64_t denominator;
};

std::optional<Unit> find_unit(std::string_view word);

}  // namespace cope::answer
