// How many requests one endpoint gets at a time: additive growth, multiplicative cut, and pauses that the server asks for.
//
//   Limiter limiter(/*initial=*/16, /*maximum=*/64);
//   if (limiter.may_send(now_ms)) { auto sent = now_ms; limiter.on_sent(); send(); }
//   … limiter.on_success(sent);   or   limiter.on_rate_limited(sent, now_ms, retry_after_ms);
//
// The limit starts with one more for each success (it doubles each round trip) until the first 429, then grows by one a round trip. A 429 cuts
// it to 0.8 of itself, once for all requests that had left before the cut: a burst of 429s is one piece of news. It grows only
// while it is what holds requests back.
//
// Thread-safety: a value without locks; time is passed in (any monotonic milliseconds).
#pragma once

#include <cstdint>

#include "cope/sampler/http_headers.h"

namespace cope {

class Limiter {
 public:
  // REQUIRES: 1 <= initial <= maximum.
  Limiter(int initial, int maximum);

  // Asked only where a request waits: a refusal shows that the limit is what holds requests back.
  bool may_send(std::int64_t now_ms);
  // When to ask again although nothing came back; -1 where only a reply can help.
  std::int64_t retry_at_ms(std::int64_t now_ms) const {
    return in_flight_ < limit() && paused_until_ms_ > now_ms ? paused_until_ms_ : -1;
  }

  void on_sent() { ++in_flight_; }
  // Each on_sent() is followed by exactly one of these.
  void on_success(std::int64_t sent_ms);
  void on_rate_limited(std::int64_t sent_ms, std::int64_t now_ms, std::int64_t retry_after_ms);  // 0: none given
  void on_other() { --in_flight_; }  // failed otherwise: no news of the rate

  // Pauses where x-ratelimit-remaining-* says that nothing is left, until the share of the reset time after which one request fits again.
  void on_headers(const HttpHeaders& headers, std::int64_t now_ms);

  int limit() const { return static_cast<int>(limit_); }
  int in_flight() const { return in_flight_; }

 private:
  const int maximum_;
  double limit_;
  int in_flight_ = 0;
  bool doubling_ = true;
  std::int64_t last_full_ms_ = -1;
  std::int64_t last_cut_ms_ = -1;
  std::int64_t paused_until_ms_ = 0;
};

}  // namespace cope
