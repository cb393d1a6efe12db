#include "cope/sampler/limiter.h"

#include <algorithm>

#include "cope/sampler/retry.h"

namespace cope {
namespace {

constexpr double cut = 0.8;
// A request of a few thousand tokens: what must have flowed back before the next one has a chance.
constexpr std::int64_t tokens_of_a_request = 2'000;
constexpr std::int64_t longest_pause_ms = 60'000;

// The reset time is that of the whole allowance; `unit` of `limit` is back after its share.
std::int64_t pause_ms(const std::string& remaining, const std::string& limit, const std::string& reset,
                      std::int64_t unit) {
  const auto left = parse_count(remaining);
  const auto whole_ms = parse_reset_ms(reset);
  if (!left || *left > 0 || !whole_ms) return 0;
  const auto allowance = parse_count(limit);
  if (!allowance || *allowance <= unit) return std::min(*whole_ms, longest_pause_ms);
  const double share = static_cast<double>(unit) / static_cast<double>(*allowance);
  return std::min(static_cast<std::int64_t>(static_cast<double>(*whole_ms) * share) + 1, longest_pause_ms);
}

}  // namespace

Limiter::Limiter(int initial, int maximum) : maximum_(std::max(maximum, 1)), limit_(std::clamp(initial, 1, maximum_)) {}

bool Limiter::may_send(std::int64_t now_ms) {
  if (in_flight_ >= limit()) {
    last_full_ms_ = now_ms;
    return false;
  }
  return now_ms >= paused_until_ms_;
}

void Limiter::on_success(std::int64_t sent_ms) {
  --in_flight_;
  const bool held_back = last_full_ms_ >= sent_ms;
  if (!held_back || sent_ms < last_cut_ms_) return;  // a request that left before the cut praises the old limit
  limit_ = std::min<double>(limit_ + (doubling_ ? 1.0 : 1.0 / limit_), maximum_);
}

void Limiter::on_rate_limited(std::int64_t sent_ms, std::int64_t now_ms, std::int64_t retry_after_ms) {
  --in_flight_;
  if (retry_after_ms > 0 && retry_after_ms <= longest_retry_after_ms) {
    paused_until_ms_ = std::max(paused_until_ms_, now_ms + retry_after_ms);
  }
  if (sent_ms <= last_cut_ms_) return;
  doubling_ = false;
  limit_ = std::max(limit_ * cut, 1.0);
  last_cut_ms_ = now_ms;
}

void Limiter::on_headers(const HttpHeaders& headers, std::int64_t now_ms) {
  const std::int64_t pause =
      std::max(pause_ms(headers.remaining_requests, headers.limit_requests, headers.reset_requests, 1),
               pause_ms(headers.remaining_tokens, headers.limit_tokens, headers.reset_tokens, tokens_of_a_request));
  if (pause > 0) paused_until_ms_ = std::max(paused_until_ms_, now_ms + pause);
}

}  // namespace cope
