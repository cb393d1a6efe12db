#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sampler/sampler_fixture.h"

namespace cope::test {
namespace {

using testing::HasSubstr;

// One sample costs 10 x 10 + 5 x 100 = 600; its worst case is (14 bytes + 64) x 10 + 20 x 100 = 2,780.
constexpr std::int64_t sample_pusd = 600;
constexpr std::int64_t worst_pusd = 2'780;

Endpoint paid_endpoint(const LoopbackServer& server) {
  Endpoint endpoint = endpoint_at(server.base_url());
  endpoint.price = paid();
  return endpoint;
}

int count_of(const std::vector<Sample>& samples, SampleError error) {
  int count = 0;
  for (const Sample& sample : samples) count += sample.error == error ? 1 : 0;
  return count;
}

TEST(SamplerBudget, RepliesArePricedAndReservationsSettled) {
  LoopbackServer server(echo);
  FakeStore store;
  Endpoint endpoint = paid_endpoint(server);
  endpoint.max_n = 4;
  Sampler sampler({endpoint}, store, {});
  const std::vector<Sample> samples = draw_one(sampler, request_of(4));
  EXPECT_EQ(samples[0].cost_pusd, 10 * 10 + 5 * 100);  // the prompt is the first one's
  EXPECT_EQ(samples[1].cost_pusd, 5 * 100);
  const LedgerTotals totals = store.ledger();
  EXPECT_EQ(totals.settled_pusd, 10 * 10 + 20 * 100);
  EXPECT_EQ(totals.reserved_pusd, 0);
}

TEST(SamplerBudget, TheWorstCaseIsReservedBeforeAnythingIsSent) {
  FakeStore store;
  std::atomic<std::int64_t> reserved_at_request{-1};
  LoopbackServer server([&](const LoopbackServer::Request& request) {
    reserved_at_request = store.ledger().reserved_pusd;
    return echo(request);
  });
  Sampler sampler({paid_endpoint(server)}, store, {});
  draw_one(sampler, request_of(1));
  EXPECT_EQ(reserved_at_request.load(), worst_pusd);
  EXPECT_EQ(store.ledger().settled_pusd, sample_pusd);
}

TEST(SamplerBudget, FreeModelsReserveNothing) {
  LoopbackServer server(echo);
  FakeStore store;
  store.set_cap(0);
  Sampler sampler({endpoint_at(server.base_url())}, store, {});
  EXPECT_TRUE(draw_one(sampler, request_of(2))[1].ok());
}

TEST(SamplerBudget, TheCapIsNeverPassedAndTheRestIsUnfinished) {
  LoopbackServer server(echo);
  FakeStore store;
  store.set_cap(20 * sample_pusd);
  Sampler sampler({paid_endpoint(server)}, store, {});
  const std::vector<Sample> samples = draw_one(sampler, request_of(100));
  const int ok = count_of(samples, SampleError::none);
  EXPECT_EQ(ok + count_of(samples, SampleError::budget), 100);
  // The last ones have no room: after m samples 20 x 600 - m x 600 must still hold a worst case of 2,780.
  EXPECT_EQ(ok, 16);
  EXPECT_EQ(server.requests(), ok);
  EXPECT_LE(store.most_committed_pusd(), 20 * sample_pusd);
  EXPECT_EQ(store.ledger().settled_pusd, ok * sample_pusd);
  EXPECT_EQ(store.outstanding(), 0U);
  EXPECT_THAT(samples.back().error_message, HasSubstr("budget_usd"));
}

TEST(SamplerBudget, RefusedReservationsWaitForThoseOutstanding) {
  LoopbackServer server(echo);
  FakeStore store;
  store.set_cap(worst_pusd + 9 * sample_pusd);  // room for ten samples, at times for one worst case only
  Sampler sampler({paid_endpoint(server)}, store, {});
  const std::vector<Sample> samples = draw_one(sampler, request_of(10));
  EXPECT_EQ(count_of(samples, SampleError::none), 10);
}

TEST(SamplerBudget, ACapTooSmallForOneFailsAtOnce) {
  LoopbackServer server(echo);
  FakeStore store;
  store.set_cap(worst_pusd - 1);
  Sampler sampler({paid_endpoint(server)}, store, {});
  EXPECT_EQ(count_of(draw_one(sampler, request_of(10)), SampleError::budget), 10);
  EXPECT_EQ(server.requests(), 0);
}

TEST(SamplerBudget, ARetryThatHoldsMoneyIsNotBlockedByThoseWhoWaitForIt) {
  // The first request gets a 429 and keeps its reservation, the only one that fits; the others wait for it although they come first.
  LoopbackServer server([](const LoopbackServer::Request& request) {
    return request.number == 0 ? http_reply(429, "{}", "retry-after-ms: 20\r\n") : echo(request);
  });
  FakeStore store;
  store.set_cap(worst_pusd + 3 * sample_pusd);
  Endpoint endpoint = paid_endpoint(server);
  endpoint.max_retries = 3;
  endpoint.max_concurrency = endpoint.initial_concurrency = 2;
  Sampler sampler({endpoint}, store, {});
  int ok = 0;
  for (int i = 0; i < 4; ++i) {
    DrawRequest request = request_of(1, i + 1);
    request.priority = 10 - i;
    sampler.draw(request, [&](const std::vector<Sample>& samples) { ok += samples[0].ok() ? 1 : 0; });
  }
  run_until_done(sampler);
  EXPECT_EQ(ok, 4);
}

TEST(SamplerBudget, WhatWasCertainlyNotBilledCostsNothing) {
  for (const int status : {400, 401, 404, 429, 500}) {
    LoopbackServer server(always(http_reply(status, "{}")));
    FakeStore store;
    Sampler sampler({paid_endpoint(server)}, store, {});
    EXPECT_EQ(draw_one(sampler, request_of(1))[0].cost_pusd, 0);
    EXPECT_EQ(store.ledger().settled_pusd, 0) << status;
    EXPECT_EQ(store.outstanding(), 0U);
  }
  std::string nobody;
  {
    LoopbackServer server(echo);
    nobody = server.base_url();
  }
  FakeStore store;
  Endpoint endpoint = endpoint_at(nobody);
  endpoint.price = paid();
  Sampler sampler({endpoint}, store, {});
  draw_one(sampler, request_of(1));
  EXPECT_EQ(store.ledger().settled_pusd, 0);
}

TEST(SamplerBudget, WhatMayHaveBeenBilledCountsInFull) {
  const LoopbackServer::Reply replies[] = {{.bytes = "", .close = true},
                                           {.bytes = "", .hang = true},
                                           http_reply(200, "nonsense"),
                                           http_reply(504, ""),
                                           http_reply(200, R"({"choices":[{"message":{"refusal":"no"}}]})")};
  for (const LoopbackServer::Reply& reply : replies) {
    LoopbackServer server(always(reply));
    FakeStore store;
    Endpoint endpoint = paid_endpoint(server);
    endpoint.timeout_ms = 100;
    Sampler sampler({endpoint}, store, {});
    const Sample sample = draw_one(sampler, request_of(1))[0];
    EXPECT_FALSE(sample.ok());
    EXPECT_EQ(sample.cost_pusd, std::nullopt);
    EXPECT_EQ(store.ledger().settled_pusd, worst_pusd) << reply.bytes;
  }
}

TEST(SamplerBudget, AResubmissionReservesAnew) {
  LoopbackServer server([](const LoopbackServer::Request& request) -> LoopbackServer::Reply {
    if (request.number == 0) return {.bytes = "", .close = true};
    return echo(request);
  });
  FakeStore store;
  Endpoint endpoint = paid_endpoint(server);
  endpoint.max_retries = 1;
  Sampler sampler({endpoint}, store, {});
  EXPECT_TRUE(draw_one(sampler, request_of(1))[0].ok());
  EXPECT_EQ(store.ledger().settled_pusd, worst_pusd + sample_pusd);
  EXPECT_EQ(sampler.stats().endpoints[0].possibly_billed_retries, 1);
}

TEST(SamplerBudget, AReplyWithoutUsageCostsNobodyKnowsWhat) {
  LoopbackServer server(always(http_reply(200, R"({"choices":[{"message":{"content":"4"}}]})")));
  FakeStore store;
  Sampler sampler({paid_endpoint(server)}, store, {});
  const Sample sample = draw_one(sampler, request_of(1))[0];
  EXPECT_TRUE(sample.ok());
  EXPECT_EQ(sample.cost_pusd, std::nullopt);
  EXPECT_EQ(store.ledger().settled_pusd, worst_pusd);
}

TEST(SamplerBudget, CancellationLeavesWhatHadLeftReservedInFull) {
  LoopbackServer server(always({.bytes = "", .hang = true}));
  FakeStore store;
  Endpoint endpoint = paid_endpoint(server);
  endpoint.max_concurrency = endpoint.initial_concurrency = 3;
  {
    Sampler sampler({endpoint}, store, {});
    sampler.draw(request_of(10), [](const std::vector<Sample>&) {});
    while (server.requests() < 3) sampler.step(10);
    sampler.cancel();
    sampler.step(0);
    EXPECT_EQ(sampler.pending(), 0U);
  }
  EXPECT_EQ(store.ledger().reserved_pusd, 3 * worst_pusd);
  EXPECT_EQ(store.ledger().settled_pusd, 0);
}

TEST(SamplerBudget, GrantsThatComeTooLateAreGivenBack) {
  LoopbackServer server(echo);
  FakeStore store;
  store.hold_until_flush();
  {
    Sampler sampler({paid_endpoint(server)}, store, {});
    sampler.draw(request_of(5), [](const std::vector<Sample>&) {});
    sampler.step(0);  // asks for money, and is gone before the answer
  }
  EXPECT_EQ(store.outstanding(), 0U);
  EXPECT_EQ(store.ledger().settled_pusd, 0);
  EXPECT_EQ(server.requests(), 0);
}

}  // namespace
}  // namespace cope::test
