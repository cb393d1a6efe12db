#include "store/support.h"

namespace cope::store_test {
namespace {

void expect_same(const Outcome& got, const Outcome& expected) {
  EXPECT_EQ(got.position, expected.position);
  EXPECT_EQ(got.problem_id, expected.problem_id);
  EXPECT_EQ(got.status, expected.status);
  EXPECT_EQ(got.stage, expected.stage);
  EXPECT_EQ(got.correct, expected.correct);
  EXPECT_EQ(got.billed_pusd, expected.billed_pusd);
  EXPECT_EQ(got.ideal_pusd, expected.ideal_pusd);
  EXPECT_EQ(got.samples, expected.samples);
  EXPECT_EQ(got.saved, expected.saved);
  EXPECT_EQ(got.trace_json, expected.trace_json);
}

Outcome make_outcome(std::int64_t position, std::string problem_id, OutcomeStatus status = OutcomeStatus::unfinished,
                     std::string trace_json = {}) {
  Outcome outcome;
  outcome.position = position;
  outcome.problem_id = std::move(problem_id);
  outcome.status = status;
  outcome.trace_json = std::move(trace_json);
  return outcome;
}

std::vector<std::int64_t> positions(const std::vector<Outcome>& outcomes) {
  std::vector<std::int64_t> all;
  for (const Outcome& outcome : outcomes) all.push_back(outcome.position);
  return all;
}

TEST(StoreRuns, the_same_key_goes_on_with_the_same_run) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  const RunRow first = store->begin_run(sha256("a"), R"({"k": 8})");
  EXPECT_EQ(first.key, sha256("a"));
  EXPECT_EQ(first.manifest_json, R"({"k": 8})");
  EXPECT_EQ(first.status, RunStatus::running);
  EXPECT_GT(first.started_unix_ms, 0);
  EXPECT_FALSE(first.ended_unix_ms);
  EXPECT_EQ(first.outcomes, 0);
  store->put_outcome(first.id, make_outcome(0, "p0"));
  store->end_run(first.id, RunStatus::interrupted);
  EXPECT_EQ(store->runs().at(0).status, RunStatus::interrupted);
  EXPECT_TRUE(store->runs().at(0).ended_unix_ms);

  const RunRow again = store->begin_run(sha256("a"), "another text");
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(again.manifest_json, first.manifest_json);
  EXPECT_EQ(again.started_unix_ms, first.started_unix_ms);
  EXPECT_EQ(again.status, RunStatus::running);
  EXPECT_FALSE(again.ended_unix_ms);
  EXPECT_EQ(again.outcomes, 1);
}

TEST(StoreRuns, are_listed_oldest_first_with_every_status) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  const std::vector<RunStatus> statuses{RunStatus::running, RunStatus::finished, RunStatus::interrupted,
                                        RunStatus::failed};
  for (const RunStatus status : statuses) {
    const auto name = std::string(to_string(status));
    store->end_run(store->begin_run(sha256(name), "{\"name\": \"" + name + "\"}").id, status);
  }
  const auto runs = store->runs();
  ASSERT_EQ(runs.size(), statuses.size());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    EXPECT_EQ(runs[i].status, statuses[i]);
    EXPECT_EQ(runs[i].key, sha256(to_string(statuses[i])));
    EXPECT_EQ(runs[i].ended_unix_ms.has_value(), statuses[i] != RunStatus::running);
  }
}

TEST(StoreRuns, ending_a_run_that_is_not_there_is_an_error) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  EXPECT_THAT(message_of([&] { store->end_run(7, RunStatus::finished); }), testing::HasSubstr("no run 7"));
  store->flush();
}

