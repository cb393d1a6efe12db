#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "cope/base/error.h"
#include "cope/cascade/decide.h"
#include "recordings.h"

namespace cope::sweep {
namespace {

using namespace testing;

std::vector<Gate> every_gate() {
  using enum Gate::Comparison;
  using enum Gate::Denominator;
  using M = Gate::Measure;
  return {gate_of(M::consensus, greater, k),        gate_of(M::consensus, greater_equal, k),
          gate_of(M::consensus, greater, answered), gate_of(M::consensus, greater_equal, answered),
          gate_of(M::agreement, greater, k),        gate_of(M::passed, greater, k),
          gate_of(M::perplexity, less_equal, k),    gate_of(M::perplexity, less, k),
          gate_of(M::score, greater_equal, k),      gate_of(M::custom, greater, k),
          gate_of(M::custom, less_equal, k),        gate_of(M::always, greater, k)};
}

// The decision function on the same samples: stage, right, unscored.
std::array<std::int64_t, 3> decided(const Recording& recording, std::size_t problem, std::size_t k_index,
                                    const std::vector<Rational>& taus) {
  Cascade cascade;
  Trace trace;
  const std::size_t stages = recording.stages.size();
  for (std::size_t s = 0; s < stages; ++s) {
    const StageRecord& record = recording.stages[s];
    const int used = record.used(recording.ks[k_index]);
    const std::size_t row = record.row(problem, recording.variant(s, problem, k_index));
    Gate gate = record.gate;
    gate.draw = static_cast<int>(cascade.draws.size());
    gate.threshold = taus[s];
    Draw draw;
    draw.stage = static_cast<int>(s);
    draw.n = used;
    const auto add = [&](std::span<const std::int32_t> classes) {
      cascade.draws.push_back(draw);
      auto& evidence = trace.draws.emplace_back();
      for (int i = 0; i < used; ++i) {
        const auto at = static_cast<std::size_t>(i);
        evidence.push_back({VoteKey{0, static_cast<std::uint64_t>(classes[at])},
                            record.samples_of(record.measure, row)[at], classes[at] >= 0});
      }
    };
    add(record.samples_of(record.classes, row));
    if (gate.measure == Gate::Measure::agreement) {
      gate.other_draw = static_cast<int>(cascade.draws.size());
      add(record.other_of(row));
    }
    cascade.stages.push_back({"stage", gate});
    trace.custom.emplace_back(record.custom[problem * recording.ks.size() + k_index]);
  }
  cascade.early_stop = false;
  const Decision decision = decide(cascade, trace);
  if (decision.action == Action::unscored) return {static_cast<std::int64_t>(stages) - 1, 0, 1};
  const auto s = static_cast<std::size_t>(decision.stage);
  const StageRecord& record = recording.stages[s];
  const auto correct = record.samples_of(record.correct, record.row(problem, recording.variant(s, problem, k_index)));
  return {decision.stage, correct[static_cast<std::size_t>(decision.answer_sample)], 0};
}

std::int64_t cost_upto(const Recording& recording, std::size_t problem, std::size_t k_index, std::size_t stage) {
  std::int64_t sum = 0;
  for (std::size_t s = 0; s <= stage; ++s) {
    const StageRecord& record = recording.stages[s];
    const std::size_t row = record.row(problem, recording.variant(s, problem, k_index));
    sum += record.once_pusd[row];
    for (int i = 0; i < record.used(recording.ks[k_index]); ++i) {
      sum += record.samples_of(record.cost_pusd, row)[static_cast<std::size_t>(i)];
    }
  }
  return sum;
}

void expect_equal_to_decide(const Recording& recording, Grid<std::int64_t>& grid, const Grid<std::int64_t>& sums) {
  const Shape shape(recording);
  const auto none = std::vector<Rational>{Rational{}};
  const auto& first = recording.stages[0].thresholds.empty() ? none : recording.stages[0].thresholds;
  const auto& second = recording.stages[1].thresholds.empty() ? none : recording.stages[1].thresholds;
  std::size_t at = 0;
  std::vector<std::int64_t> right(shape.points());
  for (std::size_t problem = 0; problem < recording.problems; ++problem) {
    for (std::size_t k = 0; k < recording.ks.size(); ++k) {
      for (const Rational tau1 : first) {
        for (const Rational tau2 : second) {
          const auto [stage, correct, unscored] = decided(recording, problem, k, {tau1, tau2, Rational{}});
          ASSERT_EQ(grid.correct[at], correct) << "problem " << problem << ", k " << recording.ks[k];
          ASSERT_EQ(grid.unscored[at], unscored);
          ASSERT_EQ(grid.cost_pusd[at], cost_upto(recording, problem, k, static_cast<std::size_t>(stage)));
          for (std::size_t s = 0; s < 3; ++s)
            ASSERT_EQ(grid.resolved[at * 3 + s], static_cast<std::int64_t>(s) == stage);
          right[at % shape.points()] += correct;
          ++at;
        }
      }
    }
  }
  EXPECT_EQ(sums.correct, right);
}

class EveryGate : public ::testing::TestWithParam<std::size_t> {};

TEST_P(EveryGate, decides_every_point_as_decide_does) {
  const Gate first = every_gate()[GetParam()];
  std::mt19937 random(static_cast<unsigned>(GetParam()));
  for (const Gate& second : every_gate()) {
    Recording recording;
    recording.problems = 12;
    recording.ks = {1, 2, 3, 5, 8};
    std::array<StageArrays, 3> arrays;
    for (std::size_t s = 0; s < 3; ++s) {
      StageRecord& stage = recording.stages.emplace_back();
      const Gate always = gate_of(Gate::Measure::consensus, Gate::Comparison::greater, Gate::Denominator::k);
      stage.gate = s == 0 ? first : s == 1 ? second : always;
      stage.uses_k = s < 2;
      if (s < 2 && has_threshold(stage.gate.measure)) stage.thresholds = thresholds();
      fill(random, {12, s == 1 ? 3 : 1, s < 2 ? 8 : 1, s == 0 ? 2 : 4}, recording.ks.size(), arrays[s], stage);
    }
    Grid<std::int64_t> grid = problems_order(recording, {});
    expect_equal_to_decide(recording, grid, sweep_order(recording, {}));
  }
}

INSTANTIATE_TEST_SUITE_P(Gates, EveryGate, ::testing::Range<std::size_t>(0, 12));

struct Small {
  Recording recording;
  std::array<StageArrays, 2> arrays;

