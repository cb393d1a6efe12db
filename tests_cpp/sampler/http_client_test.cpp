#include "cope/sampler/http_client.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <thread>

#include "cope/base/error.h"
#include "sampler/loopback_server.h"

namespace cope::test {
namespace {

HttpOptions options(int connections) { return {.max_connections = connections, .ca_bundle = ""}; }

HttpTarget target_at(const LoopbackServer& server) {
  HttpTarget target;
  target.url = server.base_url() + "/chat/completions";
  target.headers = {"Content-Type: application/json"};
  target.timeout_ms = 30'000;
  return target;
}

HttpReply ask(HttpClient& client, int target, const std::string& body = "{}") {
  HttpReply reply;
  client.post(target, body, [&](HttpReply got) { reply = std::move(got); });
  while (client.in_flight() > 0) client.step(1000);
  return reply;
}

HttpReply ask_once(HttpTarget target) {
  HttpClient client(options(4));
  return ask(client, client.add_target(std::move(target)));
}

HttpReply ask(const LoopbackServer& server) { return ask_once(target_at(server)); }

LoopbackServer::Handler always(LoopbackServer::Reply reply) {
  return [reply](const LoopbackServer::Request&) { return reply; };
}

TEST(HttpClient, PostsABodyAndReadsReplyAndHeaders) {
  LoopbackServer server([](const LoopbackServer::Request& request) {
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/v1/chat/completions");
    EXPECT_NE(request.head.find("Content-Type: application/json"), std::string::npos);
    EXPECT_EQ(request.head.find("Expect"), std::string::npos);
    EXPECT_EQ(request.body, "hello");
    return http_reply(429, "slow",
                      "Retry-After: 3\r\nX-Request-Id: r1\r\nx-should-retry: true\r\nretry-after-ms: 30\r\n");
  });
  HttpClient client(options(2));
  const HttpReply reply = ask(client, client.add_target(target_at(server)), "hello");
  EXPECT_EQ(reply.failure, HttpFailure::none) << reply.error;
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.body, "slow");
  EXPECT_EQ(reply.headers.retry_after, "3");
  EXPECT_EQ(reply.headers.retry_after_ms, "30");
  EXPECT_EQ(reply.headers.should_retry, "true");
  EXPECT_EQ(reply.headers.request_id, "r1");
}

TEST(HttpClient, KeepsConnectionsAlive) {
  LoopbackServer server(always(http_reply(200, "ok")));
  HttpClient client(options(4));
  const int target = client.add_target(target_at(server));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask(client, target).body, "ok");
  EXPECT_EQ(server.requests(), 20);
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, ManyAtOnceShareTheConnections) {
  LoopbackServer server(always({.bytes = http_reply(200, "ok").bytes, .delay_ms = 5}));
  HttpClient client(options(32));
  const int target = client.add_target(target_at(server));
  int done = 0;
  std::function<void(HttpReply)> next = [&](HttpReply reply) {
    EXPECT_EQ(reply.body, "ok") << reply.error;
    if (++done <= 320 - 32) client.post(target, "{}", next);
  };
  for (int i = 0; i < 32; ++i) client.post(target, "{}", next);
  while (client.in_flight() > 0) client.step(1000);
  EXPECT_EQ(done, 320);
  EXPECT_LE(server.connections(), 32);
  EXPECT_GT(server.most_at_once(), 16);
}

TEST(HttpClient, ReadsChunkedAndSlowReplies) {
  const std::string body(10'000, 'x');
  LoopbackServer chunked(always(chunked_reply(200, body, 77)));
  EXPECT_EQ(ask(chunked).body, body);
  LoopbackServer::Reply drip = http_reply(200, "dripping");
  drip.drip = 7;
  LoopbackServer slow(always(drip));
  EXPECT_EQ(ask(slow).body, "dripping");
}

TEST(HttpClient, InterimRepliesAreSkipped) {
  LoopbackServer::Reply reply = http_reply(200, "ok");
  reply.bytes = "HTTP/1.1 102 Processing\r\nRetry-After: 9\r\n\r\n" + reply.bytes;
  LoopbackServer server(always(reply));
  const HttpReply got = ask(server);
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "ok");
  EXPECT_EQ(got.headers.retry_after, "");
}

