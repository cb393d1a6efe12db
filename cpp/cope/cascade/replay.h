// Replays recorded votes through the decision function: which stage ends each problem, and with which class of answer.
//
//   std::vector<ReplayedDecision> decisions = replay_classes(cascade, classes);
//
// classes: one row a problem, all samples of all draws in draw order; the class of each sample's answer, -1 where it is unscored.
// Early stopping is left out: it is lossless, so it changes how much is drawn and not what is decided (tested), and everything is there already.
//
// Thread-safety: a pure function that uses `threads` threads of its own.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cope/cascade/cascade.h"

namespace cope {

struct ReplayedDecision {
  std::int32_t stage = 0;
  std::int32_t answer_class = -1;  // -1: unscored
  bool operator==(const ReplayedDecision&) const = default;
};

// Samples of one problem: the sum of n over all draws.
std::size_t recorded_width(const Cascade& cascade);

// Throws ConfigError for a gate that looks at more than votes, or for a number of classes that is no multiple of recorded_width().
std::vector<ReplayedDecision> replay_classes(const Cascade& cascade, std::span<const std::int32_t> classes,
                                             int threads);

}  // namespace cope
