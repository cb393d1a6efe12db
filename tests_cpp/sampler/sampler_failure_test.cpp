// Every way an endpoint can fail a request, over real sockets: a value with a code, a message that says what and where, and nothing stored.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "cope/base/error.h"
#include "sampler/sampler_fixture.h"

namespace cope::test {
namespace {

using testing::HasSubstr;
using testing::Not;

Sample sample_from(LoopbackServer& server, const std::function<void(Endpoint&)>& change = nullptr,
                   FakeStore* store = nullptr) {
  FakeStore own;
  Endpoint endpoint = endpoint_at(server.base_url());
  if (change) change(endpoint);
  Sampler sampler({endpoint}, store == nullptr ? own : *store, {});
  DrawRequest request = request_of(1);
  const Sample sample = draw_one(sampler, request)[0];
  EXPECT_THAT(sample.error_message, Not(HasSubstr("key-that-must-never-show")));
  EXPECT_EQ(sample.identity, sample_identity(endpoint, request, 0));
  return sample;
}

Sample sample_of(const LoopbackServer::Reply& reply, const std::function<void(Endpoint&)>& change = nullptr) {
  LoopbackServer server(always(reply));
  return sample_from(server, change);
}

TEST(SamplerFailure, UnknownModel) {
  const Sample sample =
      sample_of(http_reply(404, R"({"error":{"message":"The model `tiny` does not exist","code":"model_not_found"}})",
                           "x-request-id: r7\r\n"));
  EXPECT_EQ(sample.error, SampleError::not_found);
  EXPECT_EQ(sample.status_code, 404);
  EXPECT_EQ(sample.request_id, "r7");
  EXPECT_THAT(sample.error_message, HasSubstr("does not exist"));
}

TEST(SamplerFailure, RefusedKey) {
  LoopbackServer server([](const LoopbackServer::Request& request) {
    EXPECT_THAT(request.head, HasSubstr("Authorization: Bearer key-that-must-never-show"));
    return http_reply(401, R"({"error":{"message":"bad key: Bearer key-that-must-never-show"}})");
  });
  const Sample sample = sample_from(server, [](Endpoint& endpoint) { endpoint.max_retries = 5; });
  EXPECT_EQ(sample.error, SampleError::authentication);
  EXPECT_EQ(server.requests(), 1);  // fails at once
}

TEST(SamplerFailure, WrongBaseUrl) {
  EXPECT_EQ(sample_of(http_reply(404, "<html>404 page not found</html>")).error, SampleError::not_found);
  EXPECT_EQ(sample_of(http_reply(200, "<html>welcome</html>")).error, SampleError::malformed);
  EXPECT_EQ(sample_of(http_reply(301, "", "Location: https://elsewhere/v1\r\n")).error, SampleError::not_found);
}

TEST(SamplerFailure, EndpointIsDown) {
  std::string base_url;
  {
    LoopbackServer server(echo);
    base_url = server.base_url();
  }
  FakeStore store;
  Sampler sampler({endpoint_at(base_url)}, store, {});
  const Sample sample = draw_one(sampler, request_of(1))[0];
  EXPECT_EQ(sample.error, SampleError::connection);
  EXPECT_EQ(sample.status_code, 0);
  EXPECT_THAT(sample.error_message, HasSubstr("cannot reach " + base_url));
}

TEST(SamplerFailure, NoLogprobs) {
  LoopbackServer server(echo);
  FakeStore store;
  Sampler sampler({endpoint_at(server.base_url())}, store, {});
  DrawRequest request = request_of(1);
  request.sampling.logprobs = true;
  const Sample sample = draw_one(sampler, request)[0];
  EXPECT_EQ(sample.error, SampleError::no_logprobs);
  EXPECT_THAT(sample.error_message, HasSubstr("this endpoint returns no logprobs"));
  EXPECT_EQ(store.size(), 0U);
}

TEST(SamplerFailure, RepliesThatAreNoCompletions) {
  const std::string good = chat_json({"4"});
  LoopbackServer::Reply cut = http_reply(200, good);
  cut.bytes.resize(cut.bytes.size() - 20);
  cut.close = true;
  const struct {
    const char* name;
    LoopbackServer::Reply reply;
    SampleError expected;
  } cases[] = {
      {"not JSON", http_reply(200, "certainly not"), SampleError::malformed},
      {"cut off within JSON", http_reply(200, good.substr(0, good.size() - 20)), SampleError::malformed},
      {"cut off by the connection", cut, SampleError::malformed},
      {"empty", http_reply(200, ""), SampleError::malformed},
      {"no content", http_reply(204, ""), SampleError::malformed},
      {"not HTTP", {.bytes = "220 smtp ready\r\n", .close = true}, SampleError::malformed},
      {"nothing at all", {.bytes = "", .close = true}, SampleError::connection},
      {"reset", {.bytes = "", .reset = true}, SampleError::connection},
      {"huge", http_reply(200, std::string(2'000'000, ' ') + good), SampleError::too_large},
      {"deep", http_reply(200, std::string(100'000, '[')), SampleError::malformed},
      {"bad gateway", http_reply(502, "<html>"), SampleError::server},
      {"bad request", http_reply(400, R"({"error":{"message":"no"}})"), SampleError::bad_request},
      {"too long a prompt", http_reply(400, R"({"error":{"type":"exceed_context_size_error","code":400}})"),
       SampleError::context_length},
      {"refusal", http_reply(200, R"({"choices":[{"message":{"refusal":"no"}}]})"), SampleError::refused},
  };
  for (const auto& c : cases) {
    const Sample sample = sample_of(c.reply, [](Endpoint& endpoint) { endpoint.max_reply_bytes = 1'000'000; });
    EXPECT_EQ(sample.error, c.expected) << c.name << ": " << sample.error_message;
    EXPECT_FALSE(sample.error_message.empty()) << c.name;
    EXPECT_EQ(sample.text, "") << c.name;
  }
}

TEST(SamplerFailure, ARepliesLimitIsOfItsTokens) {
  const std::string text(3'000'000, 'a');  // for 512 tokens at most
  const std::string body =
      R"({"choices":[{"index":0,"finish_reason":"stop","message":{"content":")" + text + R"("}}]})";
  const Sample sample = sample_of(http_reply(200, body));
  EXPECT_EQ(sample.error, SampleError::too_large);
  EXPECT_NE(sample.error_message.find("far larger than max_tokens allows"), std::string::npos) << sample.error_message;
  EXPECT_EQ(sample.text, "");
}

TEST(SamplerFailure, AKeyThatComesBackIsNotKept) {
  const std::string body =
      R"({"choices":[{"index":0,"finish_reason":"stop","message":{"content":"Bearer key-0123456789abcdef",)"
      R"("reasoning_content":"they sent key-0123456789abcdef"}}]})";
  const Sample sample =
      sample_of(http_reply(200, body), [](Endpoint& endpoint) { endpoint.api_key = Secret("key-0123456789abcdef"); });
  EXPECT_EQ(sample.text, "Bearer [redacted]");
  EXPECT_EQ(sample.reasoning, "they sent [redacted]");
}

TEST(SamplerFailure, Timeout) {
  const Sample sample = sample_of({.bytes = "", .hang = true}, [](Endpoint& endpoint) { endpoint.timeout_ms = 50; });
  EXPECT_EQ(sample.error, SampleError::timeout);
  const Sample slow = sample_of({.bytes = http_reply(200, std::string(60'000, ' ')).bytes, .drip = 1},
                                [](Endpoint& endpoint) { endpoint.timeout_ms = 50; });
  EXPECT_EQ(slow.error, SampleError::timeout);
}

// The first replies fail with `failure`, then all is well. Retry-After-Ms keeps the tests short.
struct Flaky {
  LoopbackServer::Reply failure;
  int failures = 2;

  LoopbackServer::Reply operator()(const LoopbackServer::Request& request) const {
    return request.number < failures ? failure : echo(request);
  }
};

TEST(SamplerFailure, WhatMayPassIsRetried) {
  for (const int status : {408, 409, 429, 500, 503}) {
    LoopbackServer server(Flaky{http_reply(status, "{}", "retry-after-ms: 1\r\n")});
    const Sample sample = sample_from(server, [](Endpoint& endpoint) { endpoint.max_retries = 3; });
    EXPECT_TRUE(sample.ok()) << status << sample.error_message;
    EXPECT_EQ(sample.attempts, 3);
    EXPECT_EQ(server.requests(), 3);
  }
}

TEST(SamplerFailure, WhatCannotPassIsNot) {
  for (const int status : {400, 401, 403, 404, 422}) {
    LoopbackServer server(Flaky{http_reply(status, "{}", "retry-after-ms: 1\r\n")});
    EXPECT_FALSE(sample_from(server, [](Endpoint& endpoint) { endpoint.max_retries = 3; }).ok());
    EXPECT_EQ(server.requests(), 1) << status;
  }
}

TEST(SamplerFailure, RetriesEndWithTheReason) {
  LoopbackServer server(Flaky{http_reply(503, "busy", "retry-after-ms: 0\r\n"), 100});
  const Sample sample = sample_from(server, [](Endpoint& endpoint) { endpoint.max_retries = 3; });
  EXPECT_EQ(sample.error, SampleError::server);
  EXPECT_EQ(sample.attempts, 4);
  EXPECT_THAT(sample.error_message, HasSubstr("gave up after 4 attempts"));
  LoopbackServer patient(Flaky{http_reply(429, "", "retry-after: 3600\r\n"), 100});
  const Sample refused = sample_from(patient, [](Endpoint& endpoint) { endpoint.max_retries = 3; });
  EXPECT_EQ(refused.error, SampleError::rate_limited);
  EXPECT_EQ(patient.requests(), 1);
  EXPECT_THAT(refused.error_message, HasSubstr("retry after 3600 s"));
}

TEST(SamplerFailure, WhatMayHaveBeenBilledIsCountedWhenResubmitted) {
  LoopbackServer server(Flaky{{.bytes = "", .close = true}, 1});
  FakeStore store;
  Endpoint endpoint = endpoint_at(server.base_url());
  endpoint.max_retries = 1;
  Sampler sampler({endpoint}, store, {});
  EXPECT_TRUE(draw_one(sampler, request_of(1))[0].ok());
  EXPECT_EQ(sampler.stats().endpoints[0].possibly_billed_retries, 1);
  EXPECT_EQ(sampler.stats().endpoints[0].retries, 1);
}

TEST(SamplerFailure, RateLimitsCutTheConcurrency) {
  LoopbackServer server(Flaky{http_reply(429, "{}", "retry-after-ms: 1\r\n"), 10});
  FakeStore store;
  Endpoint endpoint = endpoint_at(server.base_url());
  endpoint.max_retries = 20;
  endpoint.initial_concurrency = endpoint.max_concurrency = 10;
  Sampler sampler({endpoint}, store, {});
  EXPECT_TRUE(draw_one(sampler, request_of(10))[9].ok());
  EXPECT_EQ(sampler.stats().endpoints[0].rate_limited, 10);
  EXPECT_LT(sampler.stats().endpoints[0].concurrency_limit, 10);
}

TEST(SamplerFailure, OneBadChoiceDoesNotSpoilTheOthers) {
  LoopbackServer server(always(http_reply(
      200,
      R"({"choices":[{"index":0,"message":{"content":"a"}},{"index":1,"message":{"refusal":"no"}},{"index":2,"message":{"content":"c"}}]})")));
  FakeStore store;
  Endpoint endpoint = endpoint_at(server.base_url());
  endpoint.max_n = 3;
  Sampler sampler({endpoint}, store, {});
  const std::vector<Sample> samples = draw_one(sampler, request_of(3));
  EXPECT_EQ(samples[0].text, "a");
  EXPECT_EQ(samples[1].error, SampleError::refused);
  EXPECT_EQ(samples[2].text, "c");
  EXPECT_EQ(store.size(), 2U);
}

TEST(SamplerFailure, AStoreThatCannotWriteEndsTheRun) {
  LoopbackServer server(echo);
  FakeStore store;
  Sampler sampler({endpoint_at(server.base_url())}, store, {});
  store.fail_writes("the disk is full");
  bool called = false;
  sampler.draw(request_of(1), [&](const std::vector<Sample>&) { called = true; });
  try {
    run_until_done(sampler);
    FAIL() << "no StoreError";
  } catch (const StoreError& error) {
    EXPECT_THAT(error.what(), HasSubstr("the disk is full"));
  }
  EXPECT_FALSE(called);  // nothing is used that is not durable
}

TEST(SamplerCancel, EverythingInFlightIsCalledBackInTheNextStep) {
  LoopbackServer server(always({.bytes = "", .hang = true}));
  FakeStore store;
  Endpoint endpoint = endpoint_at(server.base_url());
  endpoint.max_concurrency = endpoint.initial_concurrency = 200;
  Sampler sampler({endpoint}, store, {});
  int cancelled = 0;
  for (int i = 0; i < 300; ++i) {
    sampler.draw(request_of(1, i + 1), [&](const std::vector<Sample>& samples) {
      cancelled += samples[0].error == SampleError::cancelled ? 1 : 0;
    });
  }
  while (server.requests() < 200) sampler.step(10);
  std::thread canceller([&] { sampler.cancel(); });
  sampler.step(600'000);  // is woken
  canceller.join();
  sampler.step(0);
  EXPECT_EQ(cancelled, 300);
  EXPECT_EQ(sampler.pending(), 0U);
  EXPECT_EQ(sampler.stats().endpoints[0].in_flight, 0);
}

TEST(SamplerCancel, WhatWasReceivedIsKept) {
  LoopbackServer server([](const LoopbackServer::Request& request) {
    LoopbackServer::Reply reply = echo(request);
    reply.hang = number_in(request.body, "seed") % 2 == 0;
    return reply;
  });
  FakeStore store;
  Sampler sampler({endpoint_at(server.base_url())}, store, {});
  std::vector<Sample> samples;
  sampler.draw(request_of(10), [&](std::vector<Sample> got) { samples = std::move(got); });
  while (store.size() < 5) sampler.step(10);
  sampler.step(0);
  sampler.cancel();
  sampler.step(0);
  ASSERT_EQ(samples.size(), 10U);
  for (std::size_t i = 0; i < 10; ++i)
    EXPECT_EQ(samples[i].error, i % 2 == 0 ? SampleError::none : SampleError::cancelled);
  EXPECT_EQ(store.size(), 5U);
  // After it, only the store answers.
  const int before = server.requests();
  const std::vector<Sample> later = draw_one(sampler, request_of(10));
  EXPECT_TRUE(later[0].cached);
  EXPECT_EQ(later[1].error, SampleError::cancelled);
  EXPECT_EQ(server.requests(), before);
}

TEST(SamplerCancel, DestructionAbandonsWhatIsInFlight) {
  LoopbackServer server(always({.bytes = "", .hang = true}));
  FakeStore store;
  {
    Sampler sampler({endpoint_at(server.base_url())}, store, {});
    sampler.draw(request_of(5), [](const std::vector<Sample>&) { FAIL(); });
    while (server.requests() < 5) sampler.step(10);
  }
}

}  // namespace
}  // namespace cope::test
