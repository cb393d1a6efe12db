// The expectation over subsets: laws of the stages (stage_law.h) put together over the grid, as small matrix products.
#include <Eigen/Core>
#include <algorithm>
#include <numeric>
#include <optional>
#include <string>

#include "cope/base/error.h"
#include "cope/base/large_pages.h"
#include "cope/base/parallel.h"
#include "cope/sweep/outcomes.h"
#include "cope/sweep/points.h"
#include "cope/sweep/product.h"
#include "cope/sweep/shards.h"
#include "cope/sweep/stage_law.h"
#include "cope/sweep/tables.h"

namespace cope::sweep {

namespace {

using Matrix = RowMatrix;
using Eigen::Index;

constexpr std::size_t block = 32;  // problems whose laws are held at a time

std::string stage_name(std::size_t stage) { return "stages[" + std::to_string(stage) + "]"; }

void check_stage(const Recording& recording, const Options& options, std::size_t s) {
  const StageRecord& stage = recording.stages[s];
  if (std::max(stage.samples, stage.other_samples) > max_subset_samples) {
    throw ConfigError(stage_name(s) + ": the expectation over subsets takes up to " +
                      std::to_string(max_subset_samples) + " samples, got " +
                      std::to_string(std::max(stage.samples, stage.other_samples)) + "; use estimator=\"order\"");
  }
  if (stage.gate.measure == Gate::Measure::custom && s + 1 < recording.stages.size()) {
    throw ConfigError(stage_name(s) +
                      ": a custom gate's value is known of the recorded samples in their order only, so that there is "
                      "no expectation over subsets; use estimator=\"order\"");
  }
  if (options.conditional || (stage.carries < 0 && stage.variants == 1)) return;
  const std::string ways =
      "; use estimator=\"order\", or conditional=True: the plans carried in sampling order, taken as given";
  if (stage.carries != 0 || s != 1) {
    throw ConfigError(
        stage_name(s) +
        ": the expectation over subsets exists where the second stage carries from the first; this stage " +
        (stage.carries < 0 ? "has variants but does not say what it carries"
                           : "carries from stage " + std::to_string(stage.carries)) +
        ways);
  }
  if (stage.variants != recording.stages[0].samples) {
    throw ConfigError(stage_name(s) +
                      ": the plan that is carried depends on the subset, and samples were recorded with " +
                      std::to_string(stage.variants) + " of the " + std::to_string(recording.stages[0].samples) +
                      " plans; record all with cope.record(..., carry=\"all\")" + ways);
  }
}

// What all shards have in common.
struct Plan {
  Plan(const Recording& r, const Options& o) : recording(r), options(o), grid(r), binomials(1) {
    int largest = 0;
    for (std::size_t s = 0; s < recording.stages.size(); ++s) {
      check_stage(recording, options, s);
      largest = std::max({largest, recording.stages[s].samples, recording.stages[s].other_samples});
      if (recording.stages[s].carries >= 0 && !options.conditional) carried = recording.stages[0].samples;
    }
    binomials = Binomials(largest);
    for (std::size_t s = 0; s < recording.stages.size(); ++s) laws.emplace_back(recording, grid, binomials, s);
    for (std::size_t k = 0; k < recording.ks.size(); ++k) cells.push_back(cells_of_points(grid.steps[k]));
  }
  Plan(const Plan&) = delete;  // laws refer to it
  std::size_t stages() const { return recording.stages.size(); }
  Index first_steps(std::size_t k) const { return stages() == 1 ? 1 : grid.steps[k][0].count; }
  // Of all gates but the first.
  Index later_cells(std::size_t k) const {
    Index cells_at_k = 1;
    for (std::size_t s = 1; s + 1 < stages(); ++s) cells_at_k *= grid.steps[k][s].count;
    return cells_at_k;
  }
  bool fans_out(std::size_t stage) const { return carried > 0 && stage == 1; }

