#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cope/base/error.h"
#include "cope/sampler/chat.h"

namespace cope {
namespace {

using nlohmann::json;

DrawRequest small_request() {
  DrawRequest request;
  request.messages = {{"system", "Be brief."}, {"user", "2 + 2 = \"?\"\n"}};
  request.sampling.temperature = 0.7;
  request.sampling.max_tokens = 64;
  request.seeds = {11, 12, 13};
  return request;
}

json body_of(const Endpoint& endpoint, const DrawRequest& request, std::size_t first = 0, int n = 1) {
  return json::parse(ChatFormat(endpoint).body(request, first, n));
}

TEST(ChatBody, EverySamplingParameterIsExplicit) {
  Endpoint endpoint;
  endpoint.model = "tiny";
  endpoint.max_n = 8;
  endpoint.extended_sampling = true;
  DrawRequest request = small_request();
  request.sampling.logprobs = true;
  EXPECT_EQ(body_of(endpoint, request, 1, 2), json::parse(R"({
    "model": "tiny", "stream": false, "n": 2, "seed": 12, "max_tokens": 64,
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2 = \"?\"\n"}],
    "temperature": 0.7, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0,
    "top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0, "repetition_penalty": 1.0, "logprobs": true, "top_logprobs": 1})"));
}

TEST(ChatBody, OnlyWhatTheEndpointUnderstandsIsSent) {
  Endpoint reasoner;
  reasoner.model = "o9";
  reasoner.sends_sampling = false;
  reasoner.sends_seed = false;
  reasoner.max_tokens_field = "max_completion_tokens";
  const json body = body_of(reasoner, small_request());
  EXPECT_EQ(body["max_completion_tokens"], 64);
  for (const char* absent : {"n", "seed", "max_tokens", "temperature", "top_p", "presence_penalty", "frequency_penalty",
                             "top_k", "min_p", "repeat_penalty", "logprobs", "top_logprobs"}) {
    EXPECT_FALSE(body.contains(absent)) << absent;
  }
}

TEST(ChatBody, ExtraBodyIsMergedAndOverrules) {
  Endpoint endpoint;
  endpoint.extra_body_json = R"({"reasoning_effort": "low", "top_p": 0.5, "stop": ["<|end|>"]})";
  const std::string text = ChatFormat(endpoint).body(small_request(), 0, 1);
  EXPECT_EQ(json::parse(text)["top_p"], 0.5);
  EXPECT_EQ(text.find("top_p"), text.rfind("top_p"));  // once
  EXPECT_EQ(json::parse(text)["reasoning_effort"], "low");
  EXPECT_EQ(json::parse(text)["stop"][0], "<|end|>");
}

TEST(ChatBody, AnExtraBodyThatCannotWorkIsRefused) {
  for (const char* extra :
       {"[1]", "{", "", "null", R"({"n": 4})", R"({"seed": 1})", R"({"stream": true})", R"({"messages": []})",
        R"({"model": "x"})", R"({"max_tokens": 9})", R"({"logprobs": true})"}) {
    Endpoint endpoint;
    endpoint.extra_body_json = extra;
    EXPECT_THROW(ChatFormat{endpoint}, ConfigError) << extra;
  }
}

TEST(ChatBody, InvalidUtf8IsReplacedAndNeverThrows) {
  DrawRequest request = small_request();
  request.messages = {{"user", std::string("a\xff\xc3(\0b", 6)}};
  const json body = body_of(Endpoint{}, request);
  EXPECT_EQ(body["messages"][0]["content"].get<std::string>(), std::string("a\xef\xbf\xbd\xef\xbf\xbd(\0b", 10));
}

TEST(ChatBody, NumbersRoundTrip) {
  DrawRequest request = small_request();
  for (const double value : {0.0, 1.0, 0.1, 1.0 / 3, 1e-7, 2.0}) {
    request.sampling.temperature = value;
    EXPECT_EQ(body_of(Endpoint{}, request)["temperature"].get<double>(), value);
  }
}

TEST(WorstCase, BoundsPromptByBytesAndOutputByWhatWasAllowed) {
  Endpoint endpoint;
  endpoint.price = Price{.input_pusd = 3, .cached_input_pusd = 1, .output_pusd = 100, .reasoning_pusd = 100};
  const DrawRequest request = small_request();
  const auto bytes = static_cast<std::int64_t>(request.messages[0].content.size() + request.messages[1].content.size());
  EXPECT_EQ(ChatFormat(endpoint).worst_case_pusd(request, 3), 3 * (bytes + 2 * 64) + 100 * 64 * 3);
  endpoint.price->reasoning_pusd = 500;  // whatever is dearest
  EXPECT_EQ(ChatFormat(endpoint).worst_case_pusd(request, 1), 3 * (bytes + 2 * 64) + 500 * 64);
  endpoint.price = Price{};
  EXPECT_EQ(ChatFormat(endpoint).worst_case_pusd(request, 3), 0);
  endpoint.price = Price{.output_pusd = INT64_MAX / 2};
  EXPECT_THROW(ChatFormat(endpoint).worst_case_pusd(request, 3), ConfigError);
}

}  // namespace
}  // namespace cope
