#include "cope/run/attempt.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>

#include "cope/base/error.h"
#include "cope/run/identities.h"
#include "run/specs.h"

namespace cope {
namespace {

using nlohmann::json;

Spec spec_of(const json& value) { return parse_spec(value.dump(), std::nullopt); }

Problem apples() {
  Problem problem;
  problem.id = "apples";
  problem.question = "How many apples?";
  problem.gold = "7";
  return problem;
}

Sample says(const std::string& text) {
  Sample sample;
  sample.identity = sha256(text);
  sample.text = text;
  sample.finish_reason = "stop";
  sample.usage = Usage{.prompt_tokens = 10, .completion_tokens = 5, .known = true};
  sample.cost_pusd = 20;
  return sample;
}

Sample fails(SampleError error) {
  Sample sample;
  sample.error = error;
  sample.error_message = "it did";
  return sample;
}

using Model = std::function<Sample(const DrawWave&, int index)>;

// Drives an attempt with replies in an order of the seed's choosing; seed 0: first come, first served.
json run_attempt(const Spec& spec, const Model& model, unsigned seed, const Hooks& hooks = {}) {
  Attempt attempt(spec, hooks, apples());
  std::mt19937 random(seed);
  std::deque<DrawWave> in_flight;
  const auto take = [&](std::vector<DrawWave> waves) {
    for (DrawWave& wave : waves) in_flight.push_back(std::move(wave));
  };
  take(attempt.next());
  while (!in_flight.empty()) {
    if (seed != 0) std::swap(in_flight.front(), in_flight[random() % in_flight.size()]);
    const DrawWave wave = std::move(in_flight.front());
    in_flight.pop_front();
    std::vector<Sample> samples;
    for (std::size_t i = 0; i < wave.request.seeds.size(); ++i) {
      samples.push_back(model(wave, wave.request.first_index + static_cast<int>(i)));
    }
    attempt.arrived(wave, std::move(samples));
    take(attempt.next());
  }
  EXPECT_TRUE(attempt.done());
  const Outcome outcome = attempt.outcome();
  json trace = json::parse(outcome.trace_json);
  EXPECT_EQ(trace["samples"], outcome.samples);
  EXPECT_EQ(trace["status"], to_string(outcome.status));
  return trace;
}

// Goals say who they are; solutions disagree; the guideline settles it.
Sample disagreeing(const DrawWave& wave, int index) {
  switch (wave.draw) {
    case 0:
      return says("goal " + std::to_string(index));
    case 1:
      return says("\\boxed{" + std::to_string(index / 2) + "}");
    case 2:
      return says("count them");
    case 3:
      return says("\\boxed{7}");
    default:
      return says("\\boxed{8}");
  }
}

// --- programs: what a report says is scripted here; that programs really run is tests_py/engine/test_code.py's affair ---

json code_spec(int k = 4) {
  json spec = testing::cope_spec(k);
  spec["task"]["name"] = "code";
  for (const int stage : {0, 1}) spec["cascade"]["stages"][stage]["gate"]["measure"] = "passed";
  return spec;
}

Problem a_function(int visible = 2, int hidden = 2) {
  Problem problem = apples();
  json meta{{"visible_tests", json::array()}, {"hidden_tests", json::array()}, {"entry_point", "f"}};
  for (int i = 0; i < visible; ++i) meta["visible_tests"].push_back("assert f(" + std::to_string(i) + ")");
  for (int i = 0; i < hidden; ++i) meta["hidden_tests"].push_back("assert f(-" + std::to_string(i) + ")");
  problem.meta_json = meta.dump();
  return problem;
}

Sample writes(int value) { return says("```python\ndef f(x):\n    return " + std::to_string(value) + "\n```"); }

using Runner = std::function<sandbox::Report(const sandbox::Program&)>;

sandbox::Report passes(int tests, int of) {
  sandbox::Report report;
  report.tests_passed = tests;
  report.outcome = tests == of ? sandbox::Outcome::passed : sandbox::Outcome::failed_assertion;
  report.first_failed_test = tests == of ? -1 : tests;
  return report;
}

// Samples and reports come in an order of the seed's choosing.
json run_code(const Spec& spec, const Problem& problem, const Model& model, const Runner& runner, unsigned seed,
              int* runs = nullptr) {
  const Hooks hooks;
  Attempt attempt(spec, hooks, problem);
  std::mt19937 random(seed);
  std::vector<std::function<void()>> todo;
  const std::function<void()> step = [&] {
    for (DrawWave& wave : attempt.next()) {
      todo.push_back([&, wave = std::move(wave)] {
        std::vector<Sample> samples;
        for (std::size_t i = 0; i < wave.request.seeds.size(); ++i)
          samples.push_back(model(wave, wave.request.first_index + static_cast<int>(i)));
        attempt.arrived(wave, std::move(samples));
      });
    }
    for (ProgramRun& run : attempt.programs()) {
      if (runs != nullptr) ++*runs;
      todo.push_back([&, run = std::move(run)] { attempt.judged(run.ticket, runner(run.program)); });
    }
  };
  step();
  while (!todo.empty()) {
    std::swap(todo.back(), todo[random() % todo.size()]);
    const auto one = std::move(todo.back());
    todo.pop_back();
    one();
    step();
  }
  EXPECT_TRUE(attempt.done());
  return json::parse(attempt.outcome().trace_json);
}

// f returns its sample's index; 2 passes the visible tests, everything passes half of them, only 2 passes the hidden ones.
sandbox::Report two_is_right(const sandbox::Program& program) {
  const int of = static_cast<int>(program.tests.size());
  return passes(program.source.find("return 2") != std::string::npos ? of : of / 2, of);
}

Sample writes_its_index(const DrawWave& wave, int index) {
  return wave.draw == 0 ? says("goal " + std::to_string(index)) : wave.draw == 2 ? says("guide") : writes(index);
}

TEST(AttemptOfCode, accepts_the_first_program_that_passes_and_scores_it_by_the_hidden_tests) {
  const Spec spec = spec_of(code_spec());
  const json trace = run_code(spec, a_function(), writes_its_index, two_is_right, 1);
  EXPECT_EQ(trace["status"], "answered");
  EXPECT_EQ(trace["stage"], 0);
  EXPECT_EQ(trace["answer_sample"], 2);
  EXPECT_EQ(trace["answer"], "def f(x):\n    return 2\n");
  EXPECT_EQ(trace["correct"], true);
  EXPECT_EQ(trace["samples"], 6) << "nothing is drawn after the program that passes";
  EXPECT_EQ(trace["score"]["tests"], 2);
  EXPECT_EQ(trace["draws"][1]["samples"][0]["verdict"]["outcome"], "failed_assertion");
  EXPECT_EQ(trace["draws"][1]["samples"][0]["verdict"]["first_failed_test"], 1);
  EXPECT_EQ(trace["draws"][1]["samples"][0]["measure"], 0.5);
}

TEST(AttemptOfCode, is_the_same_whatever_the_order_of_samples_and_verdicts) {
  const Spec spec = spec_of(code_spec());
  const json first = run_code(spec, a_function(), writes_its_index, two_is_right, 1);
  for (unsigned seed = 2; seed < 30; ++seed)
    EXPECT_EQ(run_code(spec, a_function(), writes_its_index, two_is_right, seed), first);
}

TEST(AttemptOfCode, carries_the_plan_of_the_program_that_passes_most_tests) {
  std::string prompt;
  const auto model = [&](const DrawWave& wave, int index) {
    if (wave.draw == 3) prompt = wave.request.messages[0].content;
    return writes_its_index(wave, index);
  };
  const auto third_is_best = [](const sandbox::Program& program) {
    const int of = static_cast<int>(program.tests.size());
    return passes(program.source.find("return 2") != std::string::npos ? 1 : 0, of);
  };
  const json trace = run_code(spec_of(code_spec()), a_function(), model, third_is_best, 1);
  EXPECT_EQ(prompt, "How many apples? goal 2 guide");
  EXPECT_EQ(trace["stage"], 2) << "the last stage accepts whatever it has";
  EXPECT_EQ(trace["correct"], false);
}

TEST(AttemptOfCode, runs_a_program_once_however_many_samples_say_it) {
  int runs = 0;
  const auto same = [](const DrawWave& wave, int) {
    return wave.draw == 0 || wave.draw == 2 ? says("plan") : writes(7);
  };
  run_code(spec_of(code_spec()), a_function(), same, two_is_right, 1, &runs);
  EXPECT_EQ(runs, 2) << "the visible tests of stages 1 and 2, and the hidden ones";
}

TEST(AttemptOfCode, without_hidden_tests_scores_by_the_visible_ones) {
  const json trace = run_code(spec_of(code_spec()), a_function(2, 0), writes_its_index, two_is_right, 1);
  EXPECT_EQ(trace["correct"], true);
  EXPECT_EQ(trace["score"]["tests_passed"], 2);
}

TEST(AttemptOfCode, no_visible_test_accepts_nothing) {
  const json trace = run_code(spec_of(code_spec()), a_function(0, 2), writes_its_index, two_is_right, 1);
  EXPECT_EQ(trace["stage"], 2);
  EXPECT_EQ(trace["stages"][0]["accepted"], false);
}

TEST(AttemptOfCode, is_unfinished_where_verdicts_will_not_come) {
  const Spec spec = spec_of(code_spec(1));
  const Hooks hooks;
  Attempt attempt(spec, hooks, a_function());
  for (int i = 0; i < 2; ++i) {
    for (const DrawWave& wave : attempt.next()) attempt.arrived(wave, {writes_its_index(wave, 2)});
  }
  EXPECT_TRUE(attempt.next().empty());
  const std::vector<ProgramRun> runs = attempt.programs();
  ASSERT_EQ(runs.size(), 1U);
  attempt.abandon_programs();
  EXPECT_TRUE(attempt.next().empty());
  ASSERT_TRUE(attempt.done());
  EXPECT_EQ(attempt.outcome().status, OutcomeStatus::unfinished);
  attempt.judged(runs[0].ticket, passes(2, 2));  // too late, and harmless
  EXPECT_EQ(attempt.outcome().status, OutcomeStatus::unfinished);
}

TEST(AttemptOfCode, names_the_problem_whose_tests_are_none) {
  const Spec spec = spec_of(code_spec());
  const Hooks hooks;
  EXPECT_THROW(Attempt(spec, hooks, apples()), DataError);
  Problem problem = apples();
  problem.meta_json = R"json({"visible_tests": "assert f(1)"})json";
  EXPECT_THROW(Attempt(spec, hooks, problem), DataError);
}

TEST(AttemptOfPrograms, vote_with_the_values_that_programs_leave) {
  json value = testing::cope_spec();
  value["cascade"]["draws"][1]["program"] = {{"result", "ans"}};
  std::string source;
  const auto runner = [&](const sandbox::Program& program) {
    source = program.source;
    EXPECT_EQ(program.result_name, "ans");
    EXPECT_EQ(program.limits.wall_ms, 2'000);
    sandbox::Report report;
    report.value = "7.0";
    report.value_type = "float";
    return report;
  };
  const auto model = [](const DrawWave& wave, int index) {
    return wave.draw == 0 ? says("goal") : says("x = " + std::to_string(index % 2) + "\nans = x\n");
  };
  int runs = 0;
  const json trace = run_code(spec_of(value), apples(), model, runner, 1, &runs);
  EXPECT_EQ(trace["answer"], "7.0");
  EXPECT_EQ(trace["correct"], true) << "compared as a number";
  EXPECT_EQ(trace["stages"][0]["votes"], 4);
  EXPECT_EQ(runs, 2);
}

TEST(AttemptOfPrograms, has_no_answer_where_the_program_fails) {
  json value = testing::cope_spec();
  value["cascade"]["draws"][1]["program"] = {{"result", "ans"}};
  const auto runner = [&](const sandbox::Program&) {
    sandbox::Report report;
    report.outcome = sandbox::Outcome::timed_out_wall;
    return report;
  };
  const auto model = [](const DrawWave& wave, int) { return says(wave.draw == 1 ? "ans = 1" : "\\boxed{7}"); };
  const json trace = run_code(spec_of(value), apples(), model, runner, 1);
  EXPECT_EQ(trace["stage"], 1);
  EXPECT_EQ(trace["draws"][1]["samples"][0]["scored"], false);
  EXPECT_EQ(trace["draws"][1]["samples"][0]["verdict"]["outcome"], "timed_out_wall");
}

TEST(Attempt, goes_through_the_stages_and_carries_the_plan) {
  std::map<int, std::string> prompts;
  const json trace = run_attempt(
      spec_of(testing::cope_spec()),
      [&](const DrawWave& wave, int index) {
        prompts[wave.draw] = wave.request.messages[0].content;
        return disagreeing(wave, index);
      },
      0);
  EXPECT_EQ(trace["status"], "answered");
  EXPECT_EQ(trace["stage"], 1);
  EXPECT_EQ(trace["answer"], "7");
  EXPECT_EQ(trace["correct"], true);
  EXPECT_EQ(prompts[3], "How many apples? goal 0 count them");
  EXPECT_EQ(prompts.count(4), 0U);
  // Answers 0, 0, 1 cannot become 4 alike any more, and nothing overtakes 0: 3 goals and 3 solutions; one guideline; then 3 of 4 exceed one half.
  EXPECT_EQ(trace["samples"], 10);
  EXPECT_EQ(trace["saved"], 3);
  EXPECT_EQ(trace["ideal_pusd"], 10 * 20);
  EXPECT_EQ(trace["compute_flop"], 10 * 2 * 10 * 15);
}

TEST(Attempt, decides_the_same_whatever_the_order_of_replies) {
  for (const int k : {1, 3, 8}) {
    const Spec spec = spec_of(testing::cope_spec(k));
    std::mt19937 random(5);
    for (int round = 0; round < 50; ++round) {
      const auto salt = static_cast<unsigned>(random());
      const Model model = [&](const DrawWave& wave, int index) {
        const unsigned pick = (salt ^ static_cast<unsigned>(wave.draw * 131 + index * 31)) * 2654435761U >> 16;
        if (wave.draw == 0 || wave.draw == 2) return says("plan " + std::to_string(pick % 3));
        if (pick % 7 == 0) return says("no idea");
        return says("\\boxed{" + std::to_string(pick % 3) + "}");
      };
      const json first = run_attempt(spec, model, 0);
      for (unsigned order = 1; order <= 5; ++order) ASSERT_EQ(run_attempt(spec, model, order), first);
    }
  }
}

TEST(Attempt, asks_for_distinct_seeds_that_depend_on_nothing_but_their_place) {
  const Spec spec = spec_of(testing::cope_spec());
  std::map<std::pair<int, int>, std::int64_t> seeds;
  std::set<std::int64_t> distinct;
  const Model model = [&](const DrawWave& wave, int index) {
    const std::int64_t seed = wave.request.seeds[static_cast<std::size_t>(index - wave.request.first_index)];
    const auto [known, fresh] = seeds.emplace(std::pair(wave.draw, index), seed);
    EXPECT_EQ(known->second, seed);
    distinct.insert(seed);
    return disagreeing(wave, index);
  };
  for (unsigned order = 0; order < 4; ++order) run_attempt(spec, model, order);
  EXPECT_EQ(distinct.size(), seeds.size());
  EXPECT_EQ((seeds[{3, 1}]), derive_seed(3, "apples", 1, 1, 1));
}

TEST(Attempt, shares_a_request_only_where_the_prompt_is_one_by_construction) {
  const Spec spec = spec_of(testing::cope_spec());
  run_attempt(
      spec,
      [&](const DrawWave& wave, int index) {
        if (wave.draw == 1) {
          EXPECT_EQ(wave.request.seeds.size(), 1U);
        }
        if (wave.draw == 0) {
          return says("the same goal");
        }
        return disagreeing(wave, index);
      },
      0);
}

TEST(Attempt, samples_that_cannot_be_scored_never_vote) {
  const json trace = run_attempt(
      spec_of(testing::cope_spec()),
      [](const DrawWave& wave, int index) {
        if (wave.draw != 1) return disagreeing(wave, index);
        Sample sample = says("\\boxed{7}");
        if (index == 1) sample.finish_reason = "length";
        if (index == 2) sample = fails(SampleError::server);
        if (index == 3) sample.text = "  ";
        return sample;
      },
      0);
  EXPECT_EQ(trace["stages"][0]["votes"], 1);
  EXPECT_EQ(trace["stages"][0]["of"], 4);
  EXPECT_EQ(trace["draws"][1]["samples"][2]["error"], "server");
}

TEST(Attempt, a_plan_that_failed_fails_what_needs_it_without_asking) {
  std::set<int> asked;
  const json trace = run_attempt(
      spec_of(testing::cope_spec()),
      [&](const DrawWave& wave, int index) {
        asked.insert(wave.draw);
        return wave.draw == 2 ? fails(SampleError::timeout) : disagreeing(wave, index);
      },
      0);
  EXPECT_EQ(asked, (std::set<int>{0, 1, 2}));
  EXPECT_EQ(trace["status"], "failed");
  EXPECT_EQ(trace["draws"][3]["samples"][0]["error"], "parent_failed");
  EXPECT_TRUE(trace["correct"].is_null());
}

TEST(Attempt, an_empty_plan_is_the_models_own_doing_and_leaves_the_problem_unscored) {
  const json trace = run_attempt(
      spec_of(testing::cope_spec()),
      [&](const DrawWave& wave, int index) { return wave.draw == 2 ? says(" \n") : disagreeing(wave, index); }, 0);
  EXPECT_EQ(trace["status"], "unscored");
  EXPECT_EQ(trace["draws"][2]["samples"][0]["error"], "none");
  EXPECT_EQ(trace["draws"][3]["samples"][0]["error"], "parent_failed");
  EXPECT_EQ(trace["draws"][3]["samples"][0]["error_message"], "the plan that its prompt needs is an empty text");
}

TEST(Attempt, asks_for_the_samples_whose_identities_are_told_in_advance) {
  const Spec spec = spec_of(testing::cope_spec());
  const std::map<int, std::map<std::string, std::string>> given{{1, {{"goal", "goal 1"}}},
                                                                {3, {{"goal", "goal 0"}, {"guideline", "count them"}}},
                                                                {4, {{"guideline", "count them"}}}};
  std::map<int, Digest> asked;
  run_attempt(
      spec,
      [&](const DrawWave& wave, int index) {
        if (index == 1) {
          const Endpoint& endpoint = spec.endpoints[static_cast<std::size_t>(wave.request.model)];
          asked[wave.draw] =
              sample_identity(endpoint, wave.request, static_cast<std::size_t>(index - wave.request.first_index));
        }
        return disagreeing(wave, index);
      },
      0);
  ASSERT_EQ(asked.size(), 3U);
  for (const auto& [draw, identity] : asked) {
    const auto fields = given.find(draw);
    const SamplePlace place{"apples", "How many apples?", draw, 1,
                            fields == given.end() ? std::map<std::string, std::string>{} : fields->second};
    EXPECT_EQ(sample_identities(spec, std::vector{place}).at(0), identity) << "draw " << draw;
  }
}

TEST(Attempt, a_sample_that_was_not_recorded_leaves_the_problem_unfinished) {
  const json trace = run_attempt(
      spec_of(testing::cope_spec()),
      [](const DrawWave& wave, int index) {
        return wave.draw == 3 ? fails(SampleError::not_recorded) : disagreeing(wave, index);
      },
      0);
  EXPECT_EQ(trace["status"], "unfinished");
  EXPECT_EQ(trace["draws"][3]["samples"][0]["error"], "not_recorded");
}

TEST(Attempt, a_budget_that_ends_leaves_the_problem_unfinished) {
  const json trace = run_attempt(
      spec_of(testing::cope_spec()),
      [](const DrawWave& wave, int index) {
        return wave.draw == 2 ? fails(SampleError::budget) : disagreeing(wave, index);
      },
      0);
  EXPECT_EQ(trace["status"], "unfinished");
  EXPECT_EQ(trace["stage"], -1);
}

TEST(Attempt, a_cost_that_nobody_told_is_blank_and_not_invented) {
  const json trace = run_attempt(
      spec_of(testing::cope_spec()),
      [](const DrawWave& wave, int index) {
        Sample sample = disagreeing(wave, index);
        if (wave.draw == 2) {
          sample.cost_pusd.reset();
          sample.usage = Usage{};
        }
        return sample;
      },
      0);
  EXPECT_TRUE(trace["billed_pusd"].is_null());
  EXPECT_TRUE(trace["compute_flop"].is_null());
}

TEST(Attempt, samples_from_the_store_are_billed_nothing) {
  const json trace = run_attempt(
      spec_of(testing::cope_spec()),
      [](const DrawWave& wave, int index) {
        Sample sample = disagreeing(wave, index);
        sample.cached = wave.draw != 2;
        return sample;
      },
      0);
  EXPECT_EQ(trace["billed_pusd"], 20);
  EXPECT_EQ(trace["ideal_pusd"], 10 * 20);
}

TEST(Attempt, the_users_own_functions_replace_the_native_ones) {
  Hooks hooks;
  hooks.answer = [](const std::string& text, const std::string&) { return std::optional(text); };
  hooks.key = [](const std::string&) { return std::string("all alike"); };
  hooks.grade = [](const std::string& gold, const std::string& answer, const std::string& id) {
    return gold == "7" && answer == "\\boxed{0}" && id == "apples";
  };
  hooks.prompt[0] = [](const Problem& problem, const std::map<std::string, std::string>& given) {
    EXPECT_TRUE(given.empty());
    return std::vector<Message>{{"user", "own: " + problem.question}};
  };
  const json trace = run_attempt(
      spec_of(testing::cope_spec()),
      [](const DrawWave& wave, int index) {
        if (wave.draw == 0) {
          EXPECT_EQ(wave.request.messages[0].content, "own: How many apples?");
        }
        return disagreeing(wave, index);
      },
      0, hooks);
  EXPECT_EQ(trace["stage"], 0);
  EXPECT_EQ(trace["correct"], true);
}

TEST(Attempt, a_score_that_is_nan_is_an_error_that_names_the_problem) {
  json value = testing::cope_spec();
  value["cascade"]["stages"][0]["gate"]["measure"] = "score";
  Hooks hooks;
  hooks.score = [](const std::string&, const std::string&) { return std::numeric_limits<double>::quiet_NaN(); };
  EXPECT_THROW(run_attempt(spec_of(value), disagreeing, 0, hooks), ConfigError);
}

TEST(Attempt, an_empty_prompt_is_refused_before_it_is_sent) {
  json value = testing::cope_spec();
  value["cascade"]["draws"][0]["prompt"]["messages"][0]["content"] = "  \n";
  EXPECT_THROW(run_attempt(spec_of(value), disagreeing, 0), DataError);
}

}  // namespace
}  // namespace cope
