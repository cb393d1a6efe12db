#include "cope/cascade/decide.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <vector>

#include "cope/base/error.h"

namespace cope {
namespace {

using Comparison = Gate::Comparison;
using Denominator = Gate::Denominator;
using Measure = Gate::Measure;
using Pick = Given::Pick;

Gate consensus(int draw, Rational threshold, Comparison comparison = Comparison::greater,
               Denominator denominator = Denominator::k) {
  Gate gate;
  gate.measure = Measure::consensus;
  gate.draw = draw;
  gate.threshold = threshold;
  gate.comparison = comparison;
  gate.denominator = denominator;
  return gate;
}

Gate always(int draw) {
  Gate gate;
  gate.draw = draw;
  return gate;
}

Cascade cope(int k, Rational tau1 = {3, 4}, Rational tau2 = {1, 2}) {
  return Cascade{.name = "COPE",
                 .stages = {{"1", consensus(1, tau1)}, {"2", consensus(3, tau2)}, {"3", always(4)}},
                 .draws = {{.name = "goals", .stage = 0, .n = k, .plan = true},
                           {.name = "solutions", .stage = 0, .n = k, .given = {{"goal", 0, Pick::each}}},
                           {.name = "guideline", .stage = 1, .n = 1, .plan = true},
                           {.name = "solutions",
                            .stage = 1,
                            .n = k,
                            .given = {{"goal", 0, Pick::carried}, {"guideline", 2, Pick::each}}},
                           {.name = "solution", .stage = 2, .n = 1, .given = {{"guideline", 2, Pick::carried}}}}};
}

Cascade single_stage(const Gate& gate, int k) {
  return Cascade{.name = "majority", .stages = {{"1", gate}}, .draws = {{.name = "solutions", .stage = 0, .n = k}}};
}

// Two voting stages and a last one; whether stage 1 carries its representative is the parameter.
Cascade two_stages(const Gate& gate, int k, bool carries) {
  Cascade cascade{.name = "two",
                  .stages = {{"1", gate}, {"2", always(1)}},
                  .draws = {{.name = "candidates", .stage = 0, .n = k}, {.name = "solution", .stage = 1, .n = 1}}};
  if (carries) cascade.draws[1].given = {{"candidate", 0, Pick::carried}};
  return cascade;
}

Evidence vote(int label) {
  Evidence evidence;
  evidence.scored = label >= 0;
  evidence.key.low = static_cast<std::uint64_t>(label);
  return evidence;
}

std::vector<Evidence> votes(const std::vector<int>& labels) {
  std::vector<Evidence> evidence;
  for (const int label : labels) evidence.push_back(vote(label));
  return evidence;
}

// Runs a cascade on recorded samples as the engine does: draws what is wanted, no more. Returns the decision and how much was drawn.
struct Replay {
  Decision decision;
  std::vector<int> drawn;
};

Replay replay(const Cascade& cascade, const std::vector<std::vector<Evidence>>& recorded) {
  Trace trace = Trace::empty(cascade);
  for (;;) {
    Decision decision = decide(cascade, trace);
    if (decision.action != Action::draw) {
      Replay result{decision, {}};
      for (const auto& draw : trace.draws) result.drawn.push_back(static_cast<int>(draw.size()));
      return result;
    }
    EXPECT_FALSE(decision.wants.empty());
    for (const Want& want : decision.wants) {
      auto& prefix = trace.draws[static_cast<std::size_t>(want.draw)];
      EXPECT_GT(want.upto, static_cast<int>(prefix.size()));
      while (static_cast<int>(prefix.size()) < want.upto) {
        prefix.push_back(recorded[static_cast<std::size_t>(want.draw)].at(prefix.size()));
      }
    }
  }
}

void for_each_sequence(int length, int classes, const std::function<void(const std::vector<int>&)>& visit) {
  std::vector<int> labels(static_cast<std::size_t>(length), -1);
  for (;;) {
    visit(labels);
    std::size_t i = 0;
    while (i < labels.size() && ++labels[i] == classes) labels[i++] = -1;
    if (i == labels.size()) return;
  }
}

TEST(Decide, starts_with_the_shortest_prefix_that_could_settle_the_first_stage) {
  // 7 of 8 must agree to be accepted; with a carry, 5 samples can already reject and fix the majority (3 alike and 2 unscored).
  const Decision decision = decide(cope(8), Trace::empty(cope(8)));
  EXPECT_EQ(decision.action, Action::draw);
  EXPECT_EQ(decision.stage, 0);
  EXPECT_EQ(decision.wants, (std::vector<Want>{{0, 5}, {1, 5}}));
}

TEST(Decide, without_early_stopping_wants_everything_at_once) {
  Cascade cascade = cope(8);
  cascade.early_stop = false;
  EXPECT_EQ(decide(cascade, Trace::empty(cascade)).wants, (std::vector<Want>{{0, 8}, {1, 8}}));
}

TEST(Decide, three_quarters_of_eight_is_not_exceeded_by_six) {
  Trace trace = Trace::empty(cope(8));
  trace.draws[0] = votes({-1, -1, -1, -1, -1, -1, -1, -1});
  trace.draws[1] = votes({1, 1, 1, 1, 1, 1, 2, 2});
  const Decision decision = decide(cope(8), trace);
  EXPECT_EQ(decision.action, Action::draw);
  EXPECT_EQ(decision.stage, 1);
  EXPECT_FALSE(decision.stages.at(0).accepted);

  Cascade at_least = cope(8);
  at_least.stages[0].gate.comparison = Comparison::greater_equal;
  EXPECT_EQ(decide(at_least, trace).action, Action::accept);
}

TEST(Decide, two_thirds_of_three_is_two_votes) {
  const Gate gate = consensus(0, {2, 3}, Comparison::greater_equal);
  const Replay result = replay(two_stages(gate, 3, false), {votes({5, 6, 5}), votes({9})});
  EXPECT_EQ(result.decision.stage, 0);
  EXPECT_TRUE(result.decision.accepted);
}

TEST(Decide, carries_the_plan_of_the_first_sample_of_the_majority) {
  const Cascade cascade = cope(4);
  const std::vector<std::vector<Evidence>> recorded{votes({-1, -1, -1, -1}), votes({1, 2, 2, 3}), votes({-1}),
                                                    votes({4, 4, 4, 4}), votes({9})};
  const Decision decision = replay(cascade, recorded).decision;
  ASSERT_EQ(decision.action, Action::accept);
  EXPECT_EQ(decision.stage, 1);
  EXPECT_EQ(decision.stages.at(0).representative, 1);
  EXPECT_EQ(picked_sample(cascade, cascade.draws[3].given[0], 2, decision.stages), 1);
  EXPECT_EQ(picked_sample(cascade, cascade.draws[3].given[1], 2, decision.stages), 0);
}

TEST(Decide, carries_the_first_plan_where_nothing_was_scored) {
  const Decision decision =
      replay(cope(4), {votes({-1, -1, -1, -1}), votes({-1, -1, -1, -1}), votes({-1}), votes({4, 4, 4, 4}), votes({9})})
          .decision;
  EXPECT_EQ(decision.stages.at(0).representative, 0);
  EXPECT_FALSE(decision.stages.at(0).scored);
}

TEST(Decide, a_last_stage_that_does_not_accept_returns_its_majority) {
  Cascade truncated = cope(4);
  truncated.stages.pop_back();
  truncated.draws.pop_back();
  const Decision decision =
      replay(truncated, {votes({-1, -1, -1, -1}), votes({1, 2, 3, 4}), votes({-1}), votes({5, 6, 6, 7})}).decision;
  EXPECT_EQ(decision.action, Action::accept);
  EXPECT_FALSE(decision.accepted);
  EXPECT_EQ(decision.answer_sample, 1);
}

TEST(Decide, a_last_stage_with_nothing_scored_is_unscored) {
  EXPECT_EQ(replay(single_stage(always(0), 3), {votes({-1, -1, -1})}).decision.action, Action::unscored);
}

TEST(Decide, nothing_scored_is_never_accepted_even_at_threshold_zero) {
  const Gate gate = consensus(0, {0, 1}, Comparison::greater_equal);
  EXPECT_EQ(replay(two_stages(gate, 2, false), {votes({-1, -1}), votes({3})}).decision.stage, 1);
}

TEST(Decide, unanimity_above_one_can_never_be_reached) {
  const Gate gate = consensus(0, {1, 1}, Comparison::greater);
  const Replay result = replay(two_stages(gate, 4, false), {votes({1, 1, 1, 1}), votes({2})});
  EXPECT_EQ(result.decision.stage, 1);
}

// The law of early stopping: same stage, same answer class, same carried class, never more samples.
void expect_lossless(const Cascade& cascade, const std::vector<std::vector<Evidence>>& recorded) {
  Cascade full = cascade;
  full.early_stop = false;
  const Replay early = replay(cascade, recorded);
  const Replay late = replay(full, recorded);
  ASSERT_EQ(early.decision.action, late.decision.action);
  ASSERT_EQ(early.decision.stage, late.decision.stage);
  ASSERT_EQ(early.decision.accepted, late.decision.accepted);
  ASSERT_EQ(early.decision.answer_draw, late.decision.answer_draw);
  ASSERT_EQ(early.decision.answer_sample, late.decision.answer_sample);
  for (std::size_t s = 0; s < late.decision.stages.size(); ++s) {
    if (carries_representative(cascade, static_cast<int>(s)) && !late.decision.stages[s].accepted) {
      ASSERT_EQ(early.decision.stages[s].representative, late.decision.stages[s].representative);
    }
  }
  for (std::size_t d = 0; d < late.drawn.size(); ++d) ASSERT_LE(early.drawn[d], late.drawn[d]);
}

// Stopping is also as early as can be: with one sample fewer, some continuation decides otherwise.
void expect_needed(const Cascade& cascade, const std::vector<int>& labels, int classes) {
  const int k = static_cast<int>(labels.size());
  const Replay early = replay(cascade, {votes(labels), votes({99})});
  const int drawn = early.drawn[0];
  if (drawn <= 1) return;
  const bool carries = carries_representative(cascade, 0);
  bool differs = false;
  for_each_sequence(k - drawn + 1, classes, [&](const std::vector<int>& rest) {
    std::vector<int> other(labels.begin(), labels.begin() + drawn - 1);
    other.insert(other.end(), rest.begin(), rest.end());
    const Replay continued = replay(cascade, {votes(other), votes({99})});
    const bool accepts = early.decision.stages.at(0).accepted;
    differs = differs || continued.decision.stages.at(0).accepted != accepts ||
              ((accepts || carries) &&
               continued.decision.stages.at(0).representative != early.decision.stages.at(0).representative);
  });
  ASSERT_TRUE(differs) << "stopped later than needed, after " << drawn << " of " << k;
}

TEST(EarlyStop, is_lossless_and_as_early_as_can_be_for_every_short_vote) {
  const Rational thresholds[] = {{0, 1}, {1, 4}, {1, 2}, {2, 3}, {3, 4}, {1, 1}};
  for (const int k : {1, 2, 3, 4, 5}) {
    for (const Rational threshold : thresholds) {
      for (const Comparison comparison : {Comparison::greater, Comparison::greater_equal}) {
        for (const Denominator denominator : {Denominator::k, Denominator::answered}) {
          for (const bool carries : {false, true}) {
            const Cascade cascade = two_stages(consensus(0, threshold, comparison, denominator), k, carries);
            validate(cascade);
            for_each_sequence(
                k, 3, [&](const std::vector<int>& labels) { expect_lossless(cascade, {votes(labels), votes({99})}); });
            if (k > 3) continue;
            for_each_sequence(k, 3, [&](const std::vector<int>& labels) { expect_needed(cascade, labels, 5); });
          }
        }
      }
    }
  }
}

TEST(EarlyStop, is_lossless_for_cope_on_random_recordings) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20'000; ++round) {
    const int k = 1 + static_cast<int>(random() % 12);
    const std::int64_t denominator = 1 + static_cast<std::int64_t>(random() % 8);
    const auto numerator = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(denominator + 1));
    const Cascade cascade = cope(k, {numerator, denominator}, {static_cast<std::int64_t>(random() % 5), 4});
    const int classes = 1 + static_cast<int>(random() % 4);
    std::vector<std::vector<Evidence>> recorded;
    for (const Draw& draw : cascade.draws) {
      std::vector<int> labels;
      for (int i = 0; i < draw.n; ++i)
        labels.push_back(static_cast<int>(random() % static_cast<unsigned>(classes + 1)) - 1);
      recorded.push_back(votes(labels));
    }
    expect_lossless(cascade, recorded);
  }
}

