// A non-negative rational threshold. Gates compare counts with it in integers, so 2/3 of 3 votes is 2 votes, never 0.67 of them.
//
//   Rational tau{3, 4};   compare(6, 8, tau) == 0   // 6 of 8 is exactly three quarters
//
// Thread-safety: a value and pure functions.
#pragma once

#include <cstdint>

namespace cope {

struct Rational {
  std::int64_t numerator = 0;
  std::int64_t denominator = 1;

  double value() const { return static_cast<double>(numerator) / static_cast<double>(denominator); }
  bool operator==(const Rational&) const = default;
};

// The sign of count / of - threshold, exactly.
// REQUIRES: count, of and threshold.numerator are >= 0, threshold.denominator > 0; of == 0 counts as the ratio 0.
inline int compare(std::int64_t count, std::int64_t of, Rational threshold) {
  if (of == 0) return threshold.numerator > 0 ? -1 : 0;
  __extension__ using int128 = __int128;
  const int128 left = static_cast<int128>(count) * threshold.denominator;
  const int128 right = static_cast<int128>(threshold.numerator) * of;
  return left < right ? -1 : left > right;
}

}  // namespace cope
