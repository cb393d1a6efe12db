#include "cope/sampler/chat.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cope/base/error.h"
#include "cope/sampler/json_text.h"
#include "cope/sampler/reply_reader.h"
#include "cope/sampler/text.h"

namespace cope {
namespace {

using nlohmann::json;

constexpr std::size_t excerpt_bytes = 120;

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// Servers name a prompt that does not fit in different ways: llama.cpp by type, OpenAI by code, vLLM in words only.
bool is_context_overflow(const RawReply& raw) {
  return raw.error_type == "exceed_context_size_error" || raw.error_code == "context_length_exceeded" ||
         contains(raw.error_message, "maximum context length") || contains(raw.error_message, "context window") ||
         contains(raw.error_message, "context size") || contains(raw.error_message, "context length");
}

SampleError error_of_status(int status) {
  if (status == 401 || status == 403) return SampleError::authentication;
  if (status == 429) return SampleError::rate_limited;
  if (status >= 500) return SampleError::server;
  if (status == 408) return SampleError::timeout;
  if (status == 409) return SampleError::server;
  // A redirect is not followed, so that the key stays where it belongs: the base URL is wrong.
  if (status == 404 || status == 405 || status == 410 || (status >= 300 && status < 400)) return SampleError::not_found;
  return SampleError::bad_request;
}

// Splits `total` over the choices by weight, so that the parts add up exactly.
std::vector<std::int64_t> shares(std::int64_t total, const std::vector<std::int64_t>& weights) {
  std::vector<std::int64_t> parts(weights.size(), 0);
  const double sum = static_cast<double>(std::accumulate(weights.begin(), weights.end(), std::int64_t{0}));
  std::int64_t given = 0;
  std::int64_t before = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    before += weights[i];
    const double until =
        sum == 0 ? static_cast<double>(i + 1) / static_cast<double>(weights.size()) : static_cast<double>(before) / sum;
    const std::int64_t reached = i + 1 == weights.size()
                                     ? total
                                     : std::min(total, static_cast<std::int64_t>(static_cast<double>(total) * until));
    parts[i] = reached - given;
    given = reached;
  }
  return parts;
}

// The completion tokens of each choice, and whether a count had to be estimated (endpoints.md: with n > 1 a server may count one choice only).
struct Completions {
  std::vector<std::int64_t> tokens;
  bool estimated = false;
};

Completions completions_of(const RawReply& raw, const Endpoint& endpoint, const Sampling& sampling) {
  const std::int64_t reported = *raw.completion_tokens;
  const std::size_t count = raw.choices.size();
  if (raw.choices_returned <= 1) return {{reported}, false};
  std::vector<std::int64_t> entries(count);
  std::vector<std::int64_t> bytes(count);
  for (std::size_t i = 0; i < count; ++i) {
    entries[i] = raw.choices[i].logprob_tokens;
    bytes[i] = static_cast<std::int64_t>(raw.choices[i].text.size() + raw.choices[i].reasoning.size());
  }
  const bool all_have_entries = std::all_of(entries.begin(), entries.end(), [](std::int64_t n) { return n > 0; });
  const std::int64_t entry_sum = std::accumulate(entries.begin(), entries.end(), std::int64_t{0});
  if (all_have_entries && (endpoint.usage_counts_one_choice || entry_sum > reported)) return {entries, false};
  if (!endpoint.usage_counts_one_choice) return {shares(reported, all_have_entries ? entries : bytes), false};
  // The reported count is the first choice's; the others are estimated by its tokens a byte, never beyond what was allowed.
  Completions out{std::vector<std::int64_t>(count), true};
  const double per_byte = bytes[0] > 0 ? static_cast<double>(reported) / static_cast<double>(bytes[0]) : 0.5;
  for (std::size_t i = 0; i < count; ++i) {
    const auto guess = static_cast<std::int64_t>(std::ceil(per_byte * static_cast<double>(bytes[i])));
    const std::int64_t most = std::max<std::int64_t>(sampling.max_tokens, reported);
    out.tokens[i] = raw.choices[i].finish_reason == "length" ? most : std::min(guess, most);
  }
  out.tokens[0] = reported;
  return out;
}

// The usage of the whole reply, and each choice's share of it; the prompt is the first choice's.
void share_usage(const RawReply& raw, const Endpoint& endpoint, const Sampling& sampling, ChatReply& reply) {
  if (!raw.has_usage || !raw.prompt_tokens || !raw.completion_tokens) return;
  Usage& total = reply.usage;
  total.known = true;
  total.prompt_tokens = *raw.prompt_tokens;
  total.cached_prompt_tokens = std::min(raw.cached_tokens, total.prompt_tokens);
  total.completion_tokens = *raw.completion_tokens;
  total.reasoning_tokens = std::min(raw.reasoning_tokens, total.completion_tokens);
  if (raw.choices.empty()) return;
  const Completions completions = completions_of(raw, endpoint, sampling);
  total.estimated = completions.estimated;
  total.completion_tokens = std::accumulate(completions.tokens.begin(), completions.tokens.end(), std::int64_t{0});
  const std::vector<std::int64_t> reasoning = shares(total.reasoning_tokens, completions.tokens);
  for (std::size_t i = 0; i < reply.choices.size(); ++i) {
    Usage& usage = reply.choices[i].usage;
    usage.known = true;
    usage.estimated = completions.estimated && i > 0;
    usage.completion_tokens = completions.tokens[i];
    usage.reasoning_tokens = std::min(reasoning[i], completions.tokens[i]);
  }
  reply.choices[0].usage.prompt_tokens = total.prompt_tokens;
  reply.choices[0].usage.cached_prompt_tokens = total.cached_prompt_tokens;
}

void fill_choice(RawChoice& raw, const Sampling& sampling, ChatChoice& choice) {
  choice.text = std::move(raw.text);
  choice.reasoning = std::move(raw.reasoning);
  choice.finish_reason = std::move(raw.finish_reason);
  choice.logprob_tokens = raw.logprob_tokens;
  if (raw.logprob_tokens > 0) choice.mean_logprob = raw.logprob_sum / raw.logprob_tokens;
  if (!raw.refusal.empty() || choice.finish_reason == "content_filter") {
    choice.error = SampleError::refused;
    choice.error_message =
        raw.refusal.empty() ? "the endpoint's content filter withheld the answer" : one_line(raw.refusal);
  } else if (sampling.logprobs && raw.logprob_tokens == 0 && !(raw.has_logprobs && choice.text.empty())) {
    choice.error = SampleError::no_logprobs;
    choice.error_message =
        "this endpoint returns no logprobs; use a gate that needs none, or a server that returns them";
  }
}

// Choices come in any order; their index counts only where the indices are a permutation of 0 .. m - 1 (some servers send 0 for all).
void order_by_index(std::vector<RawChoice>& choices) {
  std::vector<bool> seen(choices.size(), false);
  for (const RawChoice& choice : choices) {
    const std::int64_t index = choice.index.value_or(-1);
    if (index < 0 || index >= static_cast<std::int64_t>(choices.size()) || seen[static_cast<std::size_t>(index)])
      return;
    seen[static_cast<std::size_t>(index)] = true;
  }
  std::sort(choices.begin(), choices.end(), [](const RawChoice& a, const RawChoice& b) { return *a.index < *b.index; });
}

}  // namespace

