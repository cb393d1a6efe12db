// The error tree of the core. Misuse and failures that end a call are thrown; what goes wrong with one request of many is a value (sampler/sample_error.h).
//
//   Error                      anything COPE reports
//   ├── ConfigError            an argument, a method, a price or a model that cannot work (a ValueError in Python)
//   ├── DataError              a problem set that cannot be read: file, line, column
//   ├── StoreError             a store that is damaged, foreign, newer, locked or out of disk
//   ├── BudgetError            the store's cap left no room to start
//   └── EndpointError          an endpoint refused for the whole run; carries status_code, request_id, body
//       ├── AuthenticationError, RateLimitError, APITimeoutError, APIConnectionError, BadRequestError
//
// Messages say what, where and how to mend it, and use the Python names. Keys never enter a message.
// Thread-safety: values; immutable after construction.
#pragma once

#include <stdexcept>
#include <string>

namespace cope {

class Error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

class ConfigError : public Error {
  using Error::Error;
};

class DataError : public Error {
  using Error::Error;
};

class StoreError : public Error {
  using Error::Error;
};

class BudgetError : public Error {
  using Error::Error;
};

// What an endpoint answered when it refused for good.
struct EndpointReply {
  int status_code = 0;  // 0: no HTTP reply at all
  std::string request_id;
  std::string body;  // at most 4 KiB, keys redacted
};

class EndpointError : public Error {
 public:
  EndpointError(const std::string& message, EndpointReply reply) : Error(message), reply_(std::move(reply)) {}
  const EndpointReply& reply() const { return reply_; }

 private:
  EndpointReply reply_;
};

class AuthenticationError : public EndpointError {
  using EndpointError::EndpointError;
};
class RateLimitError : public EndpointError {
  using EndpointError::EndpointError;
};
class APITimeoutError : public EndpointError {
  using EndpointError::EndpointError;
};
class APIConnectionError : public EndpointError {
  using EndpointError::EndpointError;
};
class BadRequestError : public EndpointError {
  using EndpointError::EndpointError;
};

}  // namespace cope
