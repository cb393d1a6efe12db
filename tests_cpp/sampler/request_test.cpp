#include "cope/sampler/request.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "cope/base/error.h"

namespace cope {
namespace {

Endpoint endpoint_named(const std::string& model, const std::string& stable_name) {
  Endpoint endpoint;
  endpoint.model = model;
  endpoint.stable_name = stable_name;
  return endpoint;
}

DrawRequest small_request() {
  DrawRequest request;
  request.messages = {{"system", "Be brief."}, {"user", "2 + 2 = \"?\"\n\xc3\xa9"}};
  request.sampling.temperature = 0.7;
  request.sampling.max_tokens = 64;
  request.seeds = {11, 12, 13};
  request.first_index = 4;
  return request;
}

// Made without this code: hashlib.sha256(json.dumps(…, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()
TEST(Identity, GoldenVectors) {
  EXPECT_EQ(sample_identity(endpoint_named("tiny", "tiny-1"), small_request(), 0).hex(),
            "44469d94d0a638da78d9e8e6e38648de19d8971ba591a8f7d428d4a459282b1c");
  EXPECT_EQ(sample_identity(endpoint_named("tiny", "tiny-1"), small_request(), 2).hex(),
            "9cf860a4b1b4dd0bf18eea0f28d2f662c67f898872f8a4bdd88968f829fdeb84");
  Endpoint with_extra = endpoint_named("gpt", "api.example.com");
  with_extra.extra_body_json = R"({ "z": [1, 2.5], "a": {"k": null} })";
  DrawRequest request = small_request();
  request.sampling.logprobs = true;
  request.sampling.temperature = 1.0;
  EXPECT_EQ(sample_identity(with_extra, request, 1).hex(),
            "17b699c44ed81ab2be5dc46433120457f2ad2ad1aa8c3441b8b609b9585dec97");
}

TEST(Identity, AWaveHasTheIdentitiesOfItsSamples) {
  const Endpoint endpoint = endpoint_named("tiny", "tiny-1");
  const DrawRequest request = small_request();
  const std::vector<Digest> all = IdentityFormat(endpoint).identities(request);
  ASSERT_EQ(all.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(all[i], sample_identity(endpoint, request, i));
  // The same sample, asked for in another wave.
  DrawRequest later = request;
  later.first_index = 5;
  later.seeds = {12};
  EXPECT_EQ(sample_identity(endpoint, later, 0), all[1]);
}

TEST(Identity, NeitherKeyNorPortNorLimitsEnterIt) {
  const Endpoint plain = endpoint_named("tiny", "tiny-1");
  Endpoint other = plain;
  other.api_key = Secret("abc");
  other.base_url = "http://127.0.0.1:9/v1";
  other.max_n = 8;
  other.price = Price{};
  other.max_concurrency = 3;
  other.extra_body_json = " { } ";
  DrawRequest request = small_request();
  const Digest before = sample_identity(plain, request, 0);
  request.priority = 9;
  request.model = 1;
  request.sampling.min_p = -0.0;
  EXPECT_EQ(sample_identity(other, request, 0), before);
}

TEST(Identity, WhateverChangesTheAnswerChangesIt) {
  std::set<Digest> seen;
  const auto add = [&](const Endpoint& endpoint, const DrawRequest& request) {
    EXPECT_TRUE(seen.insert(sample_identity(endpoint, request, 0)).second);
  };
  const Endpoint endpoint = endpoint_named("tiny", "tiny-1");
  const DrawRequest request = small_request();
  add(endpoint, request);
  add(endpoint_named("tiny2", "tiny-1"), request);
  add(endpoint_named("tiny", "tiny-2"), request);
  Endpoint extra = endpoint;
  extra.extra_body_json = R"({"reasoning_effort":"low"})";
  add(extra, request);
  const auto changed = [&](auto change) {
    DrawRequest copy = request;
    change(copy);
    add(endpoint, copy);
  };
  changed([](DrawRequest& r) { r.messages[1].content += " "; });
  changed([](DrawRequest& r) { r.messages[0].role = "user"; });
  changed([](DrawRequest& r) { r.messages.pop_back(); });
  changed([](DrawRequest& r) { r.seeds[0] = 99; });
  changed([](DrawRequest& r) { r.first_index = 0; });
  changed([](DrawRequest& r) { r.sampling.temperature = 0.8; });
  changed([](DrawRequest& r) { r.sampling.top_p = 0.9; });
  changed([](DrawRequest& r) { r.sampling.top_k = 40; });
  changed([](DrawRequest& r) { r.sampling.min_p = 0.05; });
  changed([](DrawRequest& r) { r.sampling.repeat_penalty = 1.1; });
  changed([](DrawRequest& r) { r.sampling.presence_penalty = 0.1; });
  changed([](DrawRequest& r) { r.sampling.frequency_penalty = 0.1; });
  changed([](DrawRequest& r) { r.sampling.max_tokens = 65; });
  changed([](DrawRequest& r) { r.sampling.logprobs = true; });
}

TEST(Identity, InvalidUtf8DoesNotThrow) {
  DrawRequest request = small_request();
  request.messages[0].content = "\xff\xfe";
  EXPECT_NO_THROW(sample_identity(endpoint_named("tiny", "tiny-1"), request, 0));
}

TEST(Request, WhatNoEndpointCanAnswerIsRefused) {
  const auto refused = [](auto change) {
    DrawRequest request = small_request();
    change(request);
    EXPECT_THROW(check_request(request), ConfigError);
  };
  EXPECT_NO_THROW(check_request(small_request()));
  refused([](DrawRequest& r) { r.messages.clear(); });
  refused([](DrawRequest& r) { r.seeds.clear(); });
  refused([](DrawRequest& r) { r.sampling.max_tokens = 0; });
  refused([](DrawRequest& r) { r.sampling.temperature = std::numeric_limits<double>::quiet_NaN(); });
  refused([](DrawRequest& r) { r.sampling.top_p = std::numeric_limits<double>::infinity(); });
}

}  // namespace
}  // namespace cope
