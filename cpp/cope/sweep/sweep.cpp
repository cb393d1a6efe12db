#include "cope/sweep/sweep.h"

#include <algorithm>

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
  grid.correct.resize(points);
  grid.cost_pusd.resize(points);
  if (all) {
    grid.unscored.resize(points);
    grid.resolved.resize(points * shape.stages);
  }
  work(recording, options, Points<Number>{grid.correct, grid.unscored, grid.resolved, grid.cost_pusd});
  return grid;
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
  return filled<double>(recording, with(options, true), resamples, false,
                        [&](const Recording& of, const Options& by, const Points<double>& points) {
                          bootstrap_in_order(of, by, weights, points);
                        });
}
Grid<double> bootstrap_subsets(const Recording& recording, const Options& options, std::span<const double> weights,
                               std::size_t resamples) {
  return filled<double>(recording, with(options, false), resamples, false,
                        [&](const Recording& of, const Options& by, const Points<double>& points) {
                          expect_bootstrap(of, by, weights, points);
                        });
}

}  // namespace cope::sweep
