#include "cope/sampler/request.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "cope/base/error.h"
#include "cope/sampler/text.h"

namespace cope {
namespace {

using nlohmann::json;  // std::map underneath: keys come out sorted

std::string dumped(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

double plain(double value) { return value == 0.0 ? 0.0 : value; }  // -0.0 and 0.0 ask the same

json sampling_json(const Sampling& sampling) {
  return {{"frequency_penalty", plain(sampling.frequency_penalty)},
          {"logprobs", sampling.logprobs},
          {"max_tokens", sampling.max_tokens},
          {"min_p", plain(sampling.min_p)},
          {"presence_penalty", plain(sampling.presence_penalty)},
          {"repeat_penalty", plain(sampling.repeat_penalty)},
          {"temperature", plain(sampling.temperature)},
          {"top_k", sampling.top_k},
          {"top_p", plain(sampling.top_p)}};
}

// The canonical text is head + index + middle + seed + tail: the long part, the messages, is written once for a whole wave.
struct CanonicalParts {
  std::string head;
  std::string middle;
};

CanonicalParts parts_of(const Endpoint& endpoint, const DrawRequest& request) {
  const json extra = json::parse(endpoint.extra_body_json, nullptr, /*allow_exceptions=*/false);
  if (!extra.is_object()) throw ConfigError("extra_body of model '" + endpoint.model + "' must be a JSON object");
  json messages = json::array();
  for (const Message& message : request.messages)
    messages.push_back({{"content", message.content}, {"role", message.role}});
  CanonicalParts parts;
  parts.head = "{\"endpoint\":" + dumped(endpoint.stable_name) + ",\"extra\":" + dumped(extra) + ",\"index\":";
  parts.middle = ",\"messages\":" + dumped(messages) + ",\"model\":" + dumped(endpoint.model) +
                 ",\"sampling\":" + dumped(sampling_json(request.sampling)) + ",\"seed\":";
  return parts;
}

Digest identity_of(const CanonicalParts& parts, const DrawRequest& request, std::size_t which) {
  const std::int64_t index = request.first_index + static_cast<std::int64_t>(which);
  return sha256(parts.head + std::to_string(index) + parts.middle + std::to_string(request.seeds.at(which)) + "}");
}

}  // namespace

void check_request(const DrawRequest& request) {
  const Sampling& sampling = request.sampling;
  if (request.messages.empty()) throw ConfigError("messages must hold at least one message, got none");
  if (request.seeds.empty()) throw ConfigError("n must be at least 1, got 0");
  if (sampling.max_tokens < 1)
    throw ConfigError("max_tokens must be at least 1, got " + std::to_string(sampling.max_tokens));
  for (const double value : {sampling.temperature, sampling.top_p, sampling.min_p, sampling.repeat_penalty,
                             sampling.presence_penalty, sampling.frequency_penalty}) {
    if (!std::isfinite(value))
      throw ConfigError("every sampling parameter must be a finite number, got " + std::to_string(value));
  }
}

Digest sample_identity(const Endpoint& endpoint, const DrawRequest& request, std::size_t which) {
  return identity_of(parts_of(endpoint, request), request, which);
}

std::vector<Digest> sample_identities(const Endpoint& endpoint, const DrawRequest& request) {
  const CanonicalParts parts = parts_of(endpoint, request);
  std::vector<Digest> identities;
  identities.reserve(request.seeds.size());
  for (std::size_t which = 0; which < request.seeds.size(); ++which)
    identities.push_back(identity_of(parts, request, which));
  return identities;
}

}  // namespace cope
