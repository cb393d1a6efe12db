// The thresholds of a gate as a ladder: a vote or a measure climbs as many rungs as there are thresholds that accept it.
//
//   Ladder ladder(stage, /*last=*/false);
//   ladder.level(6, 8)           // of the thresholds, how many accept 6 votes of 8: decided as decide() does
//   Steps steps(ladder, stage, k);
//   steps.of_level[level] > steps.of_threshold[i]    // threshold i accepts
//
// A gate accepts at a threshold exactly where it accepts at all looser ones, so its level says everything. And k votes reach k + 1 levels at most,
// so most thresholds of a fine grid are the same threshold: a step a distinct level is all that is computed.
//
// Thread-safety: const after construction.
#pragma once

#include <cstdint>
#include <vector>

#include "cope/sweep/recording.h"

namespace cope::sweep {

class Ladder {
 public:
  // The last stage, whose gate decides nothing, is a ladder of one rung that anything scored climbs.
  Ladder(const StageRecord& stage, bool last);

  // Of the grid's axis: the number of thresholds; 1 for gates without.
  int thresholds() const { return count_; }
  int level(int votes, int of) const;
  int level(double measure) const;
  int level(bool accepted) const { return accepted ? 1 : 0; }
  // The rung of threshold i: the loosest is 0.
  int rung(int i) const { return upward_ ? i : count_ - 1 - i; }
  // Votes alone decide, and they are counted of k: so few levels can occur.
  bool counts_of_k() const { return counts_of_k_; }

 private:
  template <typename Accepts>
  int rungs(const Accepts& accepts) const;

  std::vector<Rational> thresholds_;  // empty where the gate has none
  Gate::Comparison comparison_;
  int count_;
  bool upward_;
  bool counts_of_k_;
};

struct Steps {
  Steps(const Ladder& ladder, int used);

  int count = 0;                  // of distinguishable thresholds
  std::vector<int> of_level;      // [level]: 0 .. count; a level that cannot occur has the next lower one's
  std::vector<int> of_threshold;  // [threshold]: 0 .. count - 1
};

// Steps by votes: rows()[of][votes]. Of gates that count of k there is a row for each k; else of all numbers of answered samples.
class VoteSteps {
 public:
  VoteSteps(const Ladder& ladder, const Steps& steps, int used);
  const int* of(int answered) const { return rows_[by_answered_ ? static_cast<std::size_t>(answered) : 0].data(); }
  bool by_answered() const { return by_answered_; }

 private:
  bool by_answered_;
  std::vector<std::vector<int>> rows_;  // [of] -> step of each number of votes
};

}  // namespace cope::sweep