ChatFormat::ChatFormat(const Endpoint& endpoint) : endpoint_(endpoint) {
  const json extra = json::parse(endpoint.extra_body_json, nullptr, /*allow_exceptions=*/false);
  if (!extra.is_object()) throw ConfigError("extra_body of model '" + endpoint.model + "' must be a JSON object");
  for (const auto& [name, value] : extra.items()) {
    for (const char* own : {"model", "messages", "n", "n_cmpl", "seed", "stream", "max_tokens", "max_completion_tokens",
                            "logprobs", "top_logprobs"}) {
      if (name == own) {
        throw ConfigError("extra_body of model '" + endpoint.model + "' may not set '" + name +
                          "': it is part of what every request says");
      }
    }
    extra_names_.push_back(name);
    extra_text_ += ',';
    append_quoted(extra_text_, name);
    extra_text_.append(":").append(value.dump(-1, ' ', false, json::error_handler_t::replace));
  }
}

std::string ChatFormat::body(const DrawRequest& request, std::size_t first, int n) const {
  std::string out = "{\"model\":";
  append_quoted(out, endpoint_.model);
  out += ",\"messages\":[";
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    out += i == 0 ? "{\"role\":" : ",{\"role\":";
    append_quoted(out, request.messages[i].role);
    out += ",\"content\":";
    append_quoted(out, request.messages[i].content);
    out += '}';
  }
  out += "],\"stream\":false";
  const auto named = [&](std::string_view name) {
    if (std::find(extra_names_.begin(), extra_names_.end(), name) != extra_names_.end()) return false;
    out.append(",\"").append(name).append("\":");
    return true;
  };
  const auto whole = [&](std::string_view name, std::int64_t value) {
    if (named(name)) out += std::to_string(value);
  };
  const auto real = [&](std::string_view name, double value) {
    if (named(name)) append_number(out, value);
  };
  const Sampling& sampling = request.sampling;
  if (endpoint_.max_n > 1) whole("n", n);
  whole(endpoint_.max_tokens_field, sampling.max_tokens);
  if (endpoint_.sends_seed) whole("seed", request.seeds.at(first));
  if (endpoint_.sends_sampling) {
    real("temperature", sampling.temperature);
    real("top_p", sampling.top_p);
    real("presence_penalty", sampling.presence_penalty);
    real("frequency_penalty", sampling.frequency_penalty);
  }
  if (endpoint_.extended_sampling) {
    whole("top_k", sampling.top_k);
    real("min_p", sampling.min_p);
    real("repeat_penalty", sampling.repeat_penalty);      // llama.cpp
    real("repetition_penalty", sampling.repeat_penalty);  // vLLM; both ignore the other's name
  }
  if (sampling.logprobs) {
    out += ",\"logprobs\":true";
    if (endpoint_.top_logprobs > 0) whole("top_logprobs", endpoint_.top_logprobs);
  }
  return out.append(extra_text_).append("}");
}

