#include "cope/sampler/reply_reader.h"

#include <simdjson.h>

#include <cmath>
#include <utility>

#include "cope/sampler/text.h"

namespace cope {
namespace {

constexpr std::size_t kept_parser_bytes =
    1 << 20;                                  // the buffers that a parser keeps are some ten times its longest reply
constexpr double max_tokens_in_usage = 1e12;  // more is a broken server, and would overflow costs

// Where in the reply the reader is.
enum class At : std::uint8_t {
  skip,  // something that nobody asks for, and all below it
  root,
  choices,
  choice,
  message,
  content_list,
  content_part,
  logprobs,
  logprob_list,
  logprob_entry,
  usage,
  prompt_details,
  completion_details,
  error,
};

enum class Key : std::uint8_t {
  other,
  choices,
  usage,
  error,
  error_text,
  error_type,
  error_code,
  index,
  message,
  finish_reason,
  logprobs,
  content,
  reasoning,
  refusal,
  part_type,
  part_text,
  logprob,
  prompt_tokens,
  completion_tokens,
  cached_tokens,
  reasoning_tokens,
  prompt_details,
  completion_details,
};

struct KnownKey {
  At at;
  std::string_view name;
  Key key;
};

constexpr KnownKey known_keys[] = {
    {At::root, "choices", Key::choices},
    {At::root, "usage", Key::usage},
    {At::root, "error", Key::error},
    {At::root, "message", Key::error_text},
    {At::root, "detail", Key::error_text},
    {At::root, "code", Key::error_code},
    {At::choice, "index", Key::index},
    {At::choice, "message", Key::message},
    {At::choice, "finish_reason", Key::finish_reason},
    {At::choice, "logprobs", Key::logprobs},
    {At::message, "content", Key::content},
    {At::message, "reasoning_content", Key::reasoning},
    {At::message, "reasoning", Key::reasoning},
    {At::message, "refusal", Key::refusal},
    {At::content_part, "type", Key::part_type},
    {At::content_part, "text", Key::part_text},
    {At::content_part, "refusal", Key::refusal},
    {At::logprobs, "content", Key::content},
    {At::logprob_entry, "logprob", Key::logprob},
    {At::usage, "prompt_tokens", Key::prompt_tokens},
    {At::usage, "completion_tokens", Key::completion_tokens},
    {At::usage, "prompt_tokens_details", Key::prompt_details},
    {At::usage, "completion_tokens_details", Key::completion_details},
    {At::usage, "prompt_cache_hit_tokens", Key::cached_tokens},
    {At::prompt_details, "cached_tokens", Key::cached_tokens},
    {At::completion_details, "reasoning_tokens", Key::reasoning_tokens},
    {At::error, "message", Key::error_text},
    {At::error, "type", Key::error_type},
    {At::error, "code", Key::error_code},
};

const char* name_of(Key key) {
  switch (key) {
    case Key::choices:
      return "choices";
    case Key::usage:
      return "usage";
    case Key::index:
      return "choices[].index";
    case Key::message:
      return "choices[].message";
    case Key::finish_reason:
      return "choices[].finish_reason";
    case Key::logprobs:
      return "choices[].logprobs";
    case Key::content:
      return "content";
    case Key::reasoning:
      return "message.reasoning_content";
    case Key::refusal:
      return "message.refusal";
    case Key::part_text:
      return "message.content[].text";
    case Key::logprob:
      return "logprobs.content[].logprob";
    case Key::prompt_tokens:
      return "usage.prompt_tokens";
    case Key::completion_tokens:
      return "usage.completion_tokens";
    case Key::cached_tokens:
      return "usage cached_tokens";
    case Key::reasoning_tokens:
      return "usage reasoning_tokens";
    default:
      return "a field";
  }
}

std::string too_deep() { return "the JSON is nested deeper than " + std::to_string(max_reply_depth); }

class Reader {
 public:
  explicit Reader(std::size_t max_choices) : max_choices_(max_choices) {}
  RawReply take() { return std::move(reply_); }

  // --- what tell() calls, in the order of the text; false ends the reading -------------------------------------
  bool boolean() { return at() == At::skip || tolerant() || wrong("a boolean"); }
  bool integer(std::int64_t value) { return number(static_cast<double>(value), value, true); }
  bool real(double value) { return number(value, 0, false); }