  const Recording& recording;
  const Options& options;
  Grid grid;
  Binomials binomials;
  std::vector<StageLaws> laws;  // [stage]: blocks read with copies
  int carried =
      0;  // the plans that the second stage goes on with, each with a probability; 0: one, whatever the subset
  std::vector<std::vector<std::uint32_t>> cells;  // [k]: of each point
};

// Quantities, each with a value a cell: right answers, cost, and where wanted: unscored, resolved by each stage but the first.
constexpr Index right_answers = 0;
constexpr Index cost = 1;
constexpr Index unscored = 2;
Index resolved_by(std::size_t stage) { return 2 + static_cast<Index>(stage); }

// Sums at one k. `sums` [steps of the first gate, quantity * later cells].
struct Sums {
  Matrix sums;
  Eigen::VectorXd resolved_first;
};

// The laws of a block of problems, all stages.
class Block {
 public:
  // `all`: all quantities; else right answers and cost.
  Block(const Plan& plan, bool all)
      : plan_(plan),
        quantities_(all ? 2 + static_cast<Index>(plan.stages()) : 2),
        laws_(plan.laws),
        stages_(plan.stages()) {}
  Index quantities() const { return quantities_; }

  void read(std::size_t first, std::size_t count);
  // What problems [first, first + count) of the block say at k, added to `sums`.
  void prepare(std::size_t k) { tail_ = later(k); }
  void add(std::size_t k, std::size_t first, std::size_t count, Sums& sums) const;
  Sums empty(std::size_t k) const;
  // What one problem says by itself.
  Sums alone(std::size_t k, std::size_t problem) const;

 private:
  struct Stage {  // rows: problems, or problems x carried plans
    Matrix reach, right, unscored, cost_pusd;
  };
  void read_row(std::size_t stage, Index row, std::size_t problem, std::optional<int> variant);
  void copy_row(std::size_t stage, Index row, std::size_t k_begin, std::size_t k_end);
  Matrix later(std::size_t k) const;
  Index rows_a_problem(std::size_t stage) const { return plan_.fans_out(stage) ? plan_.carried : 1; }

