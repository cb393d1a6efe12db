// The reply headers that retries and limits are decided on, read from header lines as they come.
//
//   HttpHeaders headers;
//   read_header("Retry-After: 12\r\n", headers);      headers.retry_after == "12"
//   parse_reset_ms("1m3s")  ->  63'000
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cope {

// Empty where absent.
struct HttpHeaders {
  std::string retry_after;
  std::string retry_after_ms;
  std::string should_retry;
  std::string request_id;
  std::string location;
  // x-ratelimit-…
  std::string limit_requests;
  std::string limit_tokens;
  std::string remaining_requests;
  std::string remaining_tokens;
  std::string reset_requests;
  std::string reset_tokens;
};

// A status line starts anew: what came before belonged to an interim reply.
void read_header(std::string_view line, HttpHeaders& headers);

// A count >= 0; none where it is unknown (-1), absent or no number.
std::optional<std::int64_t> parse_count(std::string_view text);

// `12ms`, `1m3s`, `6m0.5s`, `2h`, or plain seconds (`1.5`), rounded up to milliseconds; none for anything else and for negative values.
std::optional<std::int64_t> parse_reset_ms(std::string_view text);

}  // namespace cope
