#include "cope/base/sample.h"

#include <string>

#include "cope/base/error.h"

namespace cope {

std::string_view to_string(SampleError error) {
  switch (error) {
    case SampleError::none:
      return "none";
    case SampleError::connection:
      return "connection";
    case SampleError::timeout:
      return "timeout";
    case SampleError::rate_limited:
      return "rate_limited";
    case SampleError::server:
      return "server";
    case SampleError::authentication:
      return "authentication";
    case SampleError::not_found:
      return "not_found";
    case SampleError::bad_request:
      return "bad_request";
    case SampleError::context_length:
      return "context_length";
    case SampleError::malformed:
      return "malformed";
    case SampleError::too_large:
      return "too_large";
    case SampleError::missing_choices:
      return "missing_choices";
    case SampleError::no_logprobs:
      return "no_logprobs";
    case SampleError::refused:
      return "refused";
    case SampleError::budget:
      return "budget";
    case SampleError::cancelled:
      return "cancelled";
    case SampleError::parent_failed:
      return "parent_failed";
    case SampleError::not_recorded:
      return "not_recorded";
  }
  return "unknown";
}

SampleError sample_error(std::string_view name) {
  for (int value = 0; value <= static_cast<int>(SampleError::not_recorded); ++value) {
    if (to_string(static_cast<SampleError>(value)) == name) return static_cast<SampleError>(value);
  }
  throw ConfigError("there is no sample error '" + std::string(name) + "'");
}

}  // namespace cope
