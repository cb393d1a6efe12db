// Answers by the kind of task: where they stand, when two are the same, whether one is right. The engine and Python call these.
//
//   extract("... \\boxed{042}", Kind::integer)  ->  "042"        vote_key("042", Kind::integer)  ->  "42"
//   grade("\\frac43", "1\\frac13", Kind::math).correct
//
// math     what models write in \boxed{}; the policy is docs/answers.md
// integer  AIME: an integer, leading zeros or not
// number   GSM8K: what follows "####", else the last number, with all of what it is part of (3/8, 2.5 million); units, money and percent signs do not count
// choice   one letter; a gold answer may be a list of such
// date     05/01/2021 (month first), 2021-05-01, May 1, 2021
// text     words without case, articles and punctuation
// output   what a program prints: lines, without blanks at their ends
// automatic  a date where both are dates, else math
//
// Laws: vote keys are an equivalence; answers with equal keys grade as correct; an empty answer has no key and is never correct.
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cope/answer/grade.h"

namespace cope::answer {

enum class Kind : std::uint8_t { math, integer, number, choice, date, text, output, automatic };

std::optional<Kind> kind_named(std::string_view name);  // "auto" is automatic

// None where the text gives no answer.
std::optional<std::string> extract(std::string_view text, Kind kind);

Verdict grade(std::string_view gold, std::string_view answer, Kind kind);

// None where the answer is empty.
std::optional<std::string> vote_key(std::string_view answer, Kind kind);

}  // namespace cope::answer
