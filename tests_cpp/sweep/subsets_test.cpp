#include <gtest/gtest.h>

#include <array>
#include <numeric>

#include "cope/base/error.h"
#include "recordings.h"

namespace cope::sweep {
namespace {

using namespace testing;

// All orders of N samples.
std::vector<std::vector<int>> orders(int samples) {
  std::vector<int> order(static_cast<std::size_t>(samples));
  std::iota(order.begin(), order.end(), 0);
  std::vector<std::vector<int>> all;
  do {
    all.push_back(order);
  } while (std::next_permutation(order.begin(), order.end()));
  return all;
}

// What the first stage of a problem does in an order: decided by the estimator in sampling order, which is held to decide() elsewhere.
struct Reordered {
  StageArrays arrays;
  StageRecord stage;

  Reordered(const StageRecord& from, std::size_t row, const std::vector<int>& order) : stage(from) {
    const auto reorder = [&](auto span, auto& into) {
      const auto values = from.samples_of(span, row);
      for (const int i : order) into.push_back(values[static_cast<std::size_t>(i)]);
    };
    reorder(from.classes, arrays.classes);
    reorder(from.correct, arrays.correct);
    reorder(from.measure, arrays.measure);
    reorder(from.cost_pusd, arrays.cost_pusd);
    arrays.once_pusd = {from.once_pusd[row]};
    stage.classes = arrays.classes;
    stage.correct = arrays.correct;
    stage.measure = arrays.measure;
    stage.cost_pusd = arrays.cost_pusd;
    stage.once_pusd = arrays.once_pusd;
    stage.other = from.other_of(row);
    stage.variants = 1;
    stage.variant = {};
    stage.custom = {};
  }
};

// The sample that a stage carries when its samples come in an order.
int carried(const StageRecord& stage, std::size_t row, const std::vector<int>& order, int k) {
  const auto classes = stage.samples_of(stage.classes, row);
  int best = -1, votes = 0;
  for (int i = 0; i < k; ++i) {
    const std::int32_t label = classes[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])];
    if (label < 0) continue;
    int count = 0, first = -1;
    for (int j = 0; j < k; ++j) {
      if (classes[static_cast<std::size_t>(order[static_cast<std::size_t>(j)])] != label) continue;
      if (first < 0) first = j;
      ++count;
    }
    if (count > votes || (count == votes && first < best)) {
      votes = count;
      best = first;
    }
  }
  return order[static_cast<std::size_t>(std::max(best, 0))];
}

struct Fixture {
  Recording recording;
  std::array<StageArrays, 3> arrays;

  Fixture(const Gate& first, const Gate& second, int variants, unsigned seed) {
    std::mt19937 random(seed);
    recording.problems = 2;
    recording.ks = {1, 2, 3, 4};
    for (std::size_t s = 0; s < 3; ++s) {
      StageRecord& stage = recording.stages.emplace_back();
      stage.gate = s == 0   ? first
                   : s == 1 ? second
                            : gate_of(Gate::Measure::always, Gate::Comparison::greater, Gate::Denominator::k);
      stage.uses_k = s < 2;
      if (s < 2 && has_threshold(stage.gate.measure)) stage.thresholds = {{1, 4}, {1, 2}, {3, 4}};
      fill(random, {2, s == 1 ? variants : 1, s < 2 ? 4 : 1, 3}, 4, arrays[s], stage);
      stage.custom = {};
      if (s == 1 && variants > 1) {
        stage.carries = 0;
        stage.variant = {};
      }
    }
    recording.stages[0].other_samples = recording.stages[1].other_samples = 4;
  }
};

// The mean over all pairs of orders of the first two stages.
void expect_mean_over_orders(const Recording& recording) {
  const auto expected = problems_subsets(recording, {});
  const Shape shape(recording);
  const auto all = orders(4);
  for (std::size_t problem = 0; problem < recording.problems; ++problem) {
    std::vector<double> correct(shape.points()), unscored(shape.points()), cost(shape.points()),
        resolved(shape.points() * 3);
    for (const auto& first : all) {
      for (const auto& second : all) {
        for (std::size_t k = 0; k < recording.ks.size(); ++k) {
          Recording one;
          one.problems = 1;
          one.ks = {recording.ks[k]};
          const int sample = carried(recording.stages[0], problem, first, recording.ks[k]);
          const StageRecord& later = recording.stages[1];
          const Reordered a(recording.stages[0], problem, first);
          const Reordered b(later, later.row(problem, later.variants > 1 ? sample : 0), second);
          const Reordered c(recording.stages[2], problem, {0});
          one.stages = {a.stage, b.stage, c.stage};
          const auto grid = sweep_order(one, {});
          const std::size_t points = shape.points_of_k();
          for (std::size_t i = 0; i < points; ++i) {
            correct[k * points + i] += static_cast<double>(grid.correct[i]);
            unscored[k * points + i] += static_cast<double>(grid.unscored[i]);
            cost[k * points + i] += static_cast<double>(grid.cost_pusd[i]);
            for (std::size_t s = 0; s < 3; ++s)
              resolved[(k * points + i) * 3 + s] += static_cast<double>(grid.resolved[i * 3 + s]);
          }
        }
      }
    }
    const double pairs = static_cast<double>(all.size() * all.size());
    for (std::size_t i = 0; i < shape.points(); ++i) {
      const std::size_t at = problem * shape.points() + i;
      ASSERT_NEAR(expected.correct[at], correct[i] / pairs, 1e-12) << "point " << i;
      ASSERT_NEAR(expected.unscored[at], unscored[i] / pairs, 1e-12);
      ASSERT_NEAR(expected.cost_pusd[at], cost[i] / pairs, 1e-8);
      for (std::size_t s = 0; s < 3; ++s)
        ASSERT_NEAR(expected.resolved[at * 3 + s], resolved[i * 3 + s] / pairs, 1e-12);
    }
  }
}

