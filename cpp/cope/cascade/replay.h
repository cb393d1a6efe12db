// Replays recorded votes through the decision function: which stage ends each problem, and with which class of answer.
//
//   Decisions decisions = replay_classes(cascade, classes, threads);      // decisions(p, 0): the stage; decisions(p, 1): the class
//
// Early stopping is left out: it is lossless, so it changes how much is drawn and not what is decided (tested), and everything is there already.
//
// Thread-safety: a pure function that uses `threads` threads of its own.
#pragma once

#include <Eigen/Core>
#include <cstdint>

#include "cope/cascade/cascade.h"

namespace cope {

// One row a problem, as NumPy lays it out; columns are all samples of all draws in draw order: the class of each sample's answer, -1 for unscored.
using Classes = Eigen::Matrix<std::int32_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
// One row a problem: the stage that ended it, and its answer's class (-1: unscored).
using Decisions = Eigen::Matrix<std::int32_t, Eigen::Dynamic, 2, Eigen::RowMajor>;

// Throws ConfigError for a gate that looks at more than votes, or for another number of columns than the cascade has samples.
Decisions replay_classes(const Cascade& cascade, const Eigen::Ref<const Classes>& classes, int threads);

}  // namespace cope
