// What is retried, and after how long.
//
//   RetryDecision next = decide_retry({.error = SampleError::rate_limited, .status = 429, .headers = reply.headers}, attempts, max_retries, rule);
//   next.retry ? send again after next.delay_ms : give up, saying next.reason
//
// Connection errors, 408, 409, 429 and 5xx are retried after 0.5 s, 1 s, 2 s … 8 s, less up to a quarter (jitter). `retry-after-ms` and `Retry-After`
// are honoured up to 120 s; a server that asks for more is given up. `x-should-retry` overrules the status. Everything else fails at once.
//
// Thread-safety: pure functions; the clock and the randomness come in as arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cope/base/sample.h"
#include "cope/sampler/http_headers.h"

namespace cope {

inline constexpr std::int64_t longest_retry_after_ms = 120'000;

struct FailedAttempt {
  SampleError error = SampleError::none;
  int status = 0;  // 0: no reply
  HttpHeaders headers;
  bool final = false;  // the body says that no retry can help (a quota that is used up)
};

struct RetryDecision {
  bool retry = false;
  std::int64_t delay_ms = 0;
  bool server_asked = false;  // the delay is the server's own
  std::string reason;         // why not, where there is more to say than the error itself
};

// Of the back-off: never changes a decision of a run.
struct Jitter {
  std::uint64_t seed = 0;
  std::uint64_t request = 0;  // the request's number
};

// `attempts`: sent so far, this one included.
RetryDecision decide_retry(const FailedAttempt& failed, int attempts, int max_retries, Jitter jitter,
                           std::int64_t now_unix_s);

// None where neither header is there or means anything. A date in the past is 0.
std::optional<std::int64_t> retry_after_ms(const HttpHeaders& headers, std::int64_t now_unix_s);

// Before the retry that follows attempt number `attempts` (1 for the first).
std::int64_t backoff_ms(int attempts, Jitter jitter);

}  // namespace cope
