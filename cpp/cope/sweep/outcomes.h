// What the stages say of a problem in sampling order, at every threshold at once: each stage's step, answer and cost.
//
//   Walker walker(recording, grid);
//   walker.walk(problem, outcomes);     // outcomes[k * stages + s].step > grid.steps[k][s].of_threshold[i]: stage s accepts at threshold i
//
// The same as decide() on the first k samples (tested, decision for decision).
//
// Thread-safety: a walker is used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cope/sweep/ladder.h"
#include "cope/sweep/recording.h"

namespace cope::sweep {

struct Outcome {
  std::int64_t cost_pusd = 0;
  std::int32_t step = 0;
  bool correct = false;
  bool scored = false;  // there is an answer
};

// The vote of a growing prefix.
class PrefixVote {
 public:
  void clear();
  void add(std::int32_t label);
  int votes() const { return votes_; }
  int answered() const { return answered_; }
  int first() const { return first_; }  // the first sample of the majority class; -1: nothing scored
  std::int32_t leader() const { return leader_; }

 private:
  struct Class {
    std::uint32_t epoch = 0;  // the prefix it was last counted in
    std::int32_t votes = 0;
    std::int32_t first = 0;
  };
  std::vector<Class> classes_;  // by label
  std::uint32_t epoch_ = 1;
  std::int32_t samples_ = 0;
  std::int32_t answered_ = 0;
  std::int32_t votes_ = 0;
  std::int32_t first_ = -1;
  std::int32_t leader_ = -1;
};

// The ladders of all stages, and their steps at each k: what all problems have in common.
struct Grid {
  explicit Grid(const Recording& recording);

  std::size_t axes() const { return ladders.size() - 1; }
  // Of the thresholds alone: the product over axes.
  std::size_t points() const;

  std::vector<Ladder> ladders;            // [stage]
  std::vector<std::vector<Steps>> steps;  // [k][stage]
};

class Walker {
 public:
  Walker(const Recording& recording, const Grid& grid) : recording_(recording), grid_(grid) {}

  // Outcomes [k][stage]. Throws DataError where the variant of a k was not recorded.
  void walk(std::size_t problem, std::span<Outcome> outcomes);

 private:
  void walk_stage(std::size_t problem, std::size_t stage, std::span<Outcome> outcomes);

  const Recording& recording_;
  const Grid& grid_;
  PrefixVote vote_;
  PrefixVote other_;
};

}  // namespace cope::sweep
