// Units as written behind a value ("square inches", "m / s ^2", "dollar") and what they measure.
//
// Thread-safety: pure functions.
#pragma once

#include <gmpxx.h>

#include <string>
#include <string_view>

namespace cope::answer {

struct Measure {
  enum class Kind { none, known, unknown };  // none: "units", "square units", "radians": words that add nothing
  Kind kind = Kind::none;
  mpq_class factor = 1;   // of the base units
  std::string dimension;  // "L2", "L T-1", "$"; of an unknown unit its words
};

Measure measure_of(std::string_view words);

}  // namespace cope::answer
