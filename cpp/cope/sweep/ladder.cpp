#include "cope/sweep/ladder.h"

#include <algorithm>
#include <ranges>

#include "cope/cascade/comparison.h"

namespace cope::sweep {

Ladder::Ladder(const StageRecord& stage, bool last)
    : thresholds_(last ? std::vector<Rational>{} : stage.thresholds),
      comparison_(stage.gate.comparison),
      count_(thresholds_.empty() ? 1 : static_cast<int>(thresholds_.size())),
      upward_(upward(comparison_)),
      counts_of_k_(!thresholds_.empty() && stage.gate.measure == Gate::Measure::consensus &&
                   stage.gate.denominator == Gate::Denominator::k) {
  if (thresholds_.empty()) {
    upward_ = true;
    counts_of_k_ = true;
  }
}

// How many thresholds accept. `accepts` of a threshold: holds for all looser ones, too.
template <typename Accepts>
int Ladder::rungs(const Accepts& accepts) const {
  const auto climbed = [&](auto&& range) {
    return static_cast<int>(std::ranges::partition_point(range, accepts) - std::ranges::begin(range));
  };
  return upward_ ? climbed(thresholds_) : climbed(thresholds_ | std::views::reverse);
}

int Ladder::level(int votes, int of) const {
  if (thresholds_.empty()) return votes > 0 ? 1 : 0;
  return rungs([&](Rational threshold) { return accepts_votes(comparison_, votes, of, threshold); });
}

int Ladder::level(double measure) const {
  if (thresholds_.empty()) return 1;
  return rungs([&](Rational threshold) { return accepts_measure(comparison_, measure, threshold); });
}

Steps::Steps(const Ladder& ladder, int used) {
  const int top = ladder.thresholds();
  std::vector<char> occurs(static_cast<std::size_t>(top) + 1, 1);
  if (ladder.counts_of_k()) {
    std::ranges::fill(occurs, 0);
    for (int votes = 0; votes <= used; ++votes) occurs[static_cast<std::size_t>(ladder.level(votes, used))] = 1;
  }
  // Rungs between two neighbouring levels that occur are climbed together.
  int step = -1;
  for (int level = 0; level <= top; ++level) {
    step += occurs[static_cast<std::size_t>(level)];
    of_level.push_back(step);
  }
  for (int i = 0; i < top; ++i) of_threshold.push_back(of_level[static_cast<std::size_t>(ladder.rung(i))]);
  count = *std::ranges::max_element(of_threshold) + 1;
}

VoteSteps::VoteSteps(const Ladder& ladder, const Steps& steps, int used) : by_answered_(!ladder.counts_of_k()) {
  for (int of = by_answered_ ? 0 : used; of <= used; ++of) {
    std::vector<int>& row = rows_.emplace_back();
    for (int votes = 0; votes <= of; ++votes) {
      row.push_back(steps.of_level[static_cast<std::size_t>(ladder.level(votes, of))]);
    }
  }
}

}  // namespace cope::sweep
