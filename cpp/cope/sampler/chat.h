// The wire format of chat completions: what is sent, and what is made of the replies of servers that nobody vouches for.
//
//   ChatFormat format(endpoint);                                  // throws ConfigError for an extra_body that cannot be merged
//   std::string body = format.body(request, /*first=*/0, /*n=*/8);
//   ChatReply reply = format.read(200, text, request.sampling, /*asked=*/8);
//   if (reply.error == SampleError::none) use(reply.choices);     // at most as many as asked, in order of their index
//
// Thread-safety: constant after construction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cope/base/money.h"
#include "cope/base/sample.h"
#include "cope/sampler/endpoint.h"
#include "cope/sampler/request.h"

namespace cope {

struct RawReply;  // reply_reader.h

struct ChatChoice {
  std::string text;
  std::string reasoning;
  std::string finish_reason;
  std::optional<double> mean_logprob;
  int logprob_tokens = 0;
  Usage usage;                            // this choice's share; the prompt is the first choice's
  SampleError error = SampleError::none;  // refused, no_logprobs
  std::string error_message;
};

struct ChatReply {
  SampleError error = SampleError::none;
  std::string error_message;  // one line, keys redacted
  bool final = false;         // no retry can help, whatever the status says
  int status = 0;             // the HTTP status, or the one that an error body inside a 200 names
  std::vector<ChatChoice> choices;
  std::int64_t choices_returned = 0;  // those beyond what was asked included
  Usage usage;                        // of the whole reply, reconciled
};

class ChatFormat {
 public:
  explicit ChatFormat(const Endpoint& endpoint);

  // One request for n choices of the wave's samples first .. first + n - 1, under the seed of the first.
  std::string body(const DrawRequest& request, std::size_t first, int n) const;

  // Of any status. Never throws.
  ChatReply read(int status, std::string_view text, const Sampling& sampling, int asked) const;

  // The most that a request can cost; 0 where the model is free. Prompt tokens are bounded by the bytes of the messages and 64 a message.
  // Throws ConfigError when that leaves int64.
  std::int64_t worst_case_pusd(const DrawRequest& request, int n) const;

  // What no honest reply comes near, whatever its tokens are: so that an endpoint that ignores max_tokens floods neither memory nor later prompts.
  std::int64_t most_reply_bytes(const DrawRequest& request, int n) const;

  // Without user, password and query: for messages.
  std::string printable_base_url() const;

 private:
  ChatReply read_failure(int status, const RawReply& raw, std::string_view text) const;

  Endpoint endpoint_;
  std::vector<std::string> extra_names_;  // fields that extra_body sets
  std::string extra_text_;                // its members, without the braces
};

}  // namespace cope
