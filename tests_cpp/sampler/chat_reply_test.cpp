#include <gtest/gtest.h>

#include <cmath>

#include "cope/sampler/chat.h"
#include "cope/sampler/reply_reader.h"

namespace cope {
namespace {

Endpoint plain_endpoint() {
  Endpoint endpoint;
  endpoint.model = "tiny";
  endpoint.base_url = "http://host/v1";
  endpoint.api_key = Secret("key-that-must-never-show");
  return endpoint;
}

ChatReply read(std::string_view text, int asked = 1, Sampling sampling = {},
               const Endpoint& endpoint = plain_endpoint(), int status = 200) {
  return ChatFormat(endpoint).read(status, text, sampling, asked);
}

std::string with_choices(const std::string& choices,
                         const std::string& usage = R"({"prompt_tokens":10,"completion_tokens":9})") {
  return R"({"choices":[)" + choices + R"(],"usage":)" + usage + "}";
}

std::string choice(int index, const std::string& content, const std::string& more = "") {
  return R"({"index":)" + std::to_string(index) +
         R"(,"finish_reason":"stop","message":{"role":"assistant","content":")" + content + "\"}" + more + "}";
}

// ,"logprobs":{"content":[…]} with so many entries.
std::string logprobs(int entries, const char* each = "-0.5") {
  std::string out = R"(,"logprobs":{"content":[)";
  for (int i = 0; i < entries; ++i) {
    out += std::string(i == 0 ? "" : ",") + R"({"token":"a","logprob":)" + each +
           R"(,"bytes":[97],"top_logprobs":[{"token":"a","logprob":-9.0}]})";
  }
  return out + "]}";
}

TEST(ChatReply, ChoicesComeInOrderOfTheirIndex) {
  const ChatReply reply = read(with_choices(choice(2, "c") + "," + choice(0, "a") + "," + choice(1, "b")), 3);
  ASSERT_EQ(reply.error, SampleError::none) << reply.error_message;
  ASSERT_EQ(reply.choices.size(), 3U);
  EXPECT_EQ(reply.choices[0].text + reply.choices[1].text + reply.choices[2].text, "abc");
  EXPECT_EQ(reply.choices[0].finish_reason, "stop");
}

TEST(ChatReply, IndicesThatAreNoOrderAreIgnored) {
  const ChatReply reply =
      read(with_choices(choice(0, "a") + "," + choice(0, "b") + R"(,{"message":{"content":"c"}})"), 3);
  ASSERT_EQ(reply.choices.size(), 3U);
  EXPECT_EQ(reply.choices[0].text + reply.choices[1].text + reply.choices[2].text, "abc");
}

TEST(ChatReply, FewerOrMoreThanAsked) {
  EXPECT_EQ(read(with_choices(choice(0, "a")), 3).choices.size(), 1U);
  const ChatReply more = read(with_choices(choice(0, "a") + "," + choice(1, "b") + "," + choice(2, "c")), 2);
  EXPECT_EQ(more.choices.size(), 2U);
  EXPECT_EQ(more.choices_returned, 3);
  EXPECT_EQ(more.choices[0].usage.completion_tokens + more.choices[1].usage.completion_tokens,
            9);  // billed all the same
  const ChatReply none = read(with_choices(""), 3);
  EXPECT_EQ(none.error, SampleError::none);
  EXPECT_TRUE(none.choices.empty());
  EXPECT_EQ(none.usage.completion_tokens, 9);
}

TEST(ChatReply, ContentInAllItsForms) {
  const struct {
    const char* message;
    const char* text;
    const char* reasoning;
  } cases[] = {
      {R"({"content":"4"})", "4", ""},
      {R"({"content":null})", "", ""},
      {R"({})", "", ""},
      {R"({"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]})", "ab", ""},
      {R"({"content":["a","b"]})", "ab", ""},
      {R"({"content":[{"type":"thinking","text":"hm"},{"text":"4","type":"output_text"}]})", "4", ""},
      {R"({"content":"4","reasoning_content":"hm"})", "4", "hm"},
      {R"({"content":"4","reasoning":"hm","reasoning_details":[{"type":"x","text":"y"}]})", "4", "hm"},
      {R"({"content":"4","reasoning_content":"hm","reasoning":""})", "4", "hm"},
      {R"({"content":"4","tool_calls":[{"function":{"content":"no"}}],"refusal":null})", "4", ""},
      {R"({"content":"\u00e9\ud83d\ude00"})", "\xc3\xa9\xf0\x9f\x98\x80", ""},
  };
  for (const auto& c : cases) {
    const ChatReply reply = read(with_choices(std::string(R"({"index":0,"message":)") + c.message + "}"));
    ASSERT_EQ(reply.error, SampleError::none) << c.message << reply.error_message;
    EXPECT_EQ(reply.choices[0].text, c.text) << c.message;
    EXPECT_EQ(reply.choices[0].reasoning, c.reasoning) << c.message;
    EXPECT_EQ(reply.choices[0].error, SampleError::none);
  }
}