  explicit Small(std::size_t problems) {
    std::mt19937 random(3);
    recording.problems = problems;
    recording.ks = {2, 4};
    for (std::size_t s = 0; s < 2; ++s) {
      StageRecord& stage = recording.stages.emplace_back();
      stage.gate = gate_of(Gate::Measure::consensus, Gate::Comparison::greater, Gate::Denominator::k);
      if (s == 0) stage.thresholds = thresholds();
      fill(random, {problems, 1, 4, 3}, 2, arrays[s], stage);
    }
  }
};

TEST(Sweep, gives_the_same_whatever_the_threads) {
  const Small small(333);
  const auto one = sweep_subsets(small.recording, {.threads = 1});
  const auto many = sweep_subsets(small.recording, {.threads = 7});
  EXPECT_EQ(one.correct, many.correct);  // to the last bit
  EXPECT_EQ(one.cost_pusd, many.cost_pusd);
}

TEST(Sweep, equal_weights_are_the_plain_sums) {
  const Small small(40);
  std::vector<double> weights(3 * 40, 1.0);
  std::fill(weights.begin() + 40, weights.begin() + 80, 2.0);
  const auto sums = sweep_order(small.recording, {});
  const auto resampled = bootstrap_order(small.recording, {}, weights, 3);
  for (std::size_t i = 0; i < sums.correct.size(); ++i) {
    EXPECT_EQ(resampled.correct[i], static_cast<double>(sums.correct[i]));
    EXPECT_EQ(resampled.correct[sums.correct.size() + i], 2.0 * static_cast<double>(sums.correct[i]));
    EXPECT_EQ(resampled.cost_pusd[i], static_cast<double>(sums.cost_pusd[i]));
  }
}

TEST(Sweep, weights_that_count_nothing_are_refused_with_their_place) {
  const Small small(40);
  for (const double wrong : {std::nan(""), -1.0, std::numeric_limits<double>::infinity()}) {
    std::vector<double> weights(2 * 40, 1.0);
    weights[43] = wrong;
    for (const auto bootstrap : {bootstrap_order, bootstrap_subsets}) {
      try {
        bootstrap(small.recording, {}, weights, 2);
        ADD_FAILURE() << "accepted " << wrong;
      } catch (const DataError& error) {
        EXPECT_THAT(error.what(), ::testing::HasSubstr("at resample 1, problem 3"));
      }
    }
  }
}

TEST(Sweep, a_cancelled_call_ends) {
  const Small small(40);
  const std::atomic<bool> cancelled{true};
  EXPECT_THROW(sweep_order(small.recording, {.cancelled = &cancelled}), Error);
}

TEST(Sweep, sums_that_leave_int64_are_refused) {
  Small small(3);
  std::ranges::fill(small.arrays[0].once_pusd, std::int64_t{1} << 62);
  EXPECT_THROW(sweep_order(small.recording, {}), DataError);
}

template <typename Break>
std::string refusal(const Break& break_it) {
  Small small(3);
  break_it(small);
  try {
    sweep_order(small.recording, {});
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Sweep, what_cannot_be_is_refused_with_its_place) {
  const auto says = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  EXPECT_TRUE(says(refusal([](Small& s) { s.recording.ks = {2, 5}; }), "k: 5 is more than the 4 samples"));
  EXPECT_TRUE(says(refusal([](Small& s) { s.recording.ks = {4, 2}; }), "strictly ascending"));
  EXPECT_TRUE(says(refusal([](Small& s) { s.recording.problems = 0; }), "no problems"));
  EXPECT_TRUE(says(refusal([](Small& s) { s.arrays[0].classes[5] = -2; }), "problem 1, variant 0, sample 1"));
  EXPECT_TRUE(says(refusal([](Small& s) { s.arrays[1].variant[2] = -1; }), "record more"));
  EXPECT_TRUE(says(refusal([](Small& s) { s.arrays[1].cost_pusd[0] = -7; }), "negative cost -7"));
  EXPECT_TRUE(
      says(refusal([](Small& s) { s.recording.stages[0].thresholds = {{1, 2}, {1, 2}}; }), "strictly ascending"));
}

}  // namespace
}  // namespace cope::sweep
