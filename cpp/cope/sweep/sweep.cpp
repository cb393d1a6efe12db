#include "cope/sweep/sweep.h"

#include <algorithm>
#include <string>
#include <type_traits>

#include "cope/base/error.h"
#include "cope/base/parallel.h"
#include "cope/sweep/combine.h"

namespace cope::sweep {

namespace {

constexpr std::size_t max_blocks = 64;
constexpr std::size_t min_block = 16;  // problems

// Everything that is the same for all problems.
template <typename Number>
class Plan {
 public:
  static constexpr bool in_order = std::is_integral_v<Number>;

  Plan(const Recording& recording, const Options& options)
      : recording_(recording), options_(options), choose_(largest_sample_count(recording)) {
    check(recording, options);
    for (std::size_t s = 0; s < recording.stages.size(); ++s) {
      ladders_.emplace_back(recording.stages[s], recording.ks, s + 1 == recording.stages.size());
      if (!in_order && !options.conditional) follow(s);
    }
    if (!in_order) check_expectation();
    for (std::size_t k = 0; k < recording.ks.size(); ++k) {
      layouts_.emplace_back(ladders_, k);
      offsets_.push_back(size_);
      size_ += layouts_.back().size;
    }
  }

  std::size_t size() const { return size_; }  // of all k together
  const Layout& layout(std::size_t k) const { return layouts_[k]; }
  std::size_t offset(std::size_t k) const { return offsets_[k]; }

  // One problem at every k: size() numbers.
  void evaluate(std::size_t problem, Number* row) const {
    const std::size_t stages = recording_.stages.size();
    std::vector<std::vector<std::vector<Law<Number>>>> laws(stages);  // [stage][variant][k]; empty where not needed
    for (std::size_t s = 0; s < stages; ++s) {
      laws[s].resize(static_cast<std::size_t>(recording_.stages[s].variants));
      for (std::size_t v = 0; v < laws[s].size(); ++v) {
        if (needed(s, problem, static_cast<int>(v))) laws[s][v] = laws_of(s, problem, static_cast<int>(v));
      }
    }
    StageLaws<Number> at_k(stages);
    for (std::size_t k = 0; k < recording_.ks.size(); ++k) {
      for (std::size_t s = 0; s < stages; ++s) {
        at_k[s].clear();
        if (follows(s)) {
          for (const auto& variant : laws[s]) at_k[s].push_back(&variant[k]);
        } else {
          at_k[s].push_back(&laws[s][static_cast<std::size_t>(variant(s, problem, k))][k]);
        }
      }
      combine<Number>(layouts_[k], at_k, carrier_, row + offsets_[k]);
    }
  }

 private:
  static int largest_sample_count(const Recording& recording) {
    int largest = 0;
    for (const StageRecord& stage : recording.stages) {
      largest = std::max({largest, stage.samples, stage.other_samples});
    }
    return in_order ? 0 : std::min(largest, max_subset_samples);
  }

  // True where the stage's variants follow the carried sample; else one variant is given.
  bool follows(std::size_t s) const {
    return carrier_ >= 0 && recording_.stages[s].carries == carrier_ && recording_.stages[s].variants > 1;
  }

  void follow(std::size_t s) {
    const StageRecord& stage = recording_.stages[s];
    if (stage.carries < 0 || stage.variants == 1) return;
    const std::string name = "stages[" + std::to_string(s) + "]";
    if (carrier_ >= 0 && carrier_ != stage.carries) {
      throw ConfigError(name +
                        "[\"carries\"]: an expectation over subsets follows the carried plan of one stage; this "
                        "recording carries from two");
    }
    carrier_ = stage.carries;
    const int samples = recording_.stages[static_cast<std::size_t>(carrier_)].samples;
    if (stage.variants != samples) {
      throw ConfigError(
          name + ": the expectation over subsets needs its samples for each of the " + std::to_string(samples) +
          " plans that may be carried, and there are " + std::to_string(stage.variants) +
          " variants; record with carry='all', or pass conditional=True for the plans carried in sampling order");
    }
  }

  void check_expectation() const {
    for (std::size_t s = 0; s < recording_.stages.size(); ++s) {
      const StageRecord& stage = recording_.stages[s];
      const std::string name = "stages[" + std::to_string(s) + "]";
      if (stage.gate.measure == Gate::Measure::custom && s + 1 < recording_.stages.size()) {
        throw ConfigError(name +
                          "[\"gate\"]: a custom gate's value is known of the recorded prefix only, so there is no "
                          "expectation over subsets; use estimator='order'");
      }
      if (std::max(stage.samples, stage.other_samples) > max_subset_samples) {
        throw ConfigError(name + "[\"classes\"]: expectations over subsets are for at most " +
                          std::to_string(max_subset_samples) + " samples, got " + std::to_string(stage.samples));
      }
    }
  }