TEST(ChatReply, ACharacterThatTheServerCutIsReplaced) {
  const ChatReply reply = read(with_choices(choice(0, "caf\xc3")));
  ASSERT_EQ(reply.error, SampleError::none) << reply.error_message;
  EXPECT_EQ(reply.choices[0].text, "caf\xef\xbf\xbd");
}

TEST(ChatReply, RefusalsAreNotAnswers) {
  const ChatReply reply = read(with_choices(R"({"message":{"content":null,"refusal":"I cannot help with that."}})"));
  EXPECT_EQ(reply.choices[0].error, SampleError::refused);
  EXPECT_EQ(reply.choices[0].error_message, "I cannot help with that.");
  const ChatReply filtered = read(with_choices(R"({"message":{"content":""},"finish_reason":"content_filter"})"));
  EXPECT_EQ(filtered.choices[0].error, SampleError::refused);
}

TEST(ChatReply, MeanLogprob) {
  Sampling sampling;
  sampling.logprobs = true;
  const ChatReply reply = read(with_choices(choice(0, "ab", logprobs(4))), 1, sampling);
  ASSERT_EQ(reply.choices[0].error, SampleError::none);
  EXPECT_DOUBLE_EQ(*reply.choices[0].mean_logprob, -0.5);
  EXPECT_EQ(reply.choices[0].logprob_tokens, 4);
}

TEST(ChatReply, AbsentLogprobsAreAnErrorNeverZero) {
  Sampling sampling;
  sampling.logprobs = true;
  for (const char* more : {"", ",\"logprobs\":null", ",\"logprobs\":{\"content\":null}",
                           ",\"logprobs\":{\"content\":[]}", ",\"logprobs\":{}"}) {
    const ChatReply reply = read(with_choices(choice(0, "ab", more)), 1, sampling);
    EXPECT_EQ(reply.choices[0].error, SampleError::no_logprobs) << more;
    EXPECT_EQ(reply.choices[0].mean_logprob, std::nullopt);
    EXPECT_NE(reply.choices[0].error_message.find("returns no logprobs"), std::string::npos);
  }
  EXPECT_EQ(read(with_choices(choice(0, "", logprobs(0))), 1, sampling).choices[0].error,
            SampleError::none);                                                        // nothing said
  EXPECT_EQ(read(with_choices(choice(0, "ab"))).choices[0].error, SampleError::none);  // nobody asked
}

TEST(ChatReply, UsageWithDetails) {
  const ChatReply reply =
      read(with_choices(choice(0, "a"), R"({"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,
      "prompt_tokens_details":{"cached_tokens":64,"audio_tokens":null},"completion_tokens_details":{"reasoning_tokens":30}})"));
  const Usage expected{.prompt_tokens = 100,
                       .cached_prompt_tokens = 64,
                       .completion_tokens = 50,
                       .reasoning_tokens = 30,
                       .known = true,
                       .estimated = false};
  EXPECT_EQ(reply.usage, expected);
  EXPECT_EQ(reply.choices[0].usage, expected);
}

TEST(ChatReply, NoUsageIsUnknownNotZero) {
  for (const char* usage : {"null", "{}", R"({"prompt_tokens":4})", R"({"completion_tokens":4})",
                            R"({"prompt_tokens":null,"completion_tokens":null})"}) {
    const ChatReply reply = read(with_choices(choice(0, "a"), usage));
    ASSERT_EQ(reply.error, SampleError::none) << usage;
    EXPECT_FALSE(reply.usage.known) << usage;
    EXPECT_FALSE(reply.choices[0].usage.known) << usage;
  }
}

