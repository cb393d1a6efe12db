#include "cope/sampler/http_headers.h"

#include <cctype>
#include <charconv>
#include <cmath>

#include "cope/sampler/text.h"

namespace cope {
namespace {

// They end up in messages and in the store.
constexpr std::size_t max_value_bytes = 256;

struct Known {
  std::string_view name;
  std::string HttpHeaders::* field;
};

constexpr Known known[] = {
    {"retry-after", &HttpHeaders::retry_after},
    {"retry-after-ms", &HttpHeaders::retry_after_ms},
    {"x-should-retry", &HttpHeaders::should_retry},
    {"x-request-id", &HttpHeaders::request_id},
    {"location", &HttpHeaders::location},
    {"x-ratelimit-limit-requests", &HttpHeaders::limit_requests},
    {"x-ratelimit-limit-tokens", &HttpHeaders::limit_tokens},
    {"x-ratelimit-remaining-requests", &HttpHeaders::remaining_requests},
    {"x-ratelimit-remaining-tokens", &HttpHeaders::remaining_tokens},
    {"x-ratelimit-reset-requests", &HttpHeaders::reset_requests},
    {"x-ratelimit-reset-tokens", &HttpHeaders::reset_tokens},
};

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(text[i])) != lower[i]) return false;
  }
  return true;
}

}  // namespace

void read_header(std::string_view line, HttpHeaders& headers) {
  if (line.starts_with("HTTP/")) {
    headers = HttpHeaders{};
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view name = line.substr(0, colon);
  for (const Known& header : known) {
    if (equals_ignoring_case(name, header.name))
      headers.*header.field = one_line(line.substr(colon + 1), max_value_bytes);
  }
}

std::optional<std::int64_t> parse_count(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_reset_ms(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double total_ms = 0;
  while (!text.empty()) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (error != std::errc() || !(value >= 0)) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    double unit_ms = 0;
    if (text.starts_with("ms")) {
      unit_ms = 1;
      text.remove_prefix(2);
    } else if (text.starts_with("h") || text.starts_with("m") || text.starts_with("s")) {
      unit_ms = text[0] == 'h' ? 3'600'000 : text[0] == 'm' ? 60'000 : 1000;
      text.remove_prefix(1);
    } else if (text.empty() && total_ms == 0) {
      unit_ms = 1000;
    } else {
      return std::nullopt;
    }
    total_ms += value * unit_ms;
  }
  if (!(total_ms < 1e15)) return std::nullopt;
  return static_cast<std::int64_t>(std::ceil(total_ms));
}

}  // namespace cope