TEST(StoreOutcomes, come_back_as_they_were_written) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  const RunRow run = store->begin_run(sha256("run"), "{}");
  std::vector<Outcome> outcomes{
      make_outcome(0, "a", OutcomeStatus::answered, R"({"x": 1})"),
      make_outcome(1, "b", OutcomeStatus::unscored),
      make_outcome(2, std::string("c\0'\xff", 4), OutcomeStatus::failed, std::string(1 << 20, 't')),
      make_outcome(3, "", OutcomeStatus::unfinished),
  };
  outcomes[0].stage = 2;
  outcomes[0].correct = true;
  outcomes[0].billed_pusd = 5;
  outcomes[0].ideal_pusd = 7;
  outcomes[0].samples = 16;
  outcomes[0].saved = 3;
  outcomes[1].correct = false;
  outcomes[1].billed_pusd.reset();
  outcomes[1].ideal_pusd.reset();
  for (const Outcome& outcome : outcomes) store->put_outcome(run.id, outcome);
  store->flush();
  const auto got = store->outcomes(run.id, 0, -1, true);
  ASSERT_EQ(got.size(), outcomes.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    expect_same(got[i], outcomes[i]);
    expect_same(*store->find_outcome(run.id, outcomes[i].problem_id), outcomes[i]);
  }
  EXPECT_FALSE(store->find_outcome(run.id, "d"));
  EXPECT_FALSE(store->find_outcome(run.id + 1, "a"));
  for (const Outcome& outcome : store->outcomes(run.id, 0, -1, false)) EXPECT_EQ(outcome.trace_json, "");
}

TEST(StoreOutcomes, a_later_outcome_replaces_the_earlier_one_of_its_problem_in_its_run_only) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  const RunRow a = store->begin_run(sha256("a"), "{}");
  const RunRow b = store->begin_run(sha256("b"), "{}");
  store->put_outcome(a.id, make_outcome(4, "p", OutcomeStatus::failed, "old"));
  store->put_outcome(b.id, make_outcome(4, "p", OutcomeStatus::failed, "old"));
  Outcome later = make_outcome(5, "p", OutcomeStatus::answered, "new");
  later.stage = 1;
  later.correct = false;
  later.billed_pusd = 1;
  later.ideal_pusd = 2;
  later.samples = 3;
  later.saved = 4;
  store->put_outcome(a.id, later);
  store->flush();
  expect_same(*store->find_outcome(a.id, "p"), later);
  EXPECT_EQ(store->find_outcome(b.id, "p")->trace_json, "old");
  EXPECT_EQ(store->runs().at(0).outcomes, 1);
}

TEST(StoreOutcomes, are_ordered_by_position_and_paged) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  const RunRow run = store->begin_run(sha256("run"), "{}");
  for (int i = 0; i < 10; ++i) {
    const int position = i * 7 % 10;
    store->put_outcome(run.id, make_outcome(position, "p" + std::to_string(position)));
  }
  store->flush();
  using testing::ElementsAre;
  EXPECT_THAT(positions(store->outcomes(run.id, 0, -1, false)), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_THAT(positions(store->outcomes(run.id, 0, 3, true)), ElementsAre(0, 1, 2));
  EXPECT_THAT(positions(store->outcomes(run.id, 8, 3, false)), ElementsAre(8, 9));
  EXPECT_THAT(positions(store->outcomes(run.id, 6, -1, false)), ElementsAre(6, 7, 8, 9));
  EXPECT_TRUE(store->outcomes(run.id, 10, 5, false).empty());
  EXPECT_TRUE(store->outcomes(run.id, 0, 0, false).empty());
}

TEST(StoreOutcomes, of_an_unknown_run_are_reported_by_flush_and_hold_up_nothing_else) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  Written written;
  store->put_outcome(99, make_outcome(0, "p"));
  store->put({make_sample(1)}, std::nullopt, [&](Written w) { written = std::move(w); });
  EXPECT_THAT(message_of([&] { store->flush(); }), testing::HasSubstr("no run 99"));
  EXPECT_EQ(written.error, "");
  EXPECT_TRUE(find_one(*store, identity(1)));
  store->flush();
}

}  // namespace
}  // namespace cope::store_test
