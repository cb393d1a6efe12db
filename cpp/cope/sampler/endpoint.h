// A model behind an OpenAI-compatible endpoint: where it is, what it can do, what it costs.
//
// Thread-safety: a value. The key is kept out of every text that this library makes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cope/base/money.h"

namespace cope {

// A text that never prints.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  const std::string& reveal() const { return value_; }  // for the Authorization header alone
  bool empty() const { return value_.empty(); }

 private:
  std::string value_;
};

struct Endpoint {
  std::string model;        // the name sent in requests
  std::string base_url;     // ends in /v1 or what the service uses; no trailing slash
  std::string stable_name;  // part of every sample's identity: no port, no key (a local model: the SHA-256 of its GGUF)
  Secret api_key;           // may be empty for local servers

  // What the endpoint understands.
  int max_n = 1;  // most choices that one request may ask for
  bool sends_seed = true;
  bool extended_sampling = false;               // top_k, min_p, repeat_penalty are sent (llama.cpp, vLLM, Ollama)
  bool sends_sampling = true;                   // false for reasoning models that reject temperature and top_p
  std::string max_tokens_field = "max_tokens";  // or max_completion_tokens
  int top_logprobs = 1;                         // llama.cpp returns log-probabilities only with at least 1
  bool usage_counts_one_choice = false;         // llama.cpp with n > 1
  std::string extra_body_json = "{}";           // merged into every request and part of the identity

  std::optional<Price> price;   // none: unknown; a run refuses to start with it
  std::int64_t parameters = 0;  // 0: unknown; for compute cost, 2 x parameters x tokens

  int max_concurrency = 64;  // the limiter never goes above it
  int initial_concurrency = 16;
  int max_retries = 5;
  std::int64_t connect_timeout_ms = 10'000;
  std::int64_t timeout_ms = 600'000;  // of one request
  std::int64_t max_reply_bytes = 64 << 20;
};

}  // namespace cope