ChatReply ChatFormat::read_failure(int status, const RawReply& raw, std::string_view text) const {
  ChatReply reply;
  reply.status = status;
  if (status < 300 && raw.error_number && *raw.error_number >= 300 && *raw.error_number < 600) {
    reply.status = static_cast<int>(*raw.error_number);  // gateways wrap errors into a 200
  }
  reply.error = reply.status < 300 ? SampleError::server : error_of_status(reply.status);
  const bool request_fault = reply.error == SampleError::bad_request || reply.error == SampleError::server;
  if (request_fault && is_context_overflow(raw)) reply.error = SampleError::context_length;
  if (request_fault && (raw.error_code == "content_filter" || raw.error_type == "content_filter"))
    reply.error = SampleError::refused;
  if (raw.error_code == "model_not_found") reply.error = SampleError::not_found;
  reply.final = raw.error_code == "insufficient_quota" || raw.error_type == "insufficient_quota";
  const std::string_view said =
      raw.error_message.empty() ? text.substr(0, max_kept_body_bytes) : std::string_view(raw.error_message);
  reply.error_message = "HTTP " + std::to_string(reply.status) + " from " + printable_url(endpoint_.base_url);
  const std::string words = one_line(redact(said, endpoint_.api_key), max_message_bytes - 150);
  if (!words.empty()) reply.error_message += ": " + words;
  return reply;
}

ChatReply ChatFormat::read(int status, std::string_view text, const Sampling& sampling, int asked) const {
  RawReply raw = read_reply(text, static_cast<std::size_t>(std::max(asked, 0)));
  if (status < 200 || status >= 300) return read_failure(status, raw, text);
  const bool names_error = raw.has_error && (!raw.error_message.empty() || raw.error_number || !raw.error_type.empty());
  if (raw.problem.empty() && names_error && !raw.has_choices) return read_failure(status, raw, text);
  ChatReply reply;
  reply.status = status;
  if (raw.problem.empty() && !raw.has_choices) raw.problem = "there are no choices";
  for (const RawChoice& choice : raw.choices) {
    if (raw.problem.empty() && !choice.has_message) raw.problem = "a choice has no message";
  }
  if (!raw.problem.empty()) {
    reply.error = SampleError::malformed;
    reply.error_message = "the reply of " + printable_url(endpoint_.base_url) + " is not a chat completion: ";
    reply.error_message += text.empty() ? "it is empty" : raw.problem;
    if (!text.empty()) {
      reply.error_message +=
          " (it begins: " + one_line(redact(text.substr(0, max_kept_body_bytes), endpoint_.api_key), excerpt_bytes) +
          ")";
    }
    return reply;
  }
  order_by_index(raw.choices);
  reply.choices_returned = raw.choices_returned;
  reply.choices.resize(raw.choices.size());
  share_usage(raw, endpoint_, sampling, reply);  // weighs the texts, so before they are moved
  for (std::size_t i = 0; i < raw.choices.size(); ++i) {
    fill_choice(raw.choices[i], sampling, reply.choices[i]);
    hide_key(reply.choices[i].text, endpoint_.api_key);
    hide_key(reply.choices[i].reasoning, endpoint_.api_key);
    reply.choices[i].error_message = redact(reply.choices[i].error_message, endpoint_.api_key);
  }
  return reply;
}

std::int64_t ChatFormat::most_reply_bytes(const DrawRequest& request, int n) const {
  constexpr std::int64_t frame = 1 << 20;  // everything but texts: usage, timings, filters
  constexpr std::int64_t token = 1024;     // the longest are runs of some hundred blanks
  constexpr std::int64_t alternative = 1024;
  const std::int64_t alternatives = request.sampling.logprobs ? 1 + endpoint_.top_logprobs : 0;
  return frame + static_cast<std::int64_t>(n) * request.sampling.max_tokens * (token + alternatives * alternative);
}

std::string ChatFormat::printable_base_url() const { return printable_url(endpoint_.base_url); }

std::int64_t ChatFormat::worst_case_pusd(const DrawRequest& request, int n) const {
  if (!endpoint_.price || endpoint_.price->free()) return 0;
  Usage usage;
  usage.known = true;
  usage.prompt_tokens = static_cast<std::int64_t>(extra_text_.size());  // tools and the like are prompt too
  for (const Message& message : request.messages) {
    const std::size_t bytes =
        is_valid_utf8(message.content) ? message.content.size() : valid_utf8(message.content).size();
    usage.prompt_tokens += static_cast<std::int64_t>(bytes) + 64;
  }
  usage.completion_tokens = static_cast<std::int64_t>(request.sampling.max_tokens) * n;
  Price price;
  price.input_pusd = std::max(endpoint_.price->input_pusd, endpoint_.price->cached_input_pusd);
  price.output_pusd = std::max(endpoint_.price->output_pusd, endpoint_.price->reasoning_pusd);
  return cost_pusd(price, usage).value_or(0);
}

}  // namespace cope
