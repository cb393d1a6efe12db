// What is asked of a model, and the identity of each sample that may answer it.
//
//   identity = SHA-256 of canonical JSON {endpoint, extra, index, messages, model, sampling, seed}   (keys sorted, no spaces)
//
// No key, no clock, no port, no retry enters it: the same question has the same identity tomorrow and on another machine.
//
// Thread-safety: values and pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cope/base/digest.h"
#include "cope/sampler/endpoint.h"

namespace cope {

struct Message {
  std::string role;  // system, user, assistant
  std::string content;
  bool operator==(const Message&) const = default;
};

// Every parameter is sent explicitly (as far as the endpoint understands it): servers' defaults are not neutral.
struct Sampling {
  double temperature = 0.0;
  double top_p = 1.0;
  int top_k = 0;  // 0: off
  double min_p = 0.0;
  double repeat_penalty = 1.0;
  double presence_penalty = 0.0;
  double frequency_penalty = 0.0;
  int max_tokens = 512;
  bool logprobs = false;
  bool operator==(const Sampling&) const = default;
};

// One wave of one draw: samples first_index .. first_index + seeds.size() - 1 of the same prompt.
struct DrawRequest {
  int model = 0;  // index into the sampler's endpoints
  std::vector<Message> messages;
  Sampling sampling;
  std::vector<std::int64_t> seeds;  // one a sample
  int first_index = 0;
  std::int64_t priority =
      0;  // lower goes first: the problem's position, so that started problems end before new ones begin
};

// Throws ConfigError for what no endpoint can answer: no messages, no seeds, max_tokens below 1, a parameter that is no finite number.
void check_request(const DrawRequest& request);

Digest sample_identity(const Endpoint& endpoint, const DrawRequest& request, std::size_t which);

// The same for whole waves of one endpoint: what the samples share is written once. Constant after construction.
class IdentityFormat {
 public:
  explicit IdentityFormat(const Endpoint& endpoint);  // throws ConfigError for an extra_body that is no JSON object
  std::vector<Digest> identities(const DrawRequest& request) const;  // in order

 private:
  std::string head_;
  std::string model_;
};

}  // namespace cope