TEST(EarlyStop, more_samples_than_the_settling_prefix_change_nothing) {
  // A replay sees whole recordings where the live run saw prefixes; the decision, votes included, is the same.
  const Cascade cascade = cope(8);
  const std::vector<std::vector<Evidence>> recorded{votes(std::vector<int>(8, -1)), votes({1, 2, 1, 3, 1, 1, 2, 1}),
                                                    votes({-1}), votes({4, 4, 4, 4, 4, 6, 6, 6}), votes({9})};
  const Replay live = replay(cascade, recorded);
  Trace whole = Trace::empty(cascade);
  whole.draws = recorded;
  const Decision decision = decide(cascade, whole);
  EXPECT_EQ(decision.stages, live.decision.stages);
  EXPECT_EQ(decision.answer_sample, live.decision.answer_sample);
}

TEST(EarlyStop, a_unanimous_vote_saves_the_last_sample) {
  const Replay result = replay(cope(8), {votes(std::vector<int>(8, -1)), votes({1, 1, 1, 1, 1, 1, 1, 2}), {}, {}, {}});
  EXPECT_EQ(result.drawn[1], 7);
  EXPECT_EQ(result.decision.stage, 0);
}

TEST(Gates, passed_takes_the_first_sample_that_passes) {
  Gate gate;
  gate.measure = Measure::passed;
  Cascade cascade = two_stages(gate, 4, false);
  auto samples = votes({1, 2, 3, 4});
  samples[1].measure = 0.5;
  samples[2].measure = 1.0;
  samples[3].measure = 1.0;
  const Replay result = replay(cascade, {samples, votes({9})});
  EXPECT_EQ(result.decision.answer_sample, 2);
  EXPECT_EQ(result.drawn[0], 3);
}

