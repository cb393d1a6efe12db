#include "cope/sampler/retry.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>

namespace cope {
namespace {

constexpr std::int64_t first_backoff_ms = 500;
constexpr std::int64_t longest_backoff_ms = 8'000;

// splitmix64's finaliser: a counter-based generator, so that a delay depends on (seed, request, attempt) alone.
std::uint64_t mixed(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15U;
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9U;
  value = (value ^ value >> 27) * 0x94D049BB133111EBU;
  return value ^ value >> 31;
}

// From `number` of milliseconds, if it is one worth waiting for; a negative or absurd number means nothing.
std::optional<std::int64_t> milliseconds(std::string_view text, double unit_ms) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0) || value * unit_ms > 1e15)
    return std::nullopt;
  return static_cast<std::int64_t>(std::ceil(value * unit_ms));
}

bool worth_retrying(const FailedAttempt& failed) {
  if (failed.final) return false;
  if (failed.headers.should_retry == "true") return true;
  if (failed.headers.should_retry == "false") return false;
  if (failed.error == SampleError::context_length || failed.error == SampleError::refused) return false;
  if (failed.status == 408 || failed.status == 409 || failed.status == 429 || failed.status >= 500) return true;
  return failed.status < 400 && (failed.error == SampleError::connection || failed.error == SampleError::timeout);
}

}  // namespace

std::optional<std::int64_t> retry_after_ms(const HttpHeaders& headers, std::int64_t now_unix_s) {
  if (const auto exact = milliseconds(headers.retry_after_ms, 1)) return exact;
  if (headers.retry_after.empty()) return std::nullopt;
  if (const auto seconds = milliseconds(headers.retry_after, 1000)) return seconds;
  if (headers.retry_after.front() == '-') return std::nullopt;
  const std::time_t date = curl_getdate(headers.retry_after.c_str(), nullptr);
  if (date == -1) return std::nullopt;
  return std::max<std::int64_t>(static_cast<std::int64_t>(date) - now_unix_s, 0) * 1000;
}

std::int64_t backoff_ms(int attempts, Jitter jitter) {
  const int doublings = std::clamp(attempts - 1, 0, 10);
  const std::int64_t full = std::min(first_backoff_ms << doublings, longest_backoff_ms);
  const std::uint64_t draw = mixed(mixed(mixed(jitter.seed) ^ jitter.request) ^ static_cast<std::uint64_t>(attempts));
  const auto quarter = static_cast<std::uint64_t>(full / 4);
  return full - static_cast<std::int64_t>(draw % (quarter + 1));
}

RetryDecision decide_retry(const FailedAttempt& failed, int attempts, int max_retries, Jitter jitter,
                           std::int64_t now_unix_s) {
  RetryDecision decision;
  if (!worth_retrying(failed)) return decision;
  const std::optional<std::int64_t> asked = retry_after_ms(failed.headers, now_unix_s);
  if (asked && *asked > longest_retry_after_ms) {
    decision.reason = "the server asks to retry after " + std::to_string(*asked / 1000) + " s, more than the " +
                      std::to_string(longest_retry_after_ms / 1000) + " s that are waited for";
    return decision;
  }
  if (attempts > max_retries) {
    decision.reason = "gave up after " + std::to_string(attempts) + (attempts == 1 ? " attempt" : " attempts");
    return decision;
  }
  decision.retry = true;
  decision.server_asked = asked.has_value();
  decision.delay_ms = asked ? *asked : backoff_ms(attempts, jitter);
  return decision;
}

}  // namespace cope