TEST(ChatReply, SharesOfSeveralChoicesAddUpExactly) {
  const std::string body = with_choices(
      choice(0, "aaaa") + "," + choice(1, "bb") + "," + choice(2, ""),
      R"({"prompt_tokens":7,"completion_tokens":100,"completion_tokens_details":{"reasoning_tokens":31}})");
  const ChatReply reply = read(body, 3);
  std::int64_t completion = 0;
  std::int64_t reasoning = 0;
  for (const ChatChoice& c : reply.choices) {
    completion += c.usage.completion_tokens;
    reasoning += c.usage.reasoning_tokens;
    EXPECT_LE(c.usage.reasoning_tokens, c.usage.completion_tokens);
    EXPECT_FALSE(c.usage.estimated);  // the total is the server's
  }
  EXPECT_EQ(completion, 100);
  EXPECT_EQ(reasoning, 31);
  EXPECT_EQ(reply.choices[0].usage.prompt_tokens, 7);
  EXPECT_EQ(reply.choices[1].usage.prompt_tokens, 0);
  EXPECT_GT(reply.choices[0].usage.completion_tokens, reply.choices[1].usage.completion_tokens);
}

TEST(ChatReply, LlamaCppCountsOneChoiceOnly) {
  Endpoint endpoint = plain_endpoint();
  endpoint.usage_counts_one_choice = true;
  Sampling sampling;
  sampling.max_tokens = 40;
  const std::string usage = R"({"prompt_tokens":7,"completion_tokens":4})";
  // With log-probabilities the entries are the count.
  const ChatReply exact = read(with_choices(choice(0, "aaaa", logprobs(4)) + "," + choice(1, "b", logprobs(9)), usage),
                               2, sampling, endpoint);
  EXPECT_EQ(exact.usage.completion_tokens, 13);
  EXPECT_FALSE(exact.usage.estimated);
  EXPECT_EQ(exact.choices[1].usage.completion_tokens, 9);
  // Without them, estimated by length from the choice that was counted, and marked.
  const ChatReply guess = read(
      with_choices(choice(0, "aaaa") + "," + choice(1, "bbbbbbbb") + "," + choice(2, std::string(400, 'c')), usage), 3,
      sampling, endpoint);
  EXPECT_EQ(guess.choices[0].usage.completion_tokens, 4);
  EXPECT_FALSE(guess.choices[0].usage.estimated);
  EXPECT_EQ(guess.choices[1].usage.completion_tokens, 8);
  EXPECT_TRUE(guess.choices[1].usage.estimated);
  EXPECT_EQ(guess.choices[2].usage.completion_tokens, 40);  // never beyond max_tokens
  EXPECT_TRUE(guess.usage.estimated);
  // One choice is counted right.
  const ChatReply one = read(with_choices(choice(0, "aaaa"), usage), 1, sampling, endpoint);
  EXPECT_EQ(one.usage.completion_tokens, 4);
  EXPECT_FALSE(one.usage.estimated);
}

TEST(ChatReply, AnUndercountIsFoundEvenWhereNobodyToldOfIt) {
  const std::string usage = R"({"prompt_tokens":7,"completion_tokens":4})";
  const ChatReply reply = read(with_choices(choice(0, "a", logprobs(4)) + "," + choice(1, "b", logprobs(9)), usage), 2);
  EXPECT_EQ(reply.usage.completion_tokens, 13);
}

