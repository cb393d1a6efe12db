// What one stage does with one problem at one k: how likely it is to climb to each step of its thresholds, to be right there, and to carry each sample on.
// In sampling order that is one certain outcome (Number = int64, masses 0 and 1); over subsets it is a distribution (double). Whatever combines
// stages takes either.
//
//   std::vector<Law<double>> laws = subset_laws(stage, row, ladders, /*carried_samples=*/0, choose);    // one a value of k
//
// Thread-safety: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cope/sweep/ladder.h"
#include "cope/sweep/recording.h"

namespace cope::sweep {

template <typename Number>
struct Law {
  std::vector<Number> mass;     // [steps + 1]: that so many steps are climbed, unscored among step 0
  std::vector<Number> correct;  // [steps + 1]: that they are and the answer is right
  Number unscored = 0;
  Number cost_pusd = 0;
  std::vector<Number>
      carry;  // [steps + 1][samples], where the stage's carried sample matters: that they are and it is that one; else empty
};

// The thresholds of a stage, at each k.
struct StageLadder {
  StageLadder(const StageRecord& stage, const std::vector<int>& ks, bool last);

  Ladder ladder;
  bool last;
  std::vector<int> used;  // [K]: samples that count
  std::vector<Steps> steps;
  std::vector<VoteSteps> votes;

  int step(std::size_t k_index, int level) const { return steps[k_index].of_level[static_cast<std::size_t>(level)]; }
};

// Binomial coefficients up to a size; in double, whose relative error is below n x 2^-53.
class Choose {
 public:
  explicit Choose(int largest);
  double operator()(int n, int k) const { return k < 0 || k > n ? 0.0 : rows_[row(n) + static_cast<std::size_t>(k)]; }

 private:
  static std::size_t row(int n) { return static_cast<std::size_t>(n) * (static_cast<std::size_t>(n) + 1) / 2; }
  std::vector<double> rows_;
};

inline constexpr int max_subset_samples = 1000;  // C(1000, 500) still is a double

// The samples in the order in which they were drawn: exactly what decide() says of the first k. `row`: the problem's variant; `custom`: the value of a
// custom gate. Throws DataError where costs leave int64.
Law<std::int64_t> order_law(const StageRecord& stage, std::size_t row, const StageLadder& ladder, std::size_t k_index,
                            double custom, bool carries);

// An ordered k of the recorded samples at random, without replacement, at each k. Given how many samples of each class were drawn every order is equally
// likely: so of tied classes each wins equally often, and of the winning class each sample is equally often its first.
std::vector<Law<double>> subset_laws(const StageRecord& stage, std::size_t row, const StageLadder& ladder, bool carries,
                                     const Choose& choose);

}  // namespace cope::sweep
