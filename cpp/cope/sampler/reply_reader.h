// Reads the JSON of a chat completion, or of an error, as it streams by: only what is needed is kept, so that a hostile reply of any size and depth
// costs no more memory than its own text.
//
//   RawReply raw = read_reply(body, /*max_choices=*/8);
//   if (!raw.problem.empty()) …   // not JSON, nested too deep, a field of the wrong type
//
// Thread-safety: a pure function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cope {

inline constexpr int max_reply_depth = 64;

struct RawChoice {
  std::optional<std::int64_t> index;
  bool has_message = false;
  std::string text;  // content; of a list of parts, the text parts joined
  std::string reasoning;
  std::string refusal;
  std::string finish_reason;
  double logprob_sum = 0;
  int logprob_tokens = 0;
  bool has_logprobs = false;  // a list was there, perhaps an empty one
};

struct RawReply {
  std::string problem;  // not empty: what is wrong with the reply; the rest is then incomplete
  bool has_choices = false;
  std::vector<RawChoice> choices;     // in the order sent, at most max_choices
  std::int64_t choices_returned = 0;  // those beyond max_choices included

  bool has_usage = false;
  std::optional<std::int64_t> prompt_tokens;
  std::optional<std::int64_t> completion_tokens;
  std::int64_t cached_tokens = 0;
  std::int64_t reasoning_tokens = 0;

  // {"error": {message, type, code}}, {"error": "…"}, {"message": "…", "code": …}, {"detail": "…"}
  bool has_error = false;
  std::string error_message;
  std::string error_type;
  std::string error_code;                    // the code where it is text
  std::optional<std::int64_t> error_number;  // the code where it is a number
};

RawReply read_reply(std::string_view body, std::size_t max_choices);

}  // namespace cope