  bool string(std::string_view value) {
    switch (at()) {
      case At::skip:
        return true;
      case At::root:
        return root_string(value);
      case At::content_list:
        choice().text += value;
        return true;
      case At::content_part:
        return part_string(value);
      case At::message:
        if (key_ == Key::content)
          choice().text = value;
        else if (key_ == Key::reasoning && !value.empty())
          choice().reasoning = value;
        else if (key_ == Key::refusal)
          choice().refusal = value;
        return true;
      case At::choice:
        if (key_ == Key::finish_reason) choice().finish_reason = value;
        return key_ == Key::finish_reason || key_ == Key::other || wrong("text");
      case At::error:
        if (key_ == Key::error_text)
          reply_.error_message = value;
        else if (key_ == Key::error_type)
          reply_.error_type = value;
        else if (key_ == Key::error_code)
          reply_.error_code = value;
        return true;
      default:
        return tolerant() || wrong("text");
    }
  }

  bool start_object() {
    if (stack_.empty()) return push(At::root);
    switch (at()) {
      case At::root:
        if (key_ == Key::usage) {
          reply_.has_usage = true;
          return push(At::usage);
        }
        if (key_ == Key::error) {
          reply_.has_error = true;
          return push(At::error);
        }
        return key_ == Key::choices ? wrong("an object") : push(At::skip);
      case At::choices:
        if (++reply_.choices_returned > static_cast<std::int64_t>(max_choices_)) return push(At::skip);
        reply_.choices.emplace_back();
        return push(At::choice);
      case At::choice:
        if (key_ == Key::message) {
          choice().has_message = true;
          return push(At::message);
        }
        if (key_ == Key::logprobs) return push(At::logprobs);
        return tolerant() ? push(At::skip) : wrong("an object");
      case At::content_list:
        part_type_.clear();
        part_text_.clear();
        return push(At::content_part);
      case At::logprob_list:
        return push(At::logprob_entry);
      case At::usage:
        if (key_ == Key::prompt_details) return push(At::prompt_details);
        if (key_ == Key::completion_details) return push(At::completion_details);
        return tolerant() ? push(At::skip) : wrong("an object");
      case At::skip:
      case At::error:
        return push(At::skip);
      default:
        return tolerant() ? push(At::skip) : wrong("an object");
    }
  }

  bool end_object() {
    if (at() == At::content_part && (part_type_.empty() || part_type_ == "text" || part_type_ == "output_text")) {
      choice().text += part_text_;
    }
    return pop();
  }

  bool start_array() {
    if (stack_.empty()) {
      reply_.problem = "the reply is a list, not an object";
      return false;
    }
    if (at() == At::root && key_ == Key::choices) {
      reply_.has_choices = true;
      reply_.choices.clear();
      reply_.choices_returned = 0;
      return push(At::choices);
    }
    if (at() == At::message && key_ == Key::content) return push(At::content_list);
    if (at() == At::logprobs && key_ == Key::content) {
      choice().has_logprobs = true;
      return push(At::logprob_list);
    }
    if (at() == At::choices) return wrong("a list inside of choices");
    const bool error_body =
        at() == At::root && (key_ == Key::error || key_ == Key::error_text || key_ == Key::error_code);
    return at() == At::skip || at() == At::error || error_body || tolerant() ? push(At::skip) : wrong("a list");
  }

  bool end_array() { return pop(); }

  bool key(std::string_view name) {
    key_ = Key::other;
    for (const KnownKey& known : known_keys) {
      if (known.at == at() && known.name == name) key_ = known.key;
    }
    return true;
  }

 private:
  At at() const { return stack_.empty() ? At::skip : stack_.back(); }
  RawChoice& choice() { return reply_.choices.back(); }
  // Nobody reads this field, so its type does not matter.
  bool tolerant() const {
    return key_ == Key::other && at() != At::choices && at() != At::content_list && at() != At::logprob_list;
  }

  bool push(At at) {
    if (stack_.size() >= max_reply_depth) {
      reply_.problem = too_deep();
      return false;
    }
    stack_.push_back(at);
    key_ = Key::other;
    return true;
  }

  bool pop() {
    stack_.pop_back();
    key_ = Key::other;
    return true;
  }

