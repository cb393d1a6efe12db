#include "cope/sampler/request.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "cope/base/error.h"
#include "cope/sampler/json_text.h"

namespace cope {
namespace {

double plain(double value) { return value == 0.0 ? 0.0 : value; }  // -0.0 and 0.0 ask the same

std::string head_of(const Endpoint& endpoint) {
  using nlohmann::json;  // std::map underneath: keys come out sorted
  const json extra = json::parse(endpoint.extra_body_json, nullptr, /*allow_exceptions=*/false);
  if (!extra.is_object()) throw ConfigError("extra_body of model '" + endpoint.model + "' must be a JSON object");
  std::string head = "{\"endpoint\":";
  append_quoted(head, endpoint.stable_name);
  head.append(",\"extra\":").append(extra.dump(-1, ' ', false, json::error_handler_t::replace));
  return head.append(",\"index\":");
}

// Between the index and the seed.
std::string middle_of(const std::string& model, const DrawRequest& request) {
  std::string middle = ",\"messages\":[";
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    middle += i == 0 ? "{\"content\":" : ",{\"content\":";
    append_quoted(middle, request.messages[i].content);
    middle += ",\"role\":";
    append_quoted(middle, request.messages[i].role);
    middle += '}';
  }
  middle += "],\"model\":";
  append_quoted(middle, model);
  const Sampling& sampling = request.sampling;
  const auto real = [&](std::string_view name, double value) { append_number(middle.append(name), plain(value)); };
  real(",\"sampling\":{\"frequency_penalty\":", sampling.frequency_penalty);
  middle.append(",\"logprobs\":").append(sampling.logprobs ? "true" : "false");
  middle.append(",\"max_tokens\":").append(std::to_string(sampling.max_tokens));
  real(",\"min_p\":", sampling.min_p);
  real(",\"presence_penalty\":", sampling.presence_penalty);
  real(",\"repeat_penalty\":", sampling.repeat_penalty);
  real(",\"temperature\":", sampling.temperature);
  middle.append(",\"top_k\":").append(std::to_string(sampling.top_k));
  real(",\"top_p\":", sampling.top_p);
  return middle.append("},\"seed\":");
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

IdentityFormat::IdentityFormat(const Endpoint& endpoint) : head_(head_of(endpoint)), model_(endpoint.model) {}

std::vector<Digest> IdentityFormat::identities(const DrawRequest& request) const {
  const std::string middle = middle_of(model_, request);
  std::vector<Digest> identities;
  identities.reserve(request.seeds.size());
  std::string text;
  for (std::size_t which = 0; which < request.seeds.size(); ++which) {
    const std::int64_t index = request.first_index + static_cast<std::int64_t>(which);
    text.assign(head_)
        .append(std::to_string(index))
        .append(middle)
        .append(std::to_string(request.seeds[which]))
        .append("}");
    identities.push_back(sha256(text));
  }
  return identities;
}

Digest sample_identity(const Endpoint& endpoint, const DrawRequest& request, std::size_t which) {
  DrawRequest one = request;
  one.seeds = {request.seeds.at(which)};
  one.first_index = request.first_index + static_cast<int>(which);
  return IdentityFormat(endpoint).identities(one)[0];
}

}  // namespace cope