TEST(Gates, perplexity_takes_the_lowest_and_compares_downwards) {
  Gate gate;
  gate.measure = Measure::perplexity;
  gate.comparison = Comparison::less_equal;
  gate.threshold = {2, 1};
  auto samples = votes({1, 2, 3});
  samples[0].measure = 3.0;
  samples[1].measure = 2.0;
  samples[2].measure = 2.5;
  Cascade cascade = two_stages(gate, 3, true);
  EXPECT_EQ(replay(cascade, {samples, votes({9})}).decision.answer_sample, 1);
  samples[1].measure = 2.1;
  const Decision escalated = replay(cascade, {samples, votes({9})}).decision;
  EXPECT_EQ(escalated.stage, 1);
  EXPECT_EQ(escalated.stages.at(0).representative, 1);
}

TEST(Gates, agreement_compares_the_majorities_of_two_draws) {
  Gate gate;
  gate.measure = Measure::agreement;
  gate.draw = 0;
  gate.other_draw = 1;
  const Cascade cascade{.name = "verify",
                        .stages = {{"1", gate}, {"2", always(2)}},
                        .draws = {{.name = "cot", .stage = 0, .n = 3},
                                  {.name = "pot", .stage = 0, .n = 3},
                                  {.name = "strong", .stage = 1, .n = 1}}};
  validate(cascade);
  EXPECT_EQ(replay(cascade, {votes({1, 2, 2}), votes({2, -1, 2}), votes({5})}).decision.stage, 0);
  EXPECT_EQ(replay(cascade, {votes({1, 2, 2}), votes({1, 1, 2}), votes({5})}).decision.stage, 1);
  EXPECT_EQ(replay(cascade, {votes({1, 2, 2}), votes({-1, -1, -1}), votes({5})}).decision.stage, 1);
}