  bool wrong(const char* got) {
    const char* where = at() == At::choices        ? "choices[]"
                        : at() == At::content_list ? "message.content[]"
                        : at() == At::logprob_list ? "logprobs.content[]"
                                                   : name_of(key_);
    reply_.problem = std::string(where) + " is " + got;
    return false;
  }

  bool root_string(std::string_view value) {
    if (stack_.empty()) return true;
    if (key_ == Key::error || key_ == Key::error_text) {
      reply_.has_error = reply_.has_error || key_ == Key::error;
      reply_.error_message = value;
    } else if (key_ == Key::error_code) {
      reply_.error_code = value;
    }
    return (key_ != Key::choices && key_ != Key::usage) || wrong("text");
  }

  bool part_string(std::string_view value) {
    if (key_ == Key::part_type)
      part_type_ = value;
    else if (key_ == Key::part_text)
      part_text_ = value;
    else if (key_ == Key::refusal)
      choice().refusal = value;
    return true;
  }

  bool tokens(double value, std::int64_t& into) {
    if (!(value >= 0 && value <= max_tokens_in_usage && value == std::floor(value))) {
      reply_.problem = std::string(name_of(key_)) + " is no count of tokens";
      return false;
    }
    into = static_cast<std::int64_t>(value);
    return true;
  }

  bool number(double value, std::int64_t integer, bool exact) {
    std::int64_t count = 0;
    switch (key_) {
      case Key::other:
        return tolerant() || wrong("a number");
      case Key::index:
        if (exact) choice().index = integer;
        return true;
      case Key::logprob:
        choice().logprob_sum += value;
        ++choice().logprob_tokens;
        return true;
      case Key::error_code:
        if (exact) reply_.error_number = integer;
        return true;
      case Key::prompt_tokens:
        return tokens(value, count) && (reply_.prompt_tokens = count, true);
      case Key::completion_tokens:
        return tokens(value, count) && (reply_.completion_tokens = count, true);
      case Key::cached_tokens:
        return tokens(value, reply_.cached_tokens);
      case Key::reasoning_tokens:
        return tokens(value, reply_.reasoning_tokens);
      default:
        return at() == At::error || wrong("a number");
    }
  }

  const std::size_t max_choices_;
  RawReply reply_;
  std::vector<At> stack_;
  Key key_ = Key::other;
  std::string part_type_;
  std::string part_text_;
};

// Tells the reader what stands in the reply. As deep as the text is nested, which the parser bounds.
bool tell(const simdjson::dom::element value, Reader& reader) {
  using simdjson::dom::element_type;
  switch (value.type()) {
    case element_type::OBJECT:
      if (!reader.start_object()) return false;
      for (const auto [name, inner] : simdjson::dom::object(value)) {
        if (!reader.key(name) || !tell(inner, reader)) return false;
      }
      return reader.end_object();
    case element_type::ARRAY:
      if (!reader.start_array()) return false;
      for (const simdjson::dom::element inner : simdjson::dom::array(value)) {
        if (!tell(inner, reader)) return false;
      }
      return reader.end_array();
    case element_type::STRING:
      return reader.string(std::string_view(value));
    case element_type::INT64:
      return reader.integer(std::int64_t(value));
    case element_type::UINT64:  // beyond int64: no count, index or code
    case element_type::DOUBLE:
      return reader.real(double(value));
    case element_type::BOOL:
      return reader.boolean();
    case element_type::NULL_VALUE:
      return true;
  }
  return true;
}

RawReply read_once(std::string_view body, std::size_t max_choices) {
  thread_local simdjson::dom::parser parser;  // keeps its buffers
  if (parser.capacity() > kept_parser_bytes) parser = simdjson::dom::parser();
  Reader reader(max_choices);
  simdjson::dom::element root;
  if (const auto error = parser.parse(body.data(), body.size(), true).get(root)) {
    RawReply reply;
    reply.problem =
        error == simdjson::DEPTH_ERROR ? too_deep() : std::string("not JSON: ") + simdjson::error_message(error);
    return reply;
  }
  tell(root, reader);
  return reader.take();
}

}  // namespace

RawReply read_reply(std::string_view body, std::size_t max_choices) {
  RawReply reply = read_once(body, max_choices);
  // A character cut in two by the token limit is no reason to lose a reply that was paid for.
  if (!reply.problem.empty() && !is_valid_utf8(body)) reply = read_once(valid_utf8(body), max_choices);
  return reply;
}

}  // namespace cope