TEST(Subsets, votes_are_the_mean_over_all_orders) {
  using enum Gate::Comparison;
  const Gate k = gate_of(Gate::Measure::consensus, greater, Gate::Denominator::k);
  const Gate answered = gate_of(Gate::Measure::consensus, greater_equal, Gate::Denominator::answered);
  for (unsigned seed = 0; seed < 3; ++seed) expect_mean_over_orders(Fixture(k, answered, 1, seed).recording);
}

TEST(Subsets, the_carried_plan_is_part_of_the_mean) {
  const Gate gate = gate_of(Gate::Measure::consensus, Gate::Comparison::greater, Gate::Denominator::k);
  for (unsigned seed = 0; seed < 3; ++seed) expect_mean_over_orders(Fixture(gate, gate, 4, seed).recording);
}

TEST(Subsets, measures_are_the_mean_over_all_orders) {
  using enum Gate::Comparison;
  const Gate passed = gate_of(Gate::Measure::passed, greater, Gate::Denominator::k);
  const Gate perplexity = gate_of(Gate::Measure::perplexity, less_equal, Gate::Denominator::k);
  const Gate score = gate_of(Gate::Measure::score, greater_equal, Gate::Denominator::k);
  expect_mean_over_orders(Fixture(passed, perplexity, 1, 5).recording);
  expect_mean_over_orders(Fixture(score, passed, 1, 6).recording);
}

TEST(Subsets, all_of_the_samples_and_no_ties_are_sampling_order) {
  const Gate gate = gate_of(Gate::Measure::consensus, Gate::Comparison::greater, Gate::Denominator::k);
  Fixture fixture(gate, gate, 1, 1);
  for (std::size_t s = 0; s < 2; ++s) {
    fixture.arrays[s].classes = {0, 0, 0, 1, 2, -1, 2, 2};
    fixture.arrays[s].correct = {1, 1, 1, 0, 1, 0, 1, 1};
    fixture.recording.stages[s].classes = fixture.arrays[s].classes;
    fixture.recording.stages[s].correct = fixture.arrays[s].correct;
  }
  fixture.recording.ks = {4};
  for (auto& stage : fixture.recording.stages) stage.variant = {};
  const auto order = sweep_order(fixture.recording, {});
  const auto subsets = sweep_subsets(fixture.recording, {});
  for (std::size_t i = 0; i < order.correct.size(); ++i) {
    EXPECT_NEAR(subsets.correct[i], static_cast<double>(order.correct[i]), 1e-12);
    EXPECT_NEAR(subsets.cost_pusd[i], static_cast<double>(order.cost_pusd[i]), 1e-6);
  }
}

TEST(Subsets, plans_that_were_not_all_recorded_are_refused_unless_taken_as_given) {
  const Gate gate = gate_of(Gate::Measure::consensus, Gate::Comparison::greater, Gate::Denominator::k);
  Fixture fixture(gate, gate, 3, 0);
  EXPECT_THROW(sweep_subsets(fixture.recording, {}), ConfigError);
  EXPECT_THROW(sweep_subsets(fixture.recording, {.conditional = true}),
               ConfigError);  // it does not say which was carried
  const std::vector<std::int32_t> carried(fixture.recording.problems * fixture.recording.ks.size(), 1);
  fixture.recording.stages[1].variant = carried;
  EXPECT_NO_THROW(sweep_subsets(fixture.recording, {.conditional = true}));
}

TEST(Subsets, a_thousand_samples_stay_probabilities) {
  const Gate gate = gate_of(Gate::Measure::consensus, Gate::Comparison::greater, Gate::Denominator::k);
  Recording recording;
  recording.problems = 1;
  recording.ks = {500};
  std::array<StageArrays, 2> arrays;
  std::mt19937 random(0);
  for (std::size_t s = 0; s < 2; ++s) {
    StageRecord& stage = recording.stages.emplace_back();
    stage.gate = gate;
    if (s == 0) stage.thresholds = {{1, 2}};
    fill(random, {1, 1, 1000, 3}, 1, arrays[s], stage);
    stage.variant = {};
  }
  const auto grid = sweep_subsets(recording, {});
  EXPECT_NEAR(grid.resolved[0] + grid.resolved[1], 1.0, 1e-12);
}

}  // namespace
}  // namespace cope::sweep