TEST(Gates, a_custom_gate_is_asked_once_its_draws_are_complete) {
  Gate gate;
  gate.measure = Measure::custom;
  gate.threshold = {1, 2};
  const Cascade cascade = two_stages(gate, 2, false);
  Trace trace = Trace::empty(cascade);
  EXPECT_EQ(decide(cascade, trace).action, Action::draw);
  trace.draws[0] = votes({1, 1});
  EXPECT_EQ(decide(cascade, trace).action, Action::measure);
  trace.custom[0] = 0.75;
  EXPECT_EQ(decide(cascade, trace).action, Action::accept);
  trace.custom[0] = 0.5;
  EXPECT_EQ(decide(cascade, trace).stage, 1);
}

TEST(Exhaustive, goes_through_every_stage_and_carries_what_was_voted) {
  Cascade cascade = cope(4);
  cascade.early_stop = false;
  cascade.exhaustive = true;
  validate(cascade);
  const auto plans = votes({-1, -1, -1, -1});
  const Replay all = replay(cascade, {plans, votes({2, 1, 1, 1}), votes({-1}), votes({3, 3, 3, 3}), votes({5})});
  EXPECT_EQ(all.drawn, (std::vector<int>{4, 4, 1, 4, 1}));
  EXPECT_EQ(all.decision.stage, 2);
  EXPECT_TRUE(all.decision.accepted);
  EXPECT_EQ(all.decision.stages.at(0).representative, 1);
  EXPECT_FALSE(all.decision.stages.at(0).accepted);
  EXPECT_FALSE(all.decision.stages.at(1).accepted);  // four of four, and yet
}