TEST(ChatReply, WhatIsNoCompletionIsMalformed) {
  const std::string good = with_choices(choice(0, "a"));
  const std::string cases[] = {
      "",
      " ",
      "null",
      "[]",
      "[1]",
      "3",
      "\"text\"",
      "true",
      "{",
      "{}",
      "nonsense",
      "<html><body>502</body></html>",
      good.substr(0, 40),
      good + "x",
      good + good,
      "data: " + good,
      R"({"choices":null})",
      R"({"choices":{}})",
      R"({"choices":"a"})",
      R"({"choices":3})",
      R"({"choices":[null]})" + std::string("x"),
      R"({"choices":["a"]})",
      R"({"choices":[3]})",
      R"({"choices":[[]]})",
      R"({"choices":[true]})",
      R"({"choices":[{}]})",
      R"({"choices":[{"message":null}]})",
      R"({"choices":[{"message":"a"}]})",
      R"({"choices":[{"message":[]}]})",
      R"({"choices":[{"message":{"content":3}}]})",
      R"({"choices":[{"message":{"content":true}}]})",
      R"({"choices":[{"message":{"content":{}}}]})",
      R"({"choices":[{"message":{"content":[3]}}]})",
      R"({"choices":[{"message":{"content":"a","reasoning_content":4}}]})",
      R"({"choices":[{"message":{"content":"a"},"finish_reason":4}]})",
      with_choices(choice(0, "a"), R"({"prompt_tokens":-1,"completion_tokens":2})"),
      with_choices(choice(0, "a"), R"({"prompt_tokens":1,"completion_tokens":2.5})"),
      with_choices(choice(0, "a"), R"({"prompt_tokens":1,"completion_tokens":"2"})"),
      with_choices(choice(0, "a"), R"({"prompt_tokens":1,"completion_tokens":NaN})"),
      with_choices(choice(0, "a"), R"({"prompt_tokens":1,"completion_tokens":1e999})"),
      with_choices(choice(0, "a"), R"({"prompt_tokens":99999999999999999999,"completion_tokens":1})"),
      with_choices(choice(0, "a"), R"({"prompt_tokens":18446744073709551615,"completion_tokens":1})"),
      with_choices(choice(0, "a"),
                   R"({"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":-5}})"),
      with_choices(choice(0, "a"), "[]"),
      with_choices(choice(0, "a"), "7"),
      with_choices(choice(0, "a"), "\"none\""),
      with_choices(choice(0, "a", logprobs(1, "NaN"))),
      with_choices(choice(0, "a", logprobs(1, "-Infinity"))),
      with_choices(choice(0, "a", logprobs(1, "\"-1\""))),
      with_choices(choice(0, "a", R"(,"logprobs":{"content":{}})")),
      with_choices(choice(0, "a", R"(,"logprobs":[])")),
      with_choices(choice(0, "a\\ud800")),
      with_choices(choice(0, "a\\x")),
      std::string("\0\0\0", 3),
      std::string("\xff\xfe", 2)};
  for (const std::string& text : cases) {
    const ChatReply reply = read(text);
    EXPECT_EQ(reply.error, SampleError::malformed) << text;
    EXPECT_FALSE(reply.error_message.empty());
    EXPECT_EQ(reply.error_message.find('\n'), std::string::npos);
  }
  EXPECT_NE(read("").error_message.find("it is empty"), std::string::npos);
  EXPECT_NE(read("<html>x").error_message.find("<html>x"), std::string::npos);
}

TEST(ChatReply, WhatNobodyReadsMayHaveAnyShape) {
  EXPECT_EQ(
      read(
          R"({"id":7,"object":[],"created":"x","choices":[{"index":null,"extra":[{"message":4}],"message":{"content":"a","annotations":{},
      "audio":null}}],"usage":{"prompt_tokens":1.0,"completion_tokens":2,"cost":0.5,"details":[]},"timings":{"x":[1,[2]]}})")
          .error,
      SampleError::none);
}

