// Sweeps: what a cascade would have done at every k and threshold of a grid, from one recording.
//
//   Grid<std::int64_t> grid = sweep_order(recording, options);       // the first k samples; at every point exactly what decide() says
//   Grid<double> grid = sweep_subsets(recording, options);           // the expectation over what other orders would have given
//   grid.correct[recording point]                                    // row-major over [K, T1, T2, ...]
//
// A stage climbs steps (ladder.h): in sampling order to one (tables.h), over subsets to each with a probability (stage_law.h). A point reaches a stage where
// all before it climbed too few. Everything is computed for the thresholds that differ, and spread over the grid at the end.
// Problems are taken in blocks, so memory does not grow with problems x grid, and sums are added in a fixed order, so results do not depend on the threads.
//
// Thread-safety: pure functions that use threads of their own. They throw ConfigError and DataError (see recording.h), and Error when cancelled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cope/sweep/recording.h"

namespace cope::sweep {

// The axes: k, then one for each stage but the last (its thresholds, or length 1).
struct Shape {
  explicit Shape(const Recording& recording);
  std::vector<std::size_t> axes;
  std::size_t stages = 0;

  std::size_t points() const;
  std::size_t points_of_k() const { return points() / axes.front(); }
};

template <typename Number>
struct Grid {
  std::vector<Number> correct, unscored, cost_pusd;  // [rows][points]
  std::vector<Number> resolved;                      // [rows][points][stages]
};

// Sums over problems: one row.
Grid<std::int64_t> sweep_order(const Recording& recording, const Options& options);
Grid<double> sweep_subsets(const Recording& recording, const Options& options);

// A row for each problem.
Grid<std::int64_t> problems_order(const Recording& recording, const Options& options);
Grid<double> problems_subsets(const Recording& recording, const Options& options);

// Weighted sums over problems, a row for each of `resamples` rows of `weights` ([resamples][problems]). `correct` and `cost_pusd` only.
// A weight that is negative, infinite or NaN throws DataError.
Grid<double> bootstrap_order(const Recording& recording, const Options& options, std::span<const double> weights,
                             std::size_t resamples);
Grid<double> bootstrap_subsets(const Recording& recording, const Options& options, std::span<const double> weights,
                               std::size_t resamples);

}  // namespace cope::sweep
