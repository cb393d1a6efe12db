// check_endpoint(): asks GET {base_url}/models before anything is spent.
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "cope/base/error.h"
#include "cope/sampler/http_client.h"
#include "cope/sampler/model.h"
#include "cope/sampler/sampler.h"
#include "cope/sampler/text.h"

namespace cope {
namespace {

using nlohmann::json;

constexpr std::int64_t max_list_bytes = 8 << 20;
constexpr std::size_t names_shown = 12;

// GET without a body, else POST.
HttpReply ask(const Endpoint& endpoint, std::string_view path, const std::string& body, std::int64_t timeout_ms,
              const std::string& ca_bundle) {
  HttpClient http({.max_connections = 1, .ca_bundle = ca_bundle});
  HttpTarget target;
  target.url = endpoint.base_url;
  while (target.url.ends_with('/')) target.url.pop_back();
  target.url += path;
  target.headers = request_headers(endpoint);
  target.get = body.empty();
  target.connect_timeout_ms = std::min(endpoint.connect_timeout_ms, timeout_ms);
  target.timeout_ms = timeout_ms;
  target.max_reply_bytes = max_list_bytes;
  HttpReply reply;
  http.post(http.add_target(target), body, [&](HttpReply got) { reply = std::move(got); });
  while (http.in_flight() > 0) http.step(1000);
  return reply;
}

// The names that an OpenAI-style list holds; none where it is no such list.
std::optional<std::vector<std::string>> names_in(const std::string& body) {
  const auto bounded = [](int depth, json::parse_event_t, json&) {
    return depth < 16;
  };  // deeper parts are dropped as they are read
  const json list = json::parse(body, bounded, /*allow_exceptions=*/false);
  if (!list.is_object() || !list.contains("data") || !list["data"].is_array()) return std::nullopt;
  std::vector<std::string> names;
  for (const json& entry : list["data"]) {
    if (entry.is_object() && entry.contains("id") && entry["id"].is_string())
      names.push_back(entry["id"].get<std::string>());
  }
  return names;
}

// `gemini-pro` where the list says `models/gemini-pro`, `llama3` where it says `llama3:latest`.
bool same_model(const std::string& listed, const std::string& asked) {
  return listed == asked || listed == "models/" + asked || listed == asked + ":latest";
}

std::string listing(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < names_shown; ++i)
    out += (i == 0 ? "" : ", ") + one_line(names[i], 80);
  if (names.size() > names_shown) out += " and " + std::to_string(names.size() - names_shown) + " more";
  return out;
}

}  // namespace

void check_endpoint(const Endpoint& endpoint, std::int64_t timeout_ms, const std::string& ca_bundle) {
  timeout_ms = std::max<std::int64_t>(timeout_ms, 1);
  const HttpReply reply = ask(endpoint, "/models", "", timeout_ms, ca_bundle);
  const std::string where = printable_url(endpoint.base_url);
  EndpointReply kept;
  kept.status_code = reply.status;
  kept.request_id = one_line(redact(reply.headers.request_id, endpoint.api_key), 200);
  kept.body = redact(valid_utf8(std::string_view(reply.body).substr(0, max_kept_body_bytes)), endpoint.api_key);
  if (kept.body.size() > max_kept_body_bytes) kept.body.resize(max_kept_body_bytes);
  const std::string said = kept.body.empty() ? "" : ": " + one_line(kept.body, 200);

  switch (reply.failure) {
    case HttpFailure::none:
      break;
    case HttpFailure::timeout:
      throw APITimeoutError("model '" + endpoint.model + "': " + where + " did not answer within " +
                                std::to_string(timeout_ms) + " ms; is the server still loading, or behind a proxy?",
                            kept);
    case HttpFailure::not_http:
    case HttpFailure::too_large:
      throw APIConnectionError("model '" + endpoint.model + "': what listens at " + where +
                                   " does not speak the OpenAI protocol (" + reply.error +
                                   "); check base_url and its port",
                               kept);
    default:
      throw APIConnectionError("model '" + endpoint.model + "': nobody answers at " + where + " (" + reply.error +
                                   "); is the server running, and are base_url, its port and the network right?",
                               kept);
  }
  if (reply.status == 401 || reply.status == 403) {
    throw AuthenticationError("model '" + endpoint.model + "': " + where + " refused the " +
                                  (endpoint.api_key.empty() ? "request without an API key" : "API key") + " (HTTP " +
                                  std::to_string(reply.status) + "); set the right key for this service" + said,
                              kept);
  }
  if (reply.status == 429)
    throw RateLimitError("model '" + endpoint.model + "': " + where + " limits requests now; try again later" + said,
                         kept);
  if (reply.status >= 500) {
    throw APIConnectionError("model '" + endpoint.model + "': " + where + " is there, but answers HTTP " +
                                 std::to_string(reply.status) + said,
                             kept);
  }
  if (reply.status >= 300 && reply.status < 400) {
    throw BadRequestError("model '" + endpoint.model + "': " + where + " redirects to '" +
                              printable_url(reply.headers.location) +
                              "'; redirects are not followed with a key, so set base_url to the final address",
                          kept);
  }
  if (reply.status == 404 || reply.status == 405) {
    // Some servers have no list. An empty object asks for nothing and is refused as such, unless the path itself is unknown.
    const HttpReply probe = ask(endpoint, "/chat/completions", "{}", timeout_ms, ca_bundle);
    if (probe.failure != HttpFailure::none || probe.status != 404) return;
    throw BadRequestError(
        "model '" + endpoint.model + "': " + where +
            " has neither /models nor /chat/completions; base_url is probably wrong (most end in /v1)" + said,
        kept);
  }
  if (reply.status >= 400)
    throw BadRequestError(
        "model '" + endpoint.model + "': " + where + " answers HTTP " + std::to_string(reply.status) + said, kept);
  const auto names = names_in(reply.body);
  if (!names) {
    throw BadRequestError(
        "model '" + endpoint.model + "': " + where +
            "/models does not answer with a list of models; base_url is probably wrong (most end in /v1)" + said,
        kept);
  }
  if (names->empty() ||
      std::any_of(names->begin(), names->end(), [&](const auto& name) { return same_model(name, endpoint.model); }))
    return;
  throw BadRequestError("model '" + endpoint.model + "' is unknown to " + where + ", which lists: " + listing(*names),
                        kept);
}

}  // namespace cope