TEST(ChatReply, HostileDepthAndSizeAreNoTrouble) {
  const int depth = 100'000;
  const std::string open(depth, '[');
  const std::string close(depth, ']');
  EXPECT_EQ(read(open + close).error, SampleError::malformed);
  const ChatReply deep = read(R"({"x":)" + open + close + R"(,"choices":[]})");
  EXPECT_EQ(deep.error, SampleError::malformed);
  EXPECT_NE(deep.error_message.find("nested deeper"), std::string::npos);
  std::string objects;
  for (int i = 0; i < depth; ++i) objects += R"({"a":)";
  EXPECT_EQ(read(objects).error, SampleError::malformed);

  std::string many = R"({"choices":[)";
  while (many.size() < 5'000'000) many += R"({"message":{"content":""}},)";
  many += choice(0, "a") + "]}";
  const RawReply raw = read_reply(many, 4);
  EXPECT_EQ(raw.problem, "");
  EXPECT_EQ(raw.choices.size(), 4U);  // the others are counted, not kept
  EXPECT_GT(raw.choices_returned, 100'000);

  const ChatReply big = read(with_choices(choice(0, std::string(50'000'000, 'a'))));
  EXPECT_EQ(big.choices.at(0).text.size(), 50'000'000U);
}

TEST(ChatReply, EveryPrefixAndEveryFlippedByteIsHandled) {
  Sampling sampling;
  sampling.logprobs = true;
  const std::string good =
      with_choices(choice(0, "a\\n", logprobs(2)) + "," + choice(1, "b", logprobs(1)),
                   R"({"prompt_tokens":7,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2}})");
  for (std::size_t i = 0; i < good.size(); ++i) {
    EXPECT_EQ(read(good.substr(0, i), 2, sampling).error, SampleError::malformed) << i;
    for (const char byte : {'\0', '"', '{', ']', '9', '\xff', '-'}) {
      std::string changed = good;
      changed[i] = byte;
      const ChatReply reply = read(changed, 2, sampling);
      EXPECT_LE(reply.choices.size(), 2U);
    }
  }
}

TEST(ChatError, AreClassified) {
  const struct {
    int status;
    const char* body;
    SampleError expected;
    const char* says;
  } cases[] = {
      {401,
       R"({"error":{"message":"Incorrect API key provided: key-that-must-never-show","type":"invalid_request_error","code":"invalid_api_key"}})",
       SampleError::authentication, "[redacted]"},
      {403, "", SampleError::authentication, "HTTP 403"},
      {404, R"({"error":{"message":"The model `x` does not exist","code":"model_not_found"}})", SampleError::not_found,
       "does not exist"},
      {404, "404 page not found", SampleError::not_found, "page not found"},
      {400,
       R"({"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_ctx":512}})",
       SampleError::context_length, "exceeds"},
      {400, R"({"error":{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}})",
       SampleError::context_length, "too long"},
      {400,
       R"({"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","code":400})",
       SampleError::context_length, "4096"},
      {500, R"({"error":{"code":500,"message":"context size exceeded","type":"server_error"}})",
       SampleError::context_length, ""},
      {400, R"({"error":{"message":"n must be <= 4","code":400,"type":"invalid_request_error"}})",
       SampleError::bad_request, "n must be"},
      {422, R"({"detail":[{"loc":["body","n"],"msg":"extra fields not permitted"}]})", SampleError::bad_request,
       "extra fields"},
      {422, R"({"detail":"no such field"})", SampleError::bad_request, "no such field"},
      {400, R"({"error":"model is required"})", SampleError::bad_request, "model is required"},
      {400, R"({"error":{"message":"filtered","code":"content_filter"}})", SampleError::refused, "filtered"},
      {429, R"({"error":{"message":"slow down","code":"rate_limit_exceeded"}})", SampleError::rate_limited,
       "slow down"},
      {408, "", SampleError::timeout, ""},
      {409, "", SampleError::server, ""},
      {500, "<html>\n<h1>Internal</h1>", SampleError::server, "<h1>Internal"},
      {503, R"({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}})", SampleError::server,
       "Loading model"},
      {301, "", SampleError::not_found, "HTTP 301"},
      {200, R"({"error":{"code":429,"message":"upstream"}})", SampleError::rate_limited, "HTTP 429"},
      {200, R"({"error":{"code":"oops","message":"upstream"}})", SampleError::server, "upstream"},
      {200, R"({"error":"broken"})", SampleError::server, "broken"},
      {500, R"({"error":)", SampleError::server, ""},
  };
  for (const auto& c : cases) {
    const ChatReply reply = read(c.body, 1, {}, plain_endpoint(), c.status);
    EXPECT_EQ(reply.error, c.expected) << c.status << c.body << to_string(reply.error);
    EXPECT_NE(reply.error_message.find(c.says), std::string::npos) << reply.error_message;
    EXPECT_EQ(reply.error_message.find("key-that-must-never-show"), std::string::npos);
    EXPECT_EQ(reply.error_message.find('\n'), std::string::npos);
  }
  EXPECT_TRUE(read(R"({"error":{"message":"x","code":"insufficient_quota"}})", 1, {}, plain_endpoint(), 429).final);
  EXPECT_FALSE(read(R"({"error":{"message":"x"}})", 1, {}, plain_endpoint(), 429).final);
}

TEST(ChatError, ANullErrorBesideChoicesIsNone) {
  EXPECT_EQ(read(R"({"error":null,"choices":[{"message":{"content":"a"}}]})").error, SampleError::none);
}

}  // namespace
}  // namespace cope
