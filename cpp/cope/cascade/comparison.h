// How a gate holds votes or a measure against a threshold: the one place that says so, for decisions and for sweeps.
//
//   accepts_votes(Gate::Comparison::greater, 6, 8, Rational{3, 4})          // false: 6 of 8 is three quarters exactly
//   accepts_votes(Gate::Comparison::greater_equal, 6, 8, Rational{3, 4})    // true
//
// Thread-safety: pure.
#pragma once

#include "cope/base/rational.h"
#include "cope/cascade/cascade.h"

namespace cope {

// True where high values are accepted.
inline bool upward(Gate::Comparison comparison) {
  return comparison == Gate::Comparison::greater || comparison == Gate::Comparison::greater_equal;
}

// `sign`: of the value minus the threshold.
inline bool holds(Gate::Comparison comparison, int sign) {
  switch (comparison) {
    case Gate::Comparison::greater:
      return sign > 0;
    case Gate::Comparison::greater_equal:
      return sign >= 0;
    case Gate::Comparison::less:
      return sign < 0;
    case Gate::Comparison::less_equal:
      return sign <= 0;
  }
  return false;
}

// Exact. No votes are no answer, so there is nothing to accept, even at 0 with >=.
inline bool accepts_votes(Gate::Comparison comparison, int votes, int of, Rational threshold) {
  return votes > 0 && holds(comparison, compare(votes, of, threshold));
}

// Perplexities, scores and values of custom gates: floating point, as the threshold then is. REQUIRES: not NaN.
inline bool accepts_measure(Gate::Comparison comparison, double value, Rational threshold) {
  const double limit = threshold.value();
  return holds(comparison, value < limit ? -1 : static_cast<int>(value > limit));
}

}  // namespace cope
