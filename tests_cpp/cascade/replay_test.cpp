#include "cope/cascade/replay.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "cope/base/error.h"
#include "cope/cascade/decide.h"

namespace cope {
namespace {

Cascade three_stages(int k) {
  Gate consensus;
  consensus.measure = Gate::Measure::consensus;
  consensus.threshold = {1, 2};
  Gate agreement;
  agreement.measure = Gate::Measure::agreement;
  agreement.draw = 2;
  agreement.other_draw = 3;
  Gate always;
  always.draw = 4;
  return Cascade{.name = "three",
                 .stages = {{"1", consensus}, {"2", agreement}, {"3", always}},
                 .draws = {{.name = "solutions", .stage = 0, .n = k},
                           {.name = "guideline", .stage = 1, .n = 1, .plan = true},
                           {.name = "cot", .stage = 1, .n = k},
                           {.name = "pot", .stage = 1, .n = k},
                           {.name = "solution", .stage = 2, .n = 1}}};
}

Classes recording(const Cascade& cascade, int problems, unsigned seed) {
  Eigen::Index samples = 0;
  for (const Draw& draw : cascade.draws) samples += draw.n;
  std::mt19937 random(seed);
  return Classes::NullaryExpr(problems, samples, [&] { return static_cast<std::int32_t>(random() % 4) - 1; });
}

// The same by the live path: early stopping on, drawing only what is wanted.
std::pair<int, int> decided_live(const Cascade& cascade, const Classes& classes, Eigen::Index problem) {
  std::vector<Eigen::Index> first;
  Eigen::Index column = 0;
  for (const Draw& draw : cascade.draws) {
    first.push_back(column);
    column += draw.n;
  }
  Trace trace = Trace::empty(cascade);
  for (;;) {
    const Decision decision = decide(cascade, trace);
    if (decision.action == Action::unscored) return {decision.stage, -1};
    if (decision.action == Action::accept) {
      const auto draw = static_cast<std::size_t>(decision.answer_draw);
      return {decision.stage, classes(problem, first[draw] + decision.answer_sample)};
    }
    for (const Want& want : decision.wants) {
      auto& prefix = trace.draws[static_cast<std::size_t>(want.draw)];
      while (static_cast<int>(prefix.size()) < want.upto) {
        const int label = classes(problem, first[static_cast<std::size_t>(want.draw)] + std::ssize(prefix));
        prefix.push_back(Evidence{VoteKey{0, static_cast<std::uint64_t>(label)}, 0.0, label >= 0});
      }
    }
  }
}

TEST(Replay, equals_the_live_path_decision_for_decision) {
  for (const int k : {1, 2, 5, 8, 9, 16, 32, 40}) {  // each width in which pairs are compared, whole and not, and more
    const Cascade cascade = three_stages(k);
    validate(cascade);
    const Classes classes = recording(cascade, 500, static_cast<unsigned>(k));
    const Decisions decisions = replay_classes(cascade, classes, 3);
    ASSERT_EQ(decisions.rows(), 500);
    for (Eigen::Index problem = 0; problem < decisions.rows(); ++problem) {
      ASSERT_EQ(std::pair(decisions(problem, 0), decisions(problem, 1)), decided_live(cascade, classes, problem)) << k;
    }
  }
}

TEST(Replay, does_not_depend_on_the_number_of_threads) {
  const Cascade cascade = three_stages(8);
  const Classes classes = recording(cascade, 101, 1);
  const Decisions one = replay_classes(cascade, classes, 1);
  for (const int threads : {0, 2, 7, 200}) EXPECT_EQ(replay_classes(cascade, classes, threads), one);
  EXPECT_EQ(replay_classes(cascade, classes.topRows(0), 2).rows(), 0);
}

TEST(Replay, says_what_it_cannot_replay) {
  const Cascade cascade = three_stages(2);
  EXPECT_THROW(replay_classes(cascade, Classes::Zero(3, 5), 1), ConfigError);
  Cascade scored = cascade;
  scored.stages[0].gate.measure = Gate::Measure::score;
  EXPECT_THROW(replay_classes(scored, recording(cascade, 1, 1), 1), ConfigError);
}

}  // namespace
}  // namespace cope