  const Plan& plan_;
  Index quantities_;
  std::vector<StageLaws> laws_;
  std::vector<Stage> stages_;
  Matrix carried_;  // of the first stage, rows: problems x carried plans
  Matrix tail_;     // from the second stage on, at the k prepared: [row, quantity * later cells]
};

void Block::read(std::size_t first, std::size_t count) {
  for (std::size_t s = 0; s < plan_.stages(); ++s) {
    const Index share = rows_a_problem(s);
    const Index rows = static_cast<Index>(count) * share;
    const auto width = static_cast<Index>(laws_[s].width());
    const auto ks = static_cast<Index>(plan_.recording.ks.size());
    stages_[s].reach.resize(rows, width);
    stages_[s].right.resize(rows, width);
    stages_[s].unscored.resize(rows, ks);
    stages_[s].cost_pusd.resize(rows, ks);
    if (s == 0 && plan_.carried > 0) carried_.resize(static_cast<Index>(count) * plan_.carried, width);
    for (std::size_t i = 0; i < count; ++i) {
      stop_if_cancelled(plan_.options);
      for (Index variant = 0; variant < share; ++variant) {
        read_row(s, static_cast<Index>(i) * share + variant, first + i,
                 plan_.fans_out(s) ? std::optional<int>(static_cast<int>(variant)) : std::nullopt);
      }
      for (int sample = 0; s == 0 && sample < plan_.carried; ++sample) {
        auto row = carried_.row(static_cast<Index>(i) * plan_.carried + sample);
        laws_[0].carried(sample, {row.data(), static_cast<std::size_t>(width)});
      }
    }
  }
}

// Without a variant: at each k that which was carried in sampling order.
void Block::read_row(std::size_t s, Index row, std::size_t problem, std::optional<int> variant) {
  const std::size_t ks = plan_.recording.ks.size();
  if (variant) {
    laws_[s].read(problem, *variant);
    copy_row(s, row, 0, ks);
    return;
  }
  for (std::size_t begin = 0, end = 0; begin < ks; begin = end) {
    const int carried = plan_.recording.recorded_variant(s, problem, begin);
    while (end < ks && plan_.recording.variant(s, problem, end) == carried) ++end;
    laws_[s].read(problem, carried);
    copy_row(s, row, begin, end);
  }
}

void Block::copy_row(std::size_t s, Index row, std::size_t k_begin, std::size_t k_end) {
  const StageLaws& laws = laws_[s];
  const std::size_t begin = laws.offset(k_begin);
  const std::size_t end = k_end == plan_.recording.ks.size() ? laws.width() : laws.offset(k_end);
  for (std::size_t i = begin; i < end; ++i) {
    stages_[s].reach(row, static_cast<Index>(i)) = laws.reach()[i];
    stages_[s].right(row, static_cast<Index>(i)) = laws.right()[i];
  }
  for (std::size_t k = k_begin; k < k_end; ++k) {
    stages_[s].unscored(row, static_cast<Index>(k)) = laws.unscored()[k];
    stages_[s].cost_pusd(row, static_cast<Index>(k)) = laws.cost_pusd()[k];
  }
}

// Folded from the last stage on: what a problem that reaches the second stage comes to, at each threshold of the gates from there on.
Matrix Block::later(std::size_t k) const {
  const auto column = static_cast<Index>(k);
  const std::size_t last = plan_.stages() - 1;
  const auto steps = [&](std::size_t s) { return static_cast<Index>(plan_.grid.steps[k][s].count); };
  const auto offset = [&](std::size_t s) { return static_cast<Index>(laws_[s].offset(k)); };

  Matrix tail = Matrix::Zero(stages_[last].reach.rows(), quantities_);
  tail.col(right_answers) = stages_[last].right.middleCols(offset(last), steps(last) + 1).rowwise().sum();
  tail.col(cost) = stages_[last].cost_pusd.col(column);
  if (quantities_ > unscored) {
    tail.col(unscored) = stages_[last].unscored.col(column);
    if (last > 0) tail.col(resolved_by(last)).setOnes();
  }
  Index cells = 1;
  for (std::size_t s = last; s-- > 1;) {
    const Stage& stage = stages_[s];
    const Index rows = stage.reach.rows();
    const Index tail_share = rows / tail.rows();  // plans that one later row stands for
    const Index size = steps(s) * cells;
    Matrix folded(rows, quantities_ * size);
    std::vector<double> rejected(static_cast<std::size_t>(steps(s)));
    for (Index row = 0; row < rows; ++row) {
      const double* reach = &stage.reach(row, offset(s));
      const double* right = &stage.right(row, offset(s));
      const double* then = tail.row(row / tail_share).data();
      double* sums = folded.row(row).data();
      // What later stages come to, at each threshold: it rejects the steps up to its own.
      std::partial_sum(reach, reach + steps(s), rejected.begin());
      for (Index quantity = 0; quantity < quantities_; ++quantity) {
        double* of_quantity = sums + quantity * size;
        if (cells == 1) {  // nothing is decided later: one loop, which is all the time where two stages vote
          for (Index threshold = 0; threshold < size; ++threshold) {
            of_quantity[threshold] = rejected[static_cast<std::size_t>(threshold)] * then[quantity];
          }
          continue;
        }
        for (Index threshold = 0; threshold < steps(s); ++threshold) {
          for (Index cell = 0; cell < cells; ++cell) {
            of_quantity[threshold * cells + cell] =
                rejected[static_cast<std::size_t>(threshold)] * then[quantity * cells + cell];
          }
        }
      }
      // What the stage itself adds: it accepts the steps above.
      const double own_cost = stage.cost_pusd(row, column);
      double accepted = 0.0;
      double accepted_right = 0.0;
      for (Index threshold = steps(s); threshold-- > 0;) {
        accepted += reach[threshold + 1];
        accepted_right += right[threshold + 1];
        for (Index at = threshold * cells; at < (threshold + 1) * cells; ++at) {
          sums[right_answers * size + at] += accepted_right;
          sums[cost * size + at] += own_cost;
          if (quantities_ > unscored) sums[resolved_by(s) * size + at] += accepted;
        }
      }
    }
    cells *= steps(s);
    tail = std::move(folded);
  }
  return tail;
}

Sums Block::empty(std::size_t k) const {
  const Index steps = plan_.first_steps(k);
  return {Matrix::Zero(steps, quantities_ * plan_.later_cells(k)), Eigen::VectorXd::Zero(steps)};
}

void Block::add(std::size_t k, std::size_t first, std::size_t count, Sums& sums) const {
  const auto begin = static_cast<Index>(first);
  const auto problems = static_cast<Index>(count);
  if (plan_.stages() == 1) {
    sums.sums += tail_.middleRows(begin, problems).colwise().sum();
    sums.resolved_first[0] += static_cast<double>(count);
    return;
  }
  const Index steps = plan_.first_steps(k);
  const Index cells = plan_.later_cells(k);
  const auto offset = static_cast<Index>(laws_[0].offset(k));
  const Stage& stage = stages_[0];

  const Index share = plan_.carried > 0 ? plan_.carried : 1;
  Matrix rejected = (plan_.carried > 0 ? carried_ : stage.reach).block(begin * share, offset, problems * share, steps);
  for (Index step = 1; step < steps; ++step) rejected.col(step) += rejected.col(step - 1);
  sums.sums.noalias() += rejected.transpose() * tail_.middleRows(begin * share, problems * share);

  const Eigen::VectorXd reach = stage.reach.block(begin, offset, problems, steps + 1).colwise().sum();
  const Eigen::VectorXd right = stage.right.block(begin, offset, problems, steps + 1).colwise().sum();
  const double cost_pusd = stage.cost_pusd.col(static_cast<Index>(k)).segment(begin, problems).sum();
  for (Index step = 0; step < steps; ++step) {
    sums.sums.row(step).segment(right_answers * cells, cells).array() += right.tail(steps - step).sum();
    sums.sums.row(step).segment(cost * cells, cells).array() += cost_pusd;
    sums.resolved_first[step] += reach.tail(steps - step).sum();
  }
}

// Probabilities of `problems` problems sum to as many at most, but that rounding adds a little; no term of theirs is negative.
void limit(const Plan& plan, std::size_t k, std::size_t problems, Sums& sums) {
  const Index cells = plan.later_cells(k);
  const auto most = static_cast<double>(problems);
  for (Index quantity = 0; quantity < sums.sums.cols() / cells; ++quantity) {
    if (quantity == cost) continue;
    auto values = sums.sums.middleCols(quantity * cells, cells);
    values = values.cwiseMin(most);
  }
  sums.resolved_first = sums.resolved_first.cwiseMin(most);
}

Sums Block::alone(std::size_t k, std::size_t problem) const {
  Sums sums = empty(k);
  add(k, problem, 1, sums);
  limit(plan_, k, 1, sums);
  return sums;
}

// One k's sums, written to all its points.
void write(const Plan& plan, std::size_t k, const Sums& sums, const Points<double>& points, std::size_t index) {
  const Index cells = plan.later_cells(k);
  const std::size_t size = plan.cells[k].size();
  const std::size_t stages = plan.stages();
  for (std::size_t i = 0; i < size; ++i) {
    const auto cell = static_cast<Index>(plan.cells[k][i]);
    const Index first = cell / cells;
    const auto value = [&](Index quantity) { return sums.sums(first, quantity * cells + cell % cells); };
    const std::size_t at = index * size + i;
    points.correct[at] = value(right_answers);
    points.cost_pusd[at] = value(cost);
    points.unscored[at] = value(unscored);
    points.resolved[at * stages] = sums.resolved_first[first];
    for (std::size_t s = 1; s < stages; ++s) points.resolved[at * stages + s] = value(resolved_by(s));
  }
}

}  // namespace

void expect_subsets(const Recording& recording, const Options& options, const Points<double>& points) {
  const Plan plan(recording, options);
  const std::size_t ks = recording.ks.size();
  const Shards shards(recording.problems, plan.grid.points() * ks * sizeof(double) * (plan.stages() + 2), block);
  std::vector<std::vector<Sums>> parts(shards.count());
  parallel_for(shards.count(), {.threads = options.threads}, [&](std::size_t shard) {
    Block laws(plan, /*all=*/true);
    for (std::size_t k = 0; k < ks; ++k) parts[shard].push_back(laws.empty(k));
    for (std::size_t begin = shards.begin(shard); begin < shards.begin(shard + 1); begin += block) {
      const std::size_t count = std::min(block, shards.begin(shard + 1) - begin);
      laws.read(begin, count);
      for (std::size_t k = 0; k < ks; ++k) {
        laws.prepare(k);
        laws.add(k, 0, count, parts[shard][k]);
      }
    }
  });
  for (std::size_t k = 0; k < ks; ++k) {
    for (std::size_t shard = 1; shard < parts.size(); ++shard) {
      parts[0][k].sums += parts[shard][k].sums;
      parts[0][k].resolved_first += parts[shard][k].resolved_first;
    }
    limit(plan, k, recording.problems, parts[0][k]);
    write(plan, k, parts[0][k], points, k);
  }
}

void expect_problems(const Recording& recording, const Options& options, const Points<double>& points) {
  const Plan plan(recording, options);
  const std::size_t ks = recording.ks.size();
  const Shards shards(recording.problems, 0, block);
  parallel_for(shards.count(), {.threads = options.threads}, [&](std::size_t shard) {
    Block laws(plan, /*all=*/true);
    for (std::size_t begin = shards.begin(shard); begin < shards.begin(shard + 1); begin += block) {
      const std::size_t count = std::min(block, shards.begin(shard + 1) - begin);
      laws.read(begin, count);
      for (std::size_t k = 0; k < ks; ++k) {
        laws.prepare(k);
        for (std::size_t i = 0; i < count; ++i) write(plan, k, laws.alone(k, i), points, (begin + i) * ks + k);
      }
    }
  });
}

// Resamples are one matrix product: weights times what each problem comes to in each cell, for some problems at a time.
void expect_bootstrap(const Recording& recording, const Options& options, std::span<const double> weights,
                      const Points<double>& resamples) {
  const Plan plan(recording, options);
  const std::size_t ks = recording.ks.size();
  std::vector<Index> begins{0};  // [k]: the first column; right answers of its cells, then costs
  for (std::size_t k = 0; k < ks; ++k) begins.push_back(begins.back() + 2 * plan.first_steps(k) * plan.later_cells(k));

  const auto problems = static_cast<Index>(recording.problems);
  const Eigen::Map<const Matrix> weight(weights.data(), static_cast<Index>(weights.size()) / problems, problems);
  constexpr Index at_a_time = 16 * static_cast<Index>(block);
  Matrix values(std::min(at_a_time, problems), begins.back());
  Matrix sums(weight.rows(), begins.back());
  for (Matrix* each : {&values, &sums}) {
    prefer_large_pages(each->data(), static_cast<std::size_t>(each->size()) * sizeof(double));
  }
  sums.setZero();
  for (Index first = 0; first < problems; first += at_a_time) {
    const Index rows = std::min(at_a_time, problems - first);
    const std::size_t blocks = (static_cast<std::size_t>(rows) + block - 1) / block;
    parallel_for(blocks, {.threads = options.threads}, [&](std::size_t b) {
      Block laws(plan, /*all=*/false);
      const std::size_t begin = b * block;
      const std::size_t count = std::min(block, static_cast<std::size_t>(rows) - begin);
      laws.read(static_cast<std::size_t>(first) + begin, count);
      for (std::size_t k = 0; k < ks; ++k) {
        laws.prepare(k);
        for (std::size_t i = 0; i < count; ++i) {
          const Sums own = laws.alone(k, i);
          values.row(static_cast<Index>(begin + i)).segment(begins[k], own.sums.size()) =
              own.sums.reshaped<Eigen::RowMajor>();
        }
      }
    });
    const auto columns = static_cast<std::size_t>((values.cols() + product_columns - 1) / product_columns);
    parallel_for(columns, {.threads = options.threads}, [&](std::size_t part) {
      stop_if_cancelled(options);
      const Index begin = static_cast<Index>(part) * product_columns;
      const Index count = std::min(product_columns, values.cols() - begin);
      add_product(weight.middleCols(first, rows), values.block(0, begin, rows, count), sums.middleCols(begin, count));
    });
  }
  parallel_for(
      static_cast<std::size_t>(weight.rows()), {.chunk = 16, .threads = options.threads}, [&](std::size_t resample) {
        const double* row = sums.row(static_cast<Index>(resample)).data();
        std::size_t at = resample * ks * plan.cells[0].size();
        for (std::size_t k = 0; k < ks; ++k) {
          const Index later = plan.later_cells(k);
          const double* own = row + begins[k];
          for (const std::uint32_t cell : plan.cells[k]) {
            const Index place = static_cast<Index>(cell) / later * 2 * later + static_cast<Index>(cell) % later;
            resamples.correct[at] = own[place];
            resamples.cost_pusd[at] = own[place + later];
            ++at;
          }
        }
      });
}

}  // namespace cope::sweep