TEST(Exhaustive, does_not_accept_what_passed_its_tests) {
  Gate passed = always(0);
  passed.measure = Gate::Measure::passed;
  Cascade cascade = two_stages(passed, 2, true);
  cascade.early_stop = false;
  cascade.exhaustive = true;
  std::vector<Evidence> tested = votes({1, 2});
  tested[1].measure = 1.0;
  const Replay all = replay(cascade, {tested, votes({3})});
  EXPECT_EQ(all.decision.stage, 1);
  EXPECT_EQ(all.decision.stages.at(0).representative, 1);
}

TEST(Given, a_fixed_sample_is_shown_whatever_was_voted) {
  Cascade cascade = cope(4);
  cascade.draws[3].given[0].pick = Pick::sample;
  cascade.draws[3].given[0].sample = 2;
  validate(cascade);
  StageResult stage;
  stage.representative = 1;
  EXPECT_EQ(picked_sample(cascade, cascade.draws[3].given[0], 0, std::vector<StageResult>{stage}), 2);
}

TEST(Validate, names_what_is_wrong) {
  struct Case {
    const char* what;
    std::function<void(Cascade&)> spoil;
  };
  const Case cases[] = {
      {"no stages", [](Cascade& c) { c.stages.clear(); }},
      {"n must be at least 1", [](Cascade& c) { c.draws[1].n = 0; }},
      {"n must be at most", [](Cascade& c) { c.draws[4].n = 1'000'000; }},
      {"earlier draw", [](Cascade& c) { c.draws[1].given[0].draw = 3; }},
      {"given twice", [](Cascade& c) { c.draws[3].given[1].field = "goal"; }},
      {"same n in the same stage", [](Cascade& c) { c.draws[0].n = 5; }},
      {"earlier stage", [](Cascade& c) { c.draws[1].given[0].pick = Pick::carried; }},
      {"a draw of plans", [](Cascade& c) { c.stages[0].gate.draw = 0; }},
      {"draw of the same stage", [](Cascade& c) { c.stages[0].gate.draw = 4; }},
      {"lies in [0, 1]", [](Cascade& c) { c.stages[0].gate.threshold = {5, 4}; }},
      {"non-negative fraction", [](Cascade& c) { c.stages[0].gate.threshold = {1, 0}; }},
      {"compares with > or >=", [](Cascade& c) { c.stages[0].gate.comparison = Comparison::less; }},
      {"order of their stages", [](Cascade& c) { c.draws[0].stage = 2; }},
      {"early stopping must be off", [](Cascade& c) { c.exhaustive = true; }},
      {"one of its 8 samples", [](Cascade& c) { c.draws[3].given[0] = {"goal", 0, Pick::sample, 8}; }},
  };
  validate(cope(8));
  for (const Case& wrong : cases) {
    Cascade cascade = cope(8);
    wrong.spoil(cascade);
    try {
      validate(cascade);
      ADD_FAILURE() << "accepted: " << wrong.what;
    } catch (const ConfigError& error) {
      EXPECT_NE(std::string(error.what()).find(wrong.what), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace cope
