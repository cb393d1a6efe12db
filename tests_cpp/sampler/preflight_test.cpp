#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cope/base/error.h"
#include "sampler/sampler_fixture.h"

namespace cope::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* list_json =
    R"({"object":"list","data":[{"id":"tiny"},{"id":"models/gemini"},{"id":"llama3:latest"},{"id":4},{}]})";

template <class Expected>
Expected thrown_by(const LoopbackServer& server, std::int64_t timeout_ms = 10'000) {
  try {
    check_endpoint(endpoint_at(server.base_url()), timeout_ms);
  } catch (const Expected& error) {
    EXPECT_THAT(error.what(), HasSubstr("tiny"));
    EXPECT_THAT(error.what(), HasSubstr(server.base_url()));
    EXPECT_THAT(error.what(), Not(HasSubstr("key-that-must-never-show")));
    EXPECT_THAT(error.reply().body, Not(HasSubstr("key-that-must-never-show")));
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Expected("nothing", {});
}

TEST(Preflight, AnEndpointThatListsTheModelPasses) {
  LoopbackServer server([](const LoopbackServer::Request& request) {
    EXPECT_EQ(request.method, "GET");
    EXPECT_EQ(request.path, "/v1/models");
    EXPECT_THAT(request.head, HasSubstr("Authorization: Bearer key-that-must-never-show"));
    return http_reply(200, list_json);
  });
  for (const char* model : {"tiny", "gemini", "llama3"}) {
    Endpoint endpoint = endpoint_at(server.base_url());
    endpoint.model = model;
    EXPECT_NO_THROW(check_endpoint(endpoint)) << model;
  }
}

TEST(Preflight, AnUnknownModelNamesThoseListed) {
  LoopbackServer server(always(http_reply(200, R"({"data":[{"id":"small"},{"id":"large"}]})")));
  EXPECT_THAT(thrown_by<BadRequestError>(server).what(), HasSubstr("lists: small, large"));
}

TEST(Preflight, ARefusedKey) {
  LoopbackServer server(
      always(http_reply(401, R"({"error":{"message":"Invalid key-that-must-never-show"}})", "x-request-id: r1\r\n")));
  const AuthenticationError error = thrown_by<AuthenticationError>(server);
  EXPECT_EQ(error.reply().status_code, 401);
  EXPECT_EQ(error.reply().request_id, "r1");
  EXPECT_THAT(error.reply().body, HasSubstr("[redacted]"));
}

TEST(Preflight, NobodyThere) {
  std::string base_url;
  {
    LoopbackServer server(echo);
    base_url = server.base_url();
  }
  try {
    check_endpoint(endpoint_at(base_url));
    FAIL();
  } catch (const APIConnectionError& error) {
    EXPECT_THAT(error.what(), HasSubstr("is the server running"));
    EXPECT_EQ(error.reply().status_code, 0);
  }
}

TEST(Preflight, AServerThatDoesNotAnswer) {
  LoopbackServer server(always({.bytes = "", .hang = true}));
  EXPECT_THAT(thrown_by<APITimeoutError>(server, 50).what(), HasSubstr("50 ms"));
}

TEST(Preflight, AWrongBaseUrl) {
  LoopbackServer page(always(http_reply(200, "<html>hello</html>")));
  EXPECT_THAT(thrown_by<BadRequestError>(page).what(), HasSubstr("base_url"));
  LoopbackServer elsewhere(always(http_reply(301, "", "Location: https://elsewhere/v1\r\n")));
  EXPECT_THAT(thrown_by<BadRequestError>(elsewhere).what(), HasSubstr("https://elsewhere/v1"));
  LoopbackServer nothing(always(http_reply(404, "not found")));
  EXPECT_THAT(thrown_by<BadRequestError>(nothing).what(), HasSubstr("neither /models nor /chat/completions"));
  LoopbackServer mail(always({.bytes = "220 smtp ready\r\n", .close = true}));
  EXPECT_THAT(thrown_by<APIConnectionError>(mail).what(), HasSubstr("base_url"));
}

TEST(Preflight, AServerWithoutAListPasses) {
  for (const int status : {404, 405}) {
    LoopbackServer server([status](const LoopbackServer::Request& request) {
      return request.method == "GET" ? http_reply(status, "")
                                     : http_reply(400, R"({"error":{"message":"messages is required"}})");
    });
    EXPECT_NO_THROW(check_endpoint(endpoint_at(server.base_url())));
  }
  LoopbackServer empty(always(http_reply(200, R"({"data":[]})")));
  EXPECT_NO_THROW(check_endpoint(endpoint_at(empty.base_url())));
}

TEST(Preflight, OtherAnswers) {
  LoopbackServer limited(always(http_reply(429, "{}")));
  EXPECT_EQ(thrown_by<RateLimitError>(limited).reply().status_code, 429);
  LoopbackServer loading(always(http_reply(503, R"({"error":{"message":"Loading model"}})")));
  EXPECT_THAT(thrown_by<APIConnectionError>(loading).what(), HasSubstr("Loading model"));
  LoopbackServer strange(always(http_reply(418, "teapot")));
  EXPECT_EQ(thrown_by<BadRequestError>(strange).reply().status_code, 418);
  LoopbackServer deep(always(http_reply(200, R"({"data":)" + std::string(100'000, '['))));
  thrown_by<BadRequestError>(deep);
  LoopbackServer huge(always(http_reply(200, std::string(20'000'000, ' '))));
  thrown_by<APIConnectionError>(huge);
}

}  // namespace
}  // namespace cope::test
