#include "cope/sweep/sweep.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "cope/base/error.h"
#include "cope/base/large_pages.h"
#include "cope/sweep/points.h"

namespace cope::sweep {

namespace {

// Rows of all quantities, or of `correct` and `cost_pusd` only.
template <typename Number, typename Work>
Grid<Number> filled(const Recording& recording, const Options& options, std::size_t rows, bool all, const Work& work) {
  check(recording, options);
  const Shape shape(recording);
  const std::size_t points = rows * shape.points();
  Grid<Number> grid;
  const auto sized = [](std::vector<Number>& values, std::size_t count) {
    values.reserve(count);
    prefer_large_pages(values.data(), count * sizeof(Number));
    values.resize(count);
  };
  sized(grid.correct, points);
  sized(grid.cost_pusd, points);
  if (all) {
    sized(grid.unscored, points);
    sized(grid.resolved, points * shape.stages);
  }
  work(recording, options, Points<Number>{grid.correct, grid.unscored, grid.resolved, grid.cost_pusd});
  return grid;
}

// A NaN, or what is no count, would be a wrong number in every point.
void check_weights(const Recording& recording, std::span<const double> weights) {
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (std::isfinite(weights[i]) && weights[i] >= 0.0) continue;
    throw DataError("weights: expected finite numbers of at least 0 (how often each problem is drawn), got " +
                    std::to_string(weights[i]) + " at resample " + std::to_string(i / recording.problems) +
                    ", problem " + std::to_string(i % recording.problems));
  }
}

template <typename Work>
Grid<double> resampled(const Recording& recording, const Options& options, std::span<const double> weights,
                       std::size_t resamples, const Work& work) {
  return filled<double>(recording, options, resamples, false,
                        [&](const Recording& of, const Options& by, const Points<double>& points) {
                          check_weights(of, weights);
                          work(of, by, weights, points);
                        });
}

Options with(Options options, bool in_order) {
  options.in_order = in_order;
  return options;
}

}  // namespace

Shape::Shape(const Recording& recording) : axes{recording.ks.size()}, stages(recording.stages.size()) {
  for (std::size_t s = 0; s + 1 < stages; ++s) {
    axes.push_back(std::max<std::size_t>(1, recording.stages[s].thresholds.size()));
  }
}

std::size_t Shape::points() const {
  std::size_t product = 1;
  for (const std::size_t axis : axes) product *= axis;
  return product;
}

Grid<std::int64_t> sweep_order(const Recording& recording, const Options& options) {
  return filled<std::int64_t>(recording, with(options, true), 1, true, sweep_in_order);
}
Grid<double> sweep_subsets(const Recording& recording, const Options& options) {
  return filled<double>(recording, with(options, false), 1, true, expect_subsets);
}
Grid<std::int64_t> problems_order(const Recording& recording, const Options& options) {
  return filled<std::int64_t>(recording, with(options, true), recording.problems, true, problems_in_order);
}
Grid<double> problems_subsets(const Recording& recording, const Options& options) {
  return filled<double>(recording, with(options, false), recording.problems, true, expect_problems);
}
Grid<double> bootstrap_order(const Recording& recording, const Options& options, std::span<const double> weights,
                             std::size_t resamples) {
  return resampled(recording, with(options, true), weights, resamples, bootstrap_in_order);
}
Grid<double> bootstrap_subsets(const Recording& recording, const Options& options, std::span<const double> weights,
                               std::size_t resamples) {
  return resampled(recording, with(options, false), weights, resamples, expect_bootstrap);
}

}  // namespace cope::sweep
