#include "cope/sampler/model.h"

#include <algorithm>
#include <utility>

#include "cope/base/error.h"

namespace cope {
namespace {

Endpoint checked(Endpoint endpoint) {
  const std::string of = " of model '" + endpoint.model + "'";
  if (!endpoint.price)
    throw ConfigError("no price is known for model '" + endpoint.model + "'; give one, or 0 if it is free");
  for (const auto& [value, name] :
       {std::pair{endpoint.max_n, "max_n"}, std::pair{endpoint.max_concurrency, "max_concurrency"},
        std::pair{endpoint.initial_concurrency, "initial_concurrency"}}) {
    if (value < 1) throw ConfigError(name + of + " must be at least 1, got " + std::to_string(value));
  }
  if (endpoint.max_retries < 0) throw ConfigError("max_retries" + of + " must not be negative");
  if (endpoint.timeout_ms < 1 || endpoint.connect_timeout_ms < 1 || endpoint.max_reply_bytes < 1) {
    throw ConfigError("timeout_ms, connect_timeout_ms and max_reply_bytes" + of + " must be positive");
  }
  while (endpoint.base_url.ends_with('/')) endpoint.base_url.pop_back();
  return endpoint;
}

HttpTarget target_of(const Endpoint& endpoint) {
  HttpTarget target;
  target.url = endpoint.base_url + "/chat/completions";
  target.headers = request_headers(endpoint);
  target.connect_timeout_ms = endpoint.connect_timeout_ms;
  target.timeout_ms = endpoint.timeout_ms;
  target.max_reply_bytes = endpoint.max_reply_bytes;
  return target;
}

}  // namespace

std::vector<std::string> request_headers(const Endpoint& endpoint) {
  std::vector<std::string> headers{"Content-Type: application/json", "Accept:", "User-Agent: cope"};
  if (endpoint.api_key.empty()) return headers;
  const std::string& key = endpoint.api_key.reveal();
  if (std::any_of(key.begin(), key.end(), [](char c) { return c < '!' || c > '~'; })) {
    throw ConfigError(
        "the API key of model '" + endpoint.model +
        "' holds a space, a line break or another character that no key has; check the variable that it comes from");
  }
  headers.push_back("Authorization: Bearer " + key);
  return headers;
}

Model::Model(Endpoint the_endpoint, HttpClient& http)
    : endpoint(checked(std::move(the_endpoint))),
      format(endpoint),
      identity(endpoint),
      target(http.add_target(target_of(endpoint))),
      limiter(std::min(endpoint.initial_concurrency, endpoint.max_concurrency), endpoint.max_concurrency) {
  publish();
}

std::optional<std::int64_t> Model::cost(const Usage& usage) const {
  try {
    return cost_pusd(*endpoint.price, usage);
  } catch (const ConfigError&) {  // a count of tokens that no price fits
    return std::nullopt;
  }
}

void Model::count(const ChatReply& reply, int asked) {
  prompt_tokens.fetch_add(reply.usage.prompt_tokens, std::memory_order_relaxed);
  completion_tokens.fetch_add(reply.usage.completion_tokens, std::memory_order_relaxed);
  choices_requested.fetch_add(asked, std::memory_order_relaxed);
  choices_returned.fetch_add(reply.choices_returned, std::memory_order_relaxed);
}

void Model::publish() {
  in_flight.store(limiter.in_flight(), std::memory_order_relaxed);
  concurrency_limit.store(limiter.limit(), std::memory_order_relaxed);
}

EndpointStats Model::stats() const {
  EndpointStats out;
  out.requests_sent = requests_sent.load();
  out.retries = retries.load();
  out.rate_limited = rate_limited.load();
  out.possibly_billed_retries = possibly_billed_retries.load();
  out.in_flight = in_flight.load();
  out.concurrency_limit = concurrency_limit.load();
  out.prompt_tokens = prompt_tokens.load();
  out.completion_tokens = completion_tokens.load();
  out.choices_requested = choices_requested.load();
  out.choices_returned = choices_returned.load();
  return out;
}

}  // namespace cope