  int variant(std::size_t s, std::size_t problem, std::size_t k) const {
    const int found = recording_.variant(s, problem, k);
    if (found < 0) {
      throw DataError("stages[" + std::to_string(s) + "][\"variant\"]: problem " + std::to_string(problem) +
                      " has no samples for the plan carried at k = " + std::to_string(recording_.ks[k]) +
                      "; record more with cope.record(..., k=[..., " + std::to_string(recording_.ks[k]) + "])");
    }
    return found;
  }

  bool needed(std::size_t s, std::size_t problem, int v) const {
    if (follows(s)) return true;
    for (std::size_t k = 0; k < recording_.ks.size(); ++k) {
      if (variant(s, problem, k) == v) return true;
    }
    return false;
  }

  std::vector<Law<Number>> laws_of(std::size_t s, std::size_t problem, int v) const {
    const StageRecord& stage = recording_.stages[s];
    const std::size_t row = stage.row(problem, v);
    const bool carries = static_cast<int>(s) == carrier_;
    if constexpr (in_order) {
      std::vector<Law<Number>> laws;
      for (std::size_t k = 0; k < recording_.ks.size(); ++k) {
        const double custom = stage.custom.empty() ? 0.0 : stage.custom[problem * recording_.ks.size() + k];
        laws.push_back(order_law(stage, row, ladders_[s], k, custom, carries));
      }
      return laws;
    } else {
      return subset_laws(stage, row, ladders_[s], carries, choose_);
    }
  }

