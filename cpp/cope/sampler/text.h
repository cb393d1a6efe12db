// What every text passes before it enters a message, a log or a request: keys taken out, one line, valid UTF-8.
//
//   one_line(redact("401: bad key sk-abc…", endpoint.api_key))  ->  "401: bad key [redacted]"
//   valid_utf8("caf\xe9")                                       ->  "caf\uFFFD"
//
// Thread-safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "cope/sampler/endpoint.h"

namespace cope {

inline constexpr std::size_t max_message_bytes = 500;
inline constexpr std::size_t max_kept_body_bytes = 4096;

// Without the key itself, the text after `Bearer`, and anything that looks like an OpenAI key (sk-…).
std::string redact(std::string_view text, const Secret& key);

// The same for what a model wrote: the key alone, and only one that is long enough to be no word.
void hide_key(std::string& text, const Secret& key);

// 4760000000 -> "0.00476"
std::string usd_text(std::int64_t pusd);

// Control characters become spaces, runs of spaces one; cut at `limit` bytes, on a character's boundary.
std::string one_line(std::string_view text, std::size_t limit = max_message_bytes);

inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";
// Bytes of the character at the front; 0 where there is none (RFC 3629: no overlong forms, no surrogates).
// REQUIRES: text is not empty.
std::size_t utf8_length(std::string_view text);
bool is_valid_utf8(std::string_view text);
// Each byte that belongs to no character becomes U+FFFD.
std::string valid_utf8(std::string_view text);

// The URL as it may be shown: without user, password and query.
std::string printable_url(std::string_view url);
// True for localhost, 127.0.0.0/8 and ::1: never reached through a proxy.
bool is_loopback_url(std::string_view url);

}  // namespace cope
