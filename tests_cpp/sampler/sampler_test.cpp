#include "cope/sampler/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "cope/base/error.h"
#include "sampler/sampler_fixture.h"

namespace cope::test {
namespace {

using testing::HasSubstr;

std::vector<std::string> texts_of(const std::vector<Sample>& samples) {
  std::vector<std::string> texts;
  for (const Sample& sample : samples)
    texts.push_back(sample.ok() ? sample.text : std::string(to_string(sample.error)));
  return texts;
}

TEST(Sampler, DrawsAWaveOverHttpAndStoresIt) {
  LoopbackServer server(echo);
  FakeStore store;
  Endpoint endpoint = endpoint_at(server.base_url());
  endpoint.max_n = 8;
  Sampler sampler({endpoint}, store, {});
  const std::vector<Sample> samples = draw_one(sampler, request_of(8, 7));
  ASSERT_EQ(samples.size(), 8U);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_TRUE(samples[i].ok()) << samples[i].error_message;
    EXPECT_EQ(samples[i].text, "seed 7 choice " + std::to_string(i));
    EXPECT_EQ(samples[i].usage.prompt_tokens, i == 0 ? 10 : 0);
    EXPECT_EQ(samples[i].usage.completion_tokens, 5);
    EXPECT_EQ(samples[i].cost_pusd, 0);
    EXPECT_EQ(samples[i].status_code, 200);
    EXPECT_FALSE(samples[i].cached);
    EXPECT_GT(samples[i].created_unix_ms, 0);
    EXPECT_EQ(samples[i].identity, sample_identity(endpoint, request_of(8, 7), i));
  }
  EXPECT_EQ(server.requests(), 1);
  EXPECT_EQ(store.size(), 8U);
  const SamplerStats stats = sampler.stats();
  EXPECT_EQ(stats.samples_drawn, 8);
  EXPECT_EQ(stats.endpoints[0].requests_sent, 1);
  EXPECT_EQ(stats.endpoints[0].prompt_tokens, 10);
  EXPECT_EQ(stats.endpoints[0].completion_tokens, 40);
  EXPECT_EQ(stats.endpoints[0].choices_requested, 8);
  EXPECT_EQ(stats.endpoints[0].choices_returned, 8);
}

TEST(Sampler, WavesAreCutAtMaxN) {
  LoopbackServer server(echo);
  FakeStore store;
  Endpoint endpoint = endpoint_at(server.base_url());
  endpoint.max_n = 3;
  Sampler sampler({endpoint}, store, {});
  EXPECT_THAT(texts_of(draw_one(sampler, request_of(8))),
              testing::ElementsAre("seed 1 choice 0", "seed 1 choice 1", "seed 1 choice 2", "seed 4 choice 0",
                                   "seed 4 choice 1", "seed 4 choice 2", "seed 7 choice 0", "seed 7 choice 1"));
  EXPECT_EQ(server.requests(), 3);
}

TEST(Sampler, WhatTheStoreHasIsNotAskedAgain) {
  LoopbackServer server(echo);
  FakeStore store;
  const Endpoint endpoint = endpoint_at(server.base_url());
  {
    Sampler sampler({endpoint}, store, {});
    draw_one(sampler, request_of(4));
  }
  EXPECT_EQ(server.requests(), 4);
  Sampler sampler({endpoint}, store, {});
  const std::vector<Sample> samples = draw_one(sampler, request_of(6));
  EXPECT_EQ(server.requests(), 6);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(samples[i].cached, i < 4);
  EXPECT_EQ(sampler.stats().samples_from_store, 4);
  EXPECT_EQ(sampler.stats().samples_drawn, 2);
}

TEST(Sampler, ARequestOfWhichTheStoreHasAPartIsDrawnSampleBySample) {
  LoopbackServer server(echo);
  FakeStore store;
  Endpoint endpoint = endpoint_at(server.base_url());
  Sample known;
  known.identity = sample_identity(endpoint, request_of(4), 1);
  known.text = "known";
  store.put({known}, std::nullopt, [](const Written&) {});
  store.flush();
  endpoint.max_n = 4;
  Sampler sampler({endpoint}, store, {});
  EXPECT_THAT(texts_of(draw_one(sampler, request_of(4))),
              testing::ElementsAre("seed 1 choice 0", "known", "seed 3 choice 0", "seed 4 choice 0"));
}

TEST(Sampler, MissingChoicesAreToppedUpUnderTheirOwnSeeds) {
  // As Ollama does: n is ignored.
  LoopbackServer server([](const LoopbackServer::Request& request) {
    return http_reply(200, chat_json({"seed " + std::to_string(number_in(request.body, "seed"))}));
  });
  FakeStore store;
  Endpoint endpoint = endpoint_at(server.base_url());
  endpoint.max_n = 4;
  Sampler sampler({endpoint}, store, {});
  EXPECT_THAT(texts_of(draw_one(sampler, request_of(4, 11))),
              testing::ElementsAre("seed 11", "seed 12", "seed 13", "seed 14"));
  EXPECT_EQ(server.requests(), 4);
  const EndpointStats stats = sampler.stats().endpoints[0];
  EXPECT_EQ(stats.choices_requested, 4 + 1 + 1 + 1);
  EXPECT_EQ(stats.choices_returned, 4);
}

TEST(Sampler, ChoicesThatNeverComeAreAnError) {
  LoopbackServer server(always(http_reply(200, chat_json({}))));
  FakeStore store;
  Endpoint endpoint = endpoint_at(server.base_url());
  endpoint.max_n = 2;
  Sampler sampler({endpoint}, store, {});
  for (const Sample& sample : draw_one(sampler, request_of(2))) {
    EXPECT_EQ(sample.error, SampleError::missing_choices);
    EXPECT_THAT(sample.error_message, HasSubstr("fewer choices than asked"));
  }
  EXPECT_EQ(server.requests(), 3);
  EXPECT_EQ(store.size(), 0U);
}

TEST(Sampler, MoreChoicesThanAskedAreCounted) {
  LoopbackServer server(always(http_reply(200, chat_json({"a", "b", "c"}))));
  FakeStore store;
  Sampler sampler({endpoint_at(server.base_url())}, store, {});
  EXPECT_THAT(texts_of(draw_one(sampler, request_of(1))), testing::ElementsAre("a"));
  EXPECT_EQ(sampler.stats().endpoints[0].choices_requested, 1);
  EXPECT_EQ(sampler.stats().endpoints[0].choices_returned, 3);
}

TEST(Sampler, RequestsLeaveByPriority) {
  LoopbackServer server(echo);
  FakeStore store;
  Endpoint endpoint = endpoint_at(server.base_url());
  endpoint.max_concurrency = 1;
  Sampler sampler({endpoint}, store, {});
  for (const int priority : {5, 3, 9, 1, 7}) {
    DrawRequest request = request_of(1, 100 + priority);
    request.priority = priority;
    sampler.draw(request, [](const std::vector<Sample>&) {});
  }
  run_until_done(sampler);
  std::vector<std::int64_t> seeds;
  for (const std::string& body : server.bodies()) seeds.push_back(number_in(body, "seed"));
  EXPECT_THAT(seeds, testing::ElementsAre(101, 103, 105, 107, 109));
  EXPECT_EQ(server.most_at_once(), 1);
}

TEST(Sampler, CallbacksMayDrawMore) {
  LoopbackServer server(echo);
  FakeStore store;
  Sampler sampler({endpoint_at(server.base_url())}, store, {});
  int rounds = 0;
  std::function<void(std::vector<Sample>)> again = [&](const std::vector<Sample>& samples) {
    EXPECT_TRUE(samples[0].ok());
    if (++rounds < 30) sampler.draw(request_of(1, rounds % 20 + 1), again);  // the last ten come from the store
  };
  sampler.draw(request_of(1, 1), again);
  run_until_done(sampler);
  EXPECT_EQ(rounds, 30);
  EXPECT_EQ(server.requests(), 20);
}

TEST(Sampler, AStoreThatAnswersAtOnceWorksToo) {
  LoopbackServer server(echo);
  FakeStore store(FakeStore::Writes::at_once);
  Endpoint endpoint = endpoint_at(server.base_url());
  endpoint.price = paid();
  Sampler sampler({endpoint}, store, {});
  EXPECT_TRUE(draw_one(sampler, request_of(3))[2].ok());
}

TEST(Sampler, SeveralEndpointsAreKeptApart) {
  LoopbackServer first(always(http_reply(200, chat_json({"first"}))));
  LoopbackServer second(always(http_reply(200, chat_json({"second"}))));
  FakeStore store;
  Endpoint other = endpoint_at(second.base_url());
  other.stable_name = "other";
  Sampler sampler({endpoint_at(first.base_url()), other}, store, {});
  DrawRequest request = request_of(1);
  EXPECT_EQ(draw_one(sampler, request)[0].text, "first");
  request.model = 1;
  EXPECT_EQ(draw_one(sampler, request)[0].text, "second");
  EXPECT_EQ(sampler.stats().endpoints[1].requests_sent, 1);
}

TEST(Sampler, MisuseThrowsBeforeAnythingIsSent) {
  LoopbackServer server(echo);
  FakeStore store;
  Sampler sampler({endpoint_at(server.base_url())}, store, {});
  const auto refused = [&](auto change) {
    DrawRequest request = request_of(2);
    change(request);
    EXPECT_THROW(sampler.draw(request, [](const std::vector<Sample>&) {}), ConfigError);
  };
  refused([](DrawRequest& r) { r.model = 1; });
  refused([](DrawRequest& r) { r.model = -1; });
  refused([](DrawRequest& r) { r.seeds.clear(); });
  refused([](DrawRequest& r) { r.messages.clear(); });
  refused([](DrawRequest& r) { r.sampling.max_tokens = 0; });
  EXPECT_EQ(sampler.pending(), 0U);
  EXPECT_EQ(server.requests(), 0);
}

TEST(Sampler, AnEndpointThatCannotWorkIsRefused) {
  FakeStore store;
  const auto message = [&](auto change) -> std::string {
    Endpoint endpoint = endpoint_at("http://127.0.0.1:1/v1");
    change(endpoint);
    try {
      Sampler sampler({endpoint}, store, {});
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(message([](Endpoint& e) { e.price.reset(); }), HasSubstr("no price is known for model 'tiny'"));
  EXPECT_THAT(message([](Endpoint& e) { e.max_n = 0; }), HasSubstr("max_n"));
  EXPECT_THAT(message([](Endpoint& e) { e.max_concurrency = 0; }), HasSubstr("max_concurrency"));
  EXPECT_THAT(message([](Endpoint& e) { e.max_concurrency = 1 << 30; }), HasSubstr("ulimit -n"));
  EXPECT_THAT(message([](Endpoint& e) { e.base_url = "localhost"; }), HasSubstr("base_url"));
  EXPECT_THAT(message([](Endpoint& e) { e.extra_body_json = "[]"; }), HasSubstr("extra_body"));
  const std::string about_key = message([](Endpoint& e) { e.api_key = Secret("secret\r\nX-Evil: 1"); });
  EXPECT_THAT(about_key, HasSubstr("API key of model 'tiny'"));
  EXPECT_EQ(about_key.find("secret"), std::string::npos);
}

TEST(Sampler, SamplesAreTheSameWhateverTheOrderOfReplies) {
  const auto run = [](int which) {
    LoopbackServer server([which](const LoopbackServer::Request& request) {
      LoopbackServer::Reply reply = echo(request);
      const auto seed = static_cast<int>(number_in(request.body, "seed"));
      reply.delay_ms = which == 0 ? 0 : which == 1 ? 40 - seed % 40 : seed * 7919 % 23;
      return reply;
    });
    FakeStore store;
    Endpoint endpoint = endpoint_at(server.base_url());
    endpoint.max_n = 2;
    Sampler sampler({endpoint}, store, {});
    std::vector<std::vector<std::string>> all(20);
    for (std::size_t i = 0; i < all.size(); ++i) {
      sampler.draw(request_of(6, static_cast<std::int64_t>(i) * 10),
                   [&all, i](const std::vector<Sample>& samples) { all[i] = texts_of(samples); });
    }
    run_until_done(sampler);
    return all;
  };
  const auto plain = run(0);
  EXPECT_EQ(plain[3][2], "seed 32 choice 0");
  EXPECT_EQ(run(1), plain);
  EXPECT_EQ(run(2), plain);
}

TEST(Sampler, AThousandDrawsUseABoundedNumberOfKeptConnections) {
  LoopbackServer server([](const LoopbackServer::Request& request) {
    LoopbackServer::Reply reply = echo(request);
    reply.delay_ms = 2;
    return reply;
  });
  FakeStore store;
  Endpoint endpoint = endpoint_at(server.base_url());
  endpoint.max_concurrency = 50;
  Sampler sampler({endpoint}, store, {});
  int ok = 0;
  for (int i = 0; i < 1000; ++i) {
    sampler.draw(request_of(1, i + 1), [&](const std::vector<Sample>& samples) { ok += samples[0].ok() ? 1 : 0; });
  }
  run_until_done(sampler);
  EXPECT_EQ(ok, 1000);
  EXPECT_EQ(server.requests(), 1000);
  EXPECT_LE(server.connections(), 50);
  EXPECT_LE(server.most_at_once(), 50);
  EXPECT_GT(server.most_at_once(), 16);  // success let it grow
}

TEST(Sampler, AReplayAsksNobody) {
  LoopbackServer server(echo);
  FakeStore store;
  const Endpoint endpoint = endpoint_at(server.base_url());
  {
    Sampler live({endpoint}, store, {});
    draw_one(live, request_of(2));
  }
  const int asked = server.requests();
  const auto failures = std::make_shared<RecordedFailures>();
  failures->emplace(sample_identity(endpoint, request_of(4), 2), RecordedFailure{SampleError::refused, "no"});
  SamplerOptions options;
  options.replay = failures;
  Sampler replay({endpoint}, store, options);
  const std::vector<Sample> samples = draw_one(replay, request_of(4));
  ASSERT_EQ(samples.size(), 4U);
  EXPECT_TRUE(samples[0].ok());
  EXPECT_TRUE(samples[1].cached);
  EXPECT_EQ(samples[2].error, SampleError::refused);
  EXPECT_EQ(samples[2].error_message, "no");
  EXPECT_EQ(samples[3].error, SampleError::not_recorded);
  EXPECT_EQ(samples[3].identity, sample_identity(endpoint, request_of(4), 3));
  EXPECT_EQ(server.requests(), asked);
}

}  // namespace
}  // namespace cope::test
