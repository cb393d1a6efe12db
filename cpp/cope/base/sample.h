// One sample: what a model answered to one prompt, once. A request that failed is a sample too, with an error code and no text;
// no empty string ever stands for an error.
//
// Thread-safety: a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cope/base/digest.h"
#include "cope/base/money.h"

namespace cope {

enum class SampleError : std::uint8_t {
  none,
  connection,       // no reply: refused, reset, name not found, TLS
  timeout,          // no reply in time; may have been billed
  rate_limited,     // 429 after all retries, or a Retry-After that is too long
  server,           // 5xx after all retries
  authentication,   // 401, 403
  not_found,        // 404: base URL or model name
  bad_request,      // 400, 422
  context_length,   // the prompt does not fit into the model
  malformed,        // a reply that is not what the protocol says: no JSON, cut off, wrong shape
  too_large,        // a reply above the size limit
  missing_choices,  // fewer choices than asked, also after the top-up
  no_logprobs,      // the gate needs log-probabilities, the endpoint returned none
  refused,          // the model declined (content filter)
  budget,           // the store's cap left no room for this request: the problem is unfinished
  cancelled,        // the run was stopped before the reply
  parent_failed,    // the plan that this prompt needs failed, or is empty
  not_recorded,     // a replay may ask nobody, and the recording has no such sample
};

std::string_view to_string(SampleError error);  // the enumerator's name
// The error of that name. Throws ConfigError where there is none.
SampleError sample_error(std::string_view name);

struct Sample {
  Digest identity;  // see sampler/request.h
  std::string text;
  std::string reasoning;      // reasoning_content / reasoning, kept apart from the answer
  std::string finish_reason;  // stop, length, content_filter, ...; empty where the endpoint sent none
  SampleError error = SampleError::none;
  std::string error_message;  // one line, keys redacted
  int status_code = 0;        // of the last HTTP reply; 0 where there was none
  std::string request_id;
  Usage usage;  // this sample's share of its request: the prompt is counted with the first choice only
  std::optional<std::int64_t> cost_pusd = 0;  // none: the reply carried no usage
  std::optional<double> mean_logprob;         // natural log, over output tokens; perplexity = exp(-mean_logprob)
  int logprob_tokens = 0;
  std::int64_t latency_ms = 0;
  std::int64_t created_unix_ms = 0;
  int attempts = 1;     // requests sent until this reply, retries included
  bool cached = false;  // came from the store: billed nothing now

  bool ok() const { return error == SampleError::none; }
  // A cut-off answer never votes.
  bool truncated() const { return finish_reason == "length"; }
};

}  // namespace cope