TEST(HttpClient, NobodyThere) {
  HttpTarget target;
  {
    LoopbackServer server(always({}));
    target = target_at(server);
  }  // the port is free again
  HttpClient client(options(1));
  const HttpReply reply = ask(client, client.add_target(target));
  EXPECT_EQ(reply.failure, HttpFailure::unreachable);
  EXPECT_EQ(reply.status, 0);
  EXPECT_FALSE(reply.error.empty());
}

TEST(HttpClient, NameThatDoesNotExist) {
  HttpTarget target;
  target.url = "http://nowhere.invalid/v1";
  HttpClient client(options(1));
  EXPECT_EQ(ask(client, client.add_target(target)).failure, HttpFailure::unreachable);
}

TEST(HttpClient, NoTlsThere) {
  LoopbackServer server(always(http_reply(200, "ok")));
  HttpTarget target = target_at(server);
  target.url.replace(0, 4, "https");
  target.timeout_ms = 2000;  // the test's server waits for more of the TLS greeting
  target.connect_timeout_ms = 1000;
  EXPECT_EQ(ask_once(target).failure, HttpFailure::unreachable);
  EXPECT_EQ(server.requests(), 0);
}

TEST(HttpClient, HowRepliesBreak) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
  const struct {
    const char* name;
    LoopbackServer::Reply reply;
    HttpFailure expected;
  } cases[] = {
      {"closed without a word", {.bytes = "", .close = true}, HttpFailure::broken},
      {"reset without a word", {.bytes = "", .reset = true}, HttpFailure::broken},
      {"closed within the headers", {.bytes = "HTTP/1.1 200 OK\r\nConte", .close = true}, HttpFailure::cut_off},
      {"fewer bytes than Content-Length", {.bytes = head + "only this", .close = true}, HttpFailure::cut_off},
      {"cut within a chunk",
       {.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc", .close = true},
       HttpFailure::cut_off},
      {"a chunk size that is none",
       {.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", .close = true},
       HttpFailure::cut_off},
      {"not HTTP", {.bytes = "SSH-2.0-OpenSSH_9.2\r\n", .close = true}, HttpFailure::not_http},
      {"binary",
       {.bytes = std::string("\x15\x03\x01\x00\x02\x02\x16 and more", 16), .close = true},
       HttpFailure::not_http},
      {"two lengths",
       {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: -7\r\n\r\nabc", .close = true},
       HttpFailure::not_http},
      {"no end of the headers",
       {.bytes = "HTTP/1.1 200 OK\r\nX: " + std::string(4'000'000, 'a'), .close = true},
       HttpFailure::too_large},
  };
  for (const auto& c : cases) {
    LoopbackServer server(always(c.reply));
    const HttpReply reply = ask(server);
    EXPECT_EQ(reply.failure, c.expected) << c.name << ": " << reply.error;
    EXPECT_FALSE(reply.error.empty()) << c.name;
    EXPECT_EQ(server.requests(), 1) << c.name;
  }
}

TEST(HttpClient, AReplyThatEndsWithTheConnectionIsWhole) {
  LoopbackServer server(always({.bytes = "HTTP/1.1 200 OK\r\n\r\nall of it", .close = true}));
  const HttpReply reply = ask(server);
  EXPECT_EQ(reply.failure, HttpFailure::none);
  EXPECT_EQ(reply.body, "all of it");
}

TEST(HttpClient, ABrokenKeptConnectionIsNotSentToTwice) {
  // libcurl by itself would send the second request again on a new connection: the server might charge for it twice.
  LoopbackServer server([](const LoopbackServer::Request& request) -> LoopbackServer::Reply {
    if (request.number == 1) return {.bytes = "", .close = true};
    return http_reply(200, "ok");
  });
  HttpClient client(options(1));
  const int target = client.add_target(target_at(server));
  EXPECT_EQ(ask(client, target).failure, HttpFailure::none);
  const HttpReply second = ask(client, target);
  EXPECT_EQ(second.failure, HttpFailure::broken) << second.error;
  EXPECT_EQ(server.requests(), 2);
  EXPECT_EQ(ask(client, target).body, "ok");  // and the client goes on
  EXPECT_EQ(server.requests(), 3);
}

TEST(HttpClient, AConnectionThatTheServerClosedWhileIdleIsReplacedQuietly) {
  LoopbackServer::Reply reply = http_reply(200, "ok");
  reply.close = true;  // without saying so
  LoopbackServer server(always(reply));
  HttpClient client(options(1));
  const int target = client.add_target(target_at(server));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(ask(client, target).failure, HttpFailure::none) << i;
    client.step(5);  // the end of the connection arrives
  }
  EXPECT_EQ(server.requests(), 5);
  EXPECT_EQ(server.connections(), 5);
}

TEST(HttpClient, RepliesAboveTheLimitAreCutShort) {
  LoopbackServer declared(always(http_reply(200, std::string(3'000'000, 'x'))));
  HttpTarget target = target_at(declared);
  target.max_reply_bytes = 10'000;
  HttpReply reply = ask_once(target);
  EXPECT_EQ(reply.failure, HttpFailure::too_large);
  EXPECT_LE(reply.body.size(), 10'000U);
  LoopbackServer chunked(always(chunked_reply(200, std::string(3'000'000, 'x'), 50'000)));
  target = target_at(chunked);
  target.max_reply_bytes = 10'000;
  EXPECT_EQ(ask_once(target).failure, HttpFailure::too_large);
}

TEST(HttpClient, TimeoutsTellWhetherTheRequestHadLeft) {
  LoopbackServer server(always({.bytes = "", .hang = true}));
  HttpTarget target = target_at(server);
  target.timeout_ms = 50;
  const HttpReply reply = ask_once(target);
  EXPECT_EQ(reply.failure, HttpFailure::timeout);
  EXPECT_EQ(server.requests(), 1);
}

TEST(HttpClient, RedirectsAreNotFollowed) {
  LoopbackServer server(always(http_reply(302, "", "Location: http://127.0.0.1:1/elsewhere\r\n")));
  const HttpReply reply = ask(server);
  EXPECT_EQ(reply.failure, HttpFailure::none);
  EXPECT_EQ(reply.status, 302);
  EXPECT_EQ(reply.headers.location, "http://127.0.0.1:1/elsewhere");
  EXPECT_EQ(server.requests(), 1);
}

TEST(HttpClient, AProxyInTheEnvironmentDoesNotBreakLoopback) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  setenv("all_proxy", "http://127.0.0.1:1", 1);
  LoopbackServer server(always(http_reply(200, "ok")));
  EXPECT_EQ(ask(server).body, "ok");
  HttpClient client(options(1));
  HttpTarget elsewhere;
  elsewhere.url = "http://example.invalid/v1";
  EXPECT_EQ(ask(client, client.add_target(elsewhere)).failure,
            HttpFailure::unreachable);  // through the proxy that is not there
  unsetenv("http_proxy");
  unsetenv("all_proxy");
}

TEST(HttpClient, WakeEndsAWait) {
  HttpClient client(options(1));
  std::thread waker([&] { client.wake(); });
  client.step(600'000);
  waker.join();
  client.wake();
  client.step(600'000);
  client.step(0);
}

TEST(HttpClient, AbandonCallsEverythingBack) {
  LoopbackServer server(always({.bytes = "", .hang = true}));
  HttpClient client(options(50));
  const int target = client.add_target(target_at(server));
  std::multiset<HttpFailure> failures;
  for (int i = 0; i < 50; ++i) client.post(target, "{}", [&](HttpReply reply) { failures.insert(reply.failure); });
  while (server.requests() < 50) client.step(10);
  for (int i = 0; i < 3; ++i) client.post(target, "{}", [&](HttpReply reply) { failures.insert(reply.failure); });
  client.abandon();
  EXPECT_EQ(client.in_flight(), 0U);
  EXPECT_EQ(failures.count(HttpFailure::broken), 50U);
  EXPECT_EQ(failures.count(HttpFailure::unreachable), 3U);  // nothing had been sent
}

TEST(HttpClient, ThrowsForUrlsThatCannotWork) {
  HttpClient client(options(1));
  for (const char* url : {"", "localhost:8000/v1", "ftp://host/v1", "file:///etc/passwd", "http://",
                          "http://host:99999/v1", "not a url"}) {
    HttpTarget target;
    target.url = url;
    EXPECT_THROW(client.add_target(target), ConfigError) << url;
  }
}

TEST(HttpClient, TheCaBundleIsFoundAtRunTime) {
  const char* before = std::getenv("SSL_CERT_FILE");
  const std::string kept = before == nullptr ? "" : before;
  setenv("SSL_CERT_FILE", "/some/bundle.pem", 1);
  EXPECT_EQ(default_ca_bundle(), "/some/bundle.pem");
  before == nullptr ? unsetenv("SSL_CERT_FILE") : setenv("SSL_CERT_FILE", kept.c_str(), 1);
}

}  // namespace
}  // namespace cope::test
