// Asynchronous HTTP/1.1 to a few servers, many requests at once: libcurl's multi interface driven by epoll, so that the CPU per request
// does not grow with the number in flight. Connections are kept alive and reused; transfers are reused too.
//
//   HttpClient client({.max_connections = 64});
//   int chat = client.add_target({.url = "http://127.0.0.1:8000/v1/chat/completions", .headers = {"Content-Type: application/json"}});
//   client.post(chat, body, [](HttpReply reply) { … });           // called inside step()
//   while (client.in_flight() > 0) client.step(/*timeout_ms=*/50);
//
// A request is never sent twice behind the caller's back: where libcurl would resend after a kept connection broke, the transfer fails as
// HttpFailure::broken. Redirects are not followed: the key stays with the server it was meant for.
//
// Thread-safety: owned by one thread; wake() alone may be called from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cope/sampler/http_headers.h"

namespace cope {

enum class HttpFailure : std::uint8_t {
  none,         // a whole reply, whatever its status
  unreachable,  // nothing was sent: refused, name not found, TLS, connecting took too long
  broken,       // the connection broke after the request had begun to leave: it may have been worked on
  cut_off,      // the reply began and did not end
  timeout,      // no whole reply in time; the request had left
  not_http,     // what came back is not HTTP
  too_large,    // the reply grew past the limit
};

struct HttpReply {
  HttpFailure failure = HttpFailure::none;
  int status = 0;  // 0: no status line came
  std::string body;
  HttpHeaders headers;
  std::string error;  // libcurl's words, one line; empty where failure is none
  std::int64_t latency_ms = 0;
};

// Where requests go, and everything about them but their bodies.
struct HttpTarget {
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  bool get = false;                  // GET without a body instead of POST
  std::int64_t connect_timeout_ms = 10'000;
  std::int64_t timeout_ms = 600'000;
  std::int64_t max_reply_bytes = 64 << 20;  // headers and body together
};

struct HttpOptions {
  int max_connections = 64;  // kept alive; the sum of what the callers may have in flight
  std::string ca_bundle;     // empty: default_ca_bundle()
};

class HttpClient {
 public:
  using Done = std::function<void(HttpReply)>;

  // Raises the soft limit of open files when max_connections needs it; throws ConfigError when the hard limit forbids it.
  explicit HttpClient(const HttpOptions& options);
  ~HttpClient();  // abandons what is in flight
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  int add_target(HttpTarget target);
  // REQUIRES: target came from add_target. `done` may send further requests. The target's limit of a reply's bytes holds, or this one where it is lower.
  void post(int target, std::string body, Done done,
            std::int64_t max_reply_bytes = std::numeric_limits<std::int64_t>::max());
  // Moves bytes; waits at most timeout_ms (< 0: without limit) for something to happen; calls back what has ended.
  void step(int timeout_ms);
  void wake();
  std::size_t in_flight() const;
  // Ends everything in flight now and calls it back: unreachable where nothing had been sent, else broken.
  void abandon();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// SSL_CERT_FILE, else the first known path that exists, else empty (libcurl's own default). Wheels run on distributions
// other than the one that they were built on, so this is found at run time.
std::string default_ca_bundle();

}  // namespace cope
