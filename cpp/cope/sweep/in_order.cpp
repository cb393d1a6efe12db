#include <algorithm>

#include "cope/base/parallel.h"
#include "cope/sweep/outcomes.h"
#include "cope/sweep/points.h"
#include "cope/sweep/shards.h"
#include "cope/sweep/tables.h"

namespace cope::sweep {

namespace {

constexpr std::size_t at_a_time = 8;

// One k's part of arrays [.., K, T1, T2, ...].
template <typename T>
Points<T> part(const Points<T>& points, std::size_t index, std::size_t size, std::size_t stages) {
  const auto of = [&](auto span, std::size_t share) {
    return span.empty() ? span : span.subspan(index * share, share);
  };
  return {of(points.correct, size), of(points.unscored, size), of(points.resolved, size * stages),
          of(points.cost_pusd, size)};
}

template <typename T>
std::vector<Tables<T>> tables_of(const Grid& grid) {
  std::vector<Tables<T>> tables;
  for (const std::vector<Steps>& steps : grid.steps) tables.emplace_back(steps);
  return tables;
}

std::vector<std::vector<std::uint32_t>> cells_of(const Grid& grid) {
  std::vector<std::vector<std::uint32_t>> cells;
  for (const std::vector<Steps>& steps : grid.steps) cells.push_back(cells_of_points(steps));
  return cells;
}

template <typename T>
void write(std::vector<Tables<T>>& tables, const std::vector<std::vector<std::uint32_t>>& cells, std::size_t stages,
           const Points<T>& points, std::size_t index) {
  for (std::size_t k = 0; k < tables.size(); ++k) {
    tables[k].finish();
    tables[k].write(cells[k], part(points, index * tables.size() + k, cells[k].size(), stages));
  }
}

template <typename T>
void add(std::vector<Tables<T>>& tables, std::span<const Outcome> outcomes, T weight) {
  const std::size_t stages = outcomes.size() / tables.size();
  for (std::size_t k = 0; k < tables.size(); ++k) tables[k].add(outcomes.subspan(k * stages, stages), weight);
}

}  // namespace

std::vector<std::uint32_t> cells_of_points(std::span<const Steps> steps) {
  std::vector<std::uint32_t> cells{0};
  for (const Steps& gate : steps.first(steps.size() - 1)) {
    std::vector<std::uint32_t> finer;
    finer.reserve(cells.size() * gate.of_threshold.size());
    for (const std::uint32_t cell : cells) {
      for (const int step : gate.of_threshold) {
        finer.push_back(cell * static_cast<std::uint32_t>(gate.count) + static_cast<std::uint32_t>(step));
      }
    }
    cells = std::move(finer);
  }
  return cells;
}

void sweep_in_order(const Recording& recording, const Options& options, const Points<std::int64_t>& sums) {
  const Grid grid(recording);
  const std::size_t stages = recording.stages.size();
  const Shards shards(recording.problems, grid.points() * grid.steps.size() * sizeof(std::int64_t) * (2 * stages + 1),
                      at_a_time);
  std::vector<std::vector<Tables<std::int64_t>>> parts(shards.count());
  parallel_for(shards.count(), {.threads = options.threads}, [&](std::size_t shard) {
    std::vector<Tables<std::int64_t>> tables = tables_of<std::int64_t>(grid);
    Walker walker(recording, grid);
    std::vector<Outcome> outcomes(recording.ks.size() * stages);
    for (std::size_t problem = shards.begin(shard); problem < shards.begin(shard + 1); ++problem) {
      if (problem % 256 == 0) stop_if_cancelled(options);
      walker.walk(problem, outcomes);
      add<std::int64_t>(tables, outcomes, 1);
    }
    parts[shard] = std::move(tables);
  });
  for (std::size_t shard = 1; shard < parts.size(); ++shard) {
    for (std::size_t k = 0; k < parts[0].size(); ++k) parts[0][k].merge(parts[shard][k]);
  }
  write(parts[0], cells_of(grid), stages, sums, 0);
}

void problems_in_order(const Recording& recording, const Options& options, const Points<std::int64_t>& points) {
  const Grid grid(recording);
  const std::size_t stages = recording.stages.size();
  const auto cells = cells_of(grid);
  const Shards shards(recording.problems, 0, at_a_time);
  parallel_for(shards.count(), {.threads = options.threads}, [&](std::size_t shard) {
    Walker walker(recording, grid);
    std::vector<Outcome> outcomes(recording.ks.size() * stages);
    for (std::size_t problem = shards.begin(shard); problem < shards.begin(shard + 1); ++problem) {
      stop_if_cancelled(options);
      std::vector<Tables<std::int64_t>> tables = tables_of<std::int64_t>(grid);
      walker.walk(problem, outcomes);
      add<std::int64_t>(tables, outcomes, 1);
      write(tables, cells, stages, points, problem);
    }
  });
}

void bootstrap_in_order(const Recording& recording, const Options& options, std::span<const double> weights,
                        const Points<double>& resamples) {
  const Grid grid(recording);
  const std::size_t share = recording.ks.size() * recording.stages.size();
  const auto cells = cells_of(grid);
  std::vector<Outcome> outcomes(recording.problems * share);
  const Shards shards(recording.problems, 0, at_a_time);
  parallel_for(shards.count(), {.threads = options.threads}, [&](std::size_t shard) {
    Walker walker(recording, grid);
    for (std::size_t problem = shards.begin(shard); problem < shards.begin(shard + 1); ++problem) {
      if (problem % 256 == 0) stop_if_cancelled(options);
      walker.walk(problem, std::span(outcomes).subspan(problem * share, share));
    }
  });
  parallel_for(weights.size() / recording.problems, {.chunk = 4, .threads = options.threads},
               [&](std::size_t resample) {
                 stop_if_cancelled(options);
                 std::vector<Tables<double>> tables = tables_of<double>(grid);
                 for (std::size_t problem = 0; problem < recording.problems; ++problem) {
                   const double weight = weights[resample * recording.problems + problem];
                   if (weight != 0.0)
                     add(tables, std::span<const Outcome>(outcomes).subspan(problem * share, share), weight);
                 }
                 write(tables, cells, recording.stages.size(), resamples, resample);
               });
}

}  // namespace cope::sweep