  const Recording& recording_;
  const Options& options_;
  const Choose choose_;
  int carrier_ = -1;
  std::vector<StageLadder> ladders_;
  std::vector<Layout> layouts_;
  std::vector<std::size_t> offsets_;
  std::size_t size_ = 0;
};

void add(std::int64_t& sum, std::int64_t value) {
  if (__builtin_add_overflow(sum, value, &sum)) throw DataError("cost_pusd: the sum of all costs leaves int64");
}
void add(double& sum, double value) { sum += value; }

// Spreads a row over all points: row number `r` of the grid. Grids of the bootstrap have no `unscored` and `resolved`.
template <typename Lawful, typename Number>
void spread(const Plan<Lawful>& plan, const Shape& shape, const Number* row, std::size_t r, Grid<Number>& grid) {
  const std::size_t last = shape.stages - 1;
  for (std::size_t k = 0; k < shape.axes.front(); ++k) {
    const Layout& layout = plan.layout(k);
    const Number* of_k = row + plan.offset(k);
    const std::size_t first = r * shape.points() + k * shape.points_of_k();
    layout.each_point([&](std::size_t point, const std::vector<std::size_t>& place) {
      Number correct = 0, cost = 0;
      for (std::size_t s = 0; s <= last; ++s) {
        const Layout::Segment& segment = layout.segments[s];
        const std::size_t own = s == last ? place[s] : place[s + 1];
        correct += of_k[segment.correct + own];
        add(cost, of_k[segment.cost + place[s]]);
        if (!grid.resolved.empty()) {
          grid.resolved[(first + point) * shape.stages + s] = of_k[segment.resolved + own];
        }
      }
      grid.correct[first + point] = correct;
      grid.cost_pusd[first + point] = cost;
      if (!grid.unscored.empty()) grid.unscored[first + point] = of_k[layout.unscored + place[last]];
    });
  }
}

template <typename Number>
Grid<Number> empty_grid(const Shape& shape, std::size_t rows, bool all) {
  const std::size_t points = rows * shape.points();
  Grid<Number> grid;
  grid.correct.resize(points);
  grid.cost_pusd.resize(points);
  if (all) {
    grid.unscored.resize(points);
    grid.resolved.resize(points * shape.stages);
  }
  return grid;
}

std::size_t block_size(std::size_t problems) { return std::max(min_block, (problems + max_blocks - 1) / max_blocks); }

// Calls work(block, first problem, one past the last) on all cores.
template <typename Work>
void each_block(const Recording& recording, const Options& options, const Work& work) {
  const std::size_t size = block_size(recording.problems);
  parallel_for((recording.problems + size - 1) / size, {.chunk = 1, .threads = options.threads},
               [&](std::size_t b) { work(b, b * size, std::min(recording.problems, (b + 1) * size)); });
}

template <typename Number>
Grid<Number> sums(const Recording& recording, const Options& options) {
  const Plan<Number> plan(recording, options);
  const Shape shape(recording);
  std::vector<std::vector<Number>> blocks(recording.problems / block_size(recording.problems) + 1);
  each_block(recording, options, [&](std::size_t block, std::size_t first, std::size_t end) {
    std::vector<Number> row(plan.size());
    blocks[block].assign(plan.size(), 0);
    for (std::size_t problem = first; problem < end; ++problem) {
      stop_if_cancelled(options);
      plan.evaluate(problem, row.data());
      for (std::size_t i = 0; i < row.size(); ++i) add(blocks[block][i], row[i]);
    }
  });
  std::vector<Number> total(plan.size());
  for (const auto& block : blocks) {
    for (std::size_t i = 0; i < block.size(); ++i) add(total[i], block[i]);
  }
  Grid<Number> grid = empty_grid<Number>(shape, 1, true);
  spread(plan, shape, total.data(), 0, grid);
  return grid;
}

template <typename Number>
Grid<Number> by_problem(const Recording& recording, const Options& options) {
  const Plan<Number> plan(recording, options);
  const Shape shape(recording);
  Grid<Number> grid = empty_grid<Number>(shape, recording.problems, true);
  each_block(recording, options, [&](std::size_t, std::size_t first, std::size_t end) {
    std::vector<Number> row(plan.size());
    for (std::size_t problem = first; problem < end; ++problem) {
      stop_if_cancelled(options);
      plan.evaluate(problem, row.data());
      spread(plan, shape, row.data(), problem, grid);
    }
  });
  return grid;
}

// Rows of a block of problems as one matrix, so that all resamples are one product.
template <typename Number>
Grid<double> bootstrap(const Recording& recording, const Options& options, std::span<const double> weights,
                       std::size_t resamples) {
  const Plan<Number> plan(recording, options);
  const Shape shape(recording);
  Table<double> total =
      Table<double>::Zero(static_cast<Eigen::Index>(resamples), static_cast<Eigen::Index>(plan.size()));
  const Eigen::Map<const Table<double>> weight(weights.data(), static_cast<Eigen::Index>(resamples),
                                               static_cast<Eigen::Index>(recording.problems));
  constexpr std::size_t together = 256;  // problems
  for (std::size_t first = 0; first < recording.problems; first += together) {
    const std::size_t count = std::min(together, recording.problems - first);
    Table<double> rows(static_cast<Eigen::Index>(count), static_cast<Eigen::Index>(plan.size()));
    parallel_for(count, {.chunk = 8, .threads = options.threads}, [&](std::size_t i) {
      stop_if_cancelled(options);
      std::vector<Number> row(plan.size());
      plan.evaluate(first + i, row.data());
      std::ranges::copy(row, rows.row(static_cast<Eigen::Index>(i)).data());
    });
    constexpr std::size_t stripe = 32;  // resamples that a thread multiplies at a time
    parallel_for((resamples + stripe - 1) / stripe, {.chunk = 1, .threads = options.threads}, [&](std::size_t s) {
      stop_if_cancelled(options);
      const auto top = static_cast<Eigen::Index>(s * stripe);
      const auto height = static_cast<Eigen::Index>(std::min(stripe, resamples - s * stripe));
      total.middleRows(top, height).noalias() +=
          weight.block(top, static_cast<Eigen::Index>(first), height, static_cast<Eigen::Index>(count)) * rows;
    });
  }
  Grid<double> grid = empty_grid<double>(shape, resamples, false);
  parallel_for(resamples, {.chunk = 8, .threads = options.threads},
               [&](std::size_t r) { spread(plan, shape, total.row(static_cast<Eigen::Index>(r)).data(), r, grid); });
  return grid;
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
  return sums<std::int64_t>(recording, options);
}
Grid<double> sweep_subsets(const Recording& recording, const Options& options) {
  return sums<double>(recording, options);
}
Grid<std::int64_t> problems_order(const Recording& recording, const Options& options) {
  return by_problem<std::int64_t>(recording, options);
}
Grid<double> problems_subsets(const Recording& recording, const Options& options) {
  return by_problem<double>(recording, options);
}
Grid<double> bootstrap_order(const Recording& recording, const Options& options, std::span<const double> weights,
                             std::size_t resamples) {
  return bootstrap<std::int64_t>(recording, options, weights, resamples);
}
Grid<double> bootstrap_subsets(const Recording& recording, const Options& options, std::span<const double> weights,
                               std::size_t resamples) {
  return bootstrap<double>(recording, options, weights, resamples);
}

}  // namespace cope::sweep
