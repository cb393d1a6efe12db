#include "cope/run/spec.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cope/base/error.h"

namespace cope {

namespace {

using nlohmann::json;

json parse(std::string_view text, const char* what) {
  json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) throw ConfigError(std::string(what) + " is not valid JSON");
  return value;
}

// Reads fields of one object and names the path of what is missing or of the wrong type.
class Reader {
 public:
  Reader(const json& object, std::string path) : object_(object), path_(std::move(path)) {
    if (!object.is_object()) throw ConfigError(path_ + ": expected an object");
  }

  template <class T>
  T get(const char* name) const {
    const auto found = object_.find(name);
    if (found == object_.end()) throw ConfigError(path_ + "." + name + " is missing");
    return convert<T>(*found, name);
  }
  template <class T>
  T get(const char* name, T fallback) const {
    const auto found = object_.find(name);
    return found == object_.end() ? std::move(fallback) : convert<T>(*found, name);
  }
  const json& at(const char* name) const {
    const auto found = object_.find(name);
    if (found == object_.end()) throw ConfigError(path_ + "." + name + " is missing");
    return *found;
  }
  const json* find(const char* name) const {
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }
  std::string path(const char* name) const { return path_ + "." + name; }

  template <class Enum, std::size_t count>
  Enum choice(const char* name, const std::pair<const char*, Enum> (&choices)[count]) const {
    const auto text = get<std::string>(name);
    std::string expected;
    for (const auto& [label, value] : choices) {
      if (text == label) return value;
      expected += (expected.empty() ? "'" : ", '") + std::string(label) + "'";
    }
    throw ConfigError(path_ + "." + name + ": expected one of " + expected + ", got '" + text + "'");
  }

 private:
  template <class T>
  T convert(const json& value, const char* name) const {
    bool fits = false;
    if constexpr (std::is_same_v<T, bool>) {
      fits = value.is_boolean();
    } else if constexpr (std::is_integral_v<T>) {
      fits =
          value.is_number_integer() && value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
    } else if constexpr (std::is_floating_point_v<T>) {
      fits = value.is_number();
    } else {
      fits = value.is_string();
    }
    if (!fits)
      throw ConfigError(path_ + "." + name + " has the wrong type or is out of range: " + value.dump().substr(0, 80));
    return value.get<T>();
  }

  const json& object_;
  std::string path_;
};

const json& array(const Reader& reader, const char* name) {
  const json& value = reader.at(name);
  if (!value.is_array()) throw ConfigError(reader.path(name) + ": expected a list");
  return value;
}

Gate read_gate(const Reader& in) {
  static constexpr std::pair<const char*, Gate::Measure> measures[] = {
      {"always", Gate::Measure::always},         {"consensus", Gate::Measure::consensus},
      {"agreement", Gate::Measure::agreement},   {"passed", Gate::Measure::passed},
      {"perplexity", Gate::Measure::perplexity}, {"score", Gate::Measure::score},
      {"custom", Gate::Measure::custom}};
  static constexpr std::pair<const char*, Gate::Comparison> comparisons[] = {{">", Gate::Comparison::greater},
                                                                             {">=", Gate::Comparison::greater_equal},
                                                                             {"<", Gate::Comparison::less},
                                                                             {"<=", Gate::Comparison::less_equal}};
  static constexpr std::pair<const char*, Gate::Denominator> denominators[] = {
      {"k", Gate::Denominator::k}, {"answered", Gate::Denominator::answered}};
  Gate gate;
  gate.measure = in.choice("measure", measures);
  gate.draw = in.get<int>("draw");
  gate.other_draw = in.get<int>("other_draw", -1);
  gate.comparison = in.choice("comparison", comparisons);
  gate.denominator = in.choice("denominator", denominators);
  const json& threshold = array(in, "threshold");
  if (threshold.size() != 2 || !threshold[0].is_number_integer() || !threshold[1].is_number_integer()) {
    throw ConfigError(in.path("threshold") + ": expected [numerator, denominator] in integers");
  }
  gate.threshold = Rational{threshold[0].get<std::int64_t>(), threshold[1].get<std::int64_t>()};
  return gate;
}

Draw read_draw(const Reader& in) {
  static constexpr std::pair<const char*, Given::Pick> picks[] = {
      {"each", Given::Pick::each}, {"carried", Given::Pick::carried}, {"sample", Given::Pick::sample}};
  Draw draw;
  draw.name = in.get<std::string>("name");
  draw.stage = in.get<int>("stage");
  draw.n = in.get<int>("n");
  draw.plan = in.get<bool>("plan", false);
  for (const json& item : array(in, "given")) {
    const Reader given(item, in.path("given[]"));
    draw.given.push_back(Given{given.get<std::string>("field"), given.get<int>("draw"), given.choice("pick", picks),
                               given.get<int>("sample", 0)});
  }
  return draw;
}

Cascade read_cascade(const json& value) {
  const Reader in(value, "cascade");
  Cascade cascade;
  cascade.name = in.get<std::string>("name");
  cascade.early_stop = in.get<bool>("early_stop", true);
  cascade.exhaustive = in.get<bool>("exhaustive", false);
  std::size_t index = 0;
  for (const json& item : array(in, "stages")) {
    const Reader stage(item, "cascade.stages[" + std::to_string(index++) + "]");
    cascade.stages.push_back(
        Stage{stage.get<std::string>("name"), read_gate(Reader(stage.at("gate"), stage.path("gate")))});
  }
  index = 0;
  for (const json& item : array(in, "draws")) {
    cascade.draws.push_back(read_draw(Reader(item, "cascade.draws[" + std::to_string(index++) + "]")));
  }
  validate(cascade);
  return cascade;
}

Sampling read_sampling(const Reader& in) {
  Sampling sampling;
  sampling.temperature = in.get<double>("temperature");
  sampling.top_p = in.get<double>("top_p", sampling.top_p);
  sampling.top_k = in.get<int>("top_k", sampling.top_k);
  sampling.min_p = in.get<double>("min_p", sampling.min_p);
  sampling.repeat_penalty = in.get<double>("repeat_penalty", sampling.repeat_penalty);
  sampling.presence_penalty = in.get<double>("presence_penalty", sampling.presence_penalty);
  sampling.frequency_penalty = in.get<double>("frequency_penalty", sampling.frequency_penalty);
  sampling.max_tokens = in.get<int>("max_tokens");
  sampling.logprobs = in.get<bool>("logprobs", false);
  if (!(sampling.temperature >= 0.0)) throw ConfigError(in.path("temperature") + " must be at least 0");
  if (sampling.max_tokens < 1) throw ConfigError(in.path("max_tokens") + " must be at least 1");
  return sampling;
}

ProgramOfThought read_program(const Reader& in) {
  ProgramOfThought program;
  program.result_name = in.get<std::string>("result");
  program.prelude = in.get<std::string>("prelude", "");
  program.wall_ms = in.get<int>("wall_ms", program.wall_ms);
  if (const json* frozen = in.find("frozen_unix_s"); frozen != nullptr && !frozen->is_null())
    program.frozen_unix_s = in.get<std::int64_t>("frozen_unix_s");
  if (program.result_name.empty())
    throw ConfigError(in.path("result") + " is empty; programs leave their answer in a name such as 'ans'");
  if (program.wall_ms < 1) throw ConfigError(in.path("wall_ms") + " must be at least 1");
  return program;
}

ProgramSettings read_programs(const Reader& in) {
  static constexpr std::pair<const char*, sandbox::Isolation> isolations[] = {{"full", sandbox::Isolation::full},
                                                                              {"reduced", sandbox::Isolation::reduced}};
  ProgramSettings settings;
  settings.interpreter = in.get<std::string>("interpreter");
  settings.isolation = in.choice("isolation", isolations);
  settings.workers = in.get<int>("workers", 0);
  sandbox::Limits& limits = settings.limits;
  limits.wall_ms = in.get<int>("wall_ms", limits.wall_ms);
  limits.cpu_ms = in.get<int>("cpu_ms", limits.cpu_ms);
  limits.memory_bytes = in.get<std::int64_t>("memory_bytes", limits.memory_bytes);
  limits.output_bytes = in.get<std::int64_t>("output_bytes", limits.output_bytes);
  limits.file_bytes = in.get<std::int64_t>("file_bytes", limits.file_bytes);
  limits.check();
  if (settings.workers < 0) throw ConfigError(in.path("workers") + " must be at least 0");
  return settings;
}

DrawSettings read_settings(const Reader& in, std::size_t models) {
  DrawSettings settings;
  settings.model = in.get<int>("model");
  if (settings.model < 0 || static_cast<std::size_t>(settings.model) >= models) {
    throw ConfigError(in.path("model") + ": there is no model " + std::to_string(settings.model));
  }
  const Reader prompt(in.at("prompt"), in.path("prompt"));
  for (const json& item : array(prompt, "messages")) {
    const Reader message(item, prompt.path("messages[]"));
    settings.prompt.push_back(Message{message.get<std::string>("role"), message.get<std::string>("content")});
  }
  settings.sampling = read_sampling(Reader(in.at("sampling"), in.path("sampling")));
  if (const json* program = in.find("program"); program != nullptr && !program->is_null())
    settings.program = read_program(Reader(*program, in.path("program")));
  return settings;
}

Endpoint read_endpoint(const json& value, const std::string& path, const std::string& key) {
  const Reader in(value, path);
  Endpoint endpoint;
  endpoint.model = in.get<std::string>("model");
  endpoint.base_url = in.get<std::string>("base_url");
  while (endpoint.base_url.ends_with('/')) endpoint.base_url.pop_back();
  endpoint.stable_name = in.get<std::string>("stable_name");
  endpoint.api_key = Secret(key);
  endpoint.max_n = in.get<int>("max_n", endpoint.max_n);
  endpoint.sends_seed = in.get<bool>("sends_seed", endpoint.sends_seed);
  endpoint.extended_sampling = in.get<bool>("extended_sampling", endpoint.extended_sampling);
  endpoint.sends_sampling = in.get<bool>("sends_sampling", endpoint.sends_sampling);
  endpoint.max_tokens_field = in.get<std::string>("max_tokens_field", endpoint.max_tokens_field);
  endpoint.top_logprobs = in.get<int>("top_logprobs", endpoint.top_logprobs);
  endpoint.usage_counts_one_choice = in.get<bool>("usage_counts_one_choice", endpoint.usage_counts_one_choice);
  if (const auto extra = value.find("extra_body"); extra != value.end()) {
    if (!extra->is_object()) throw ConfigError(in.path("extra_body") + ": expected an object");
    endpoint.extra_body_json = extra->dump();
  }
  if (const auto price = value.find("price"); price != value.end() && !price->is_null()) {
    const Reader of(*price, in.path("price"));
    endpoint.price = Price{of.get<std::int64_t>("input_pusd"), of.get<std::int64_t>("cached_input_pusd"),
                           of.get<std::int64_t>("output_pusd"), of.get<std::int64_t>("reasoning_pusd")};
    if (std::min({endpoint.price->input_pusd, endpoint.price->cached_input_pusd, endpoint.price->output_pusd,
                  endpoint.price->reasoning_pusd}) < 0) {
      throw ConfigError(in.path("price") + ": prices cannot be negative");
    }
  }
  endpoint.parameters = in.get<std::int64_t>("parameters", 0);
  endpoint.max_concurrency = in.get<int>("max_concurrency", endpoint.max_concurrency);
  endpoint.initial_concurrency = in.get<int>("initial_concurrency", endpoint.initial_concurrency);
  endpoint.max_retries = in.get<int>("max_retries", endpoint.max_retries);
  endpoint.connect_timeout_ms = in.get<std::int64_t>("connect_timeout_ms", endpoint.connect_timeout_ms);
  endpoint.timeout_ms = in.get<std::int64_t>("timeout_ms", endpoint.timeout_ms);
  endpoint.max_reply_bytes = in.get<std::int64_t>("max_reply_bytes", endpoint.max_reply_bytes);
  if (endpoint.max_n < 1 || endpoint.max_concurrency < 1 || endpoint.initial_concurrency < 1 ||
      endpoint.max_retries < 0) {
    throw ConfigError(path +
                      ": max_n, max_concurrency and initial_concurrency must be at least 1, max_retries at least 0");
  }
  return endpoint;
}

// What may differ between two sittings of the same run.
constexpr const char* not_identity[] = {"base_url",   "max_concurrency",    "initial_concurrency", "max_retries",
                                        "timeout_ms", "connect_timeout_ms", "max_reply_bytes"};

Digest run_key(json spec) {
  spec.erase("window");
  if (const auto programs = spec.find("programs"); programs != spec.end()) {
    programs->erase("interpreter");
    programs->erase("workers");
  }
  for (json& model : spec.at("models")) {
    for (const char* field : not_identity) model.erase(field);
  }
  return sha256(spec.dump(-1, ' ', false, json::error_handler_t::replace));
}

}  // namespace

bool Spec::runs_programs() const {
  return code || std::ranges::any_of(draws, [](const DrawSettings& draw) { return draw.program.has_value(); });
}

Cascade parse_cascade(std::string_view json_text) { return read_cascade(parse(json_text, "the cascade")); }

Endpoint parse_endpoint(std::string_view json_text, const std::string& key) {
  return read_endpoint(parse(json_text, "the model"), "model", key);
}

Spec parse_spec(std::string_view json_text, const std::optional<std::vector<std::string>>& keys) {
  const json value = parse(json_text, "the run's spec");
  const Reader in(value, "spec");
  Spec spec;
  spec.cascade = read_cascade(in.at("cascade"));
  const json& models = array(in, "models");
  if (keys && models.size() != keys->size()) {
    throw ConfigError("spec.models has " + std::to_string(models.size()) + " entries, but there are " +
                      std::to_string(keys->size()) + " keys");
  }
  for (std::size_t i = 0; i < models.size(); ++i) {
    spec.endpoints.push_back(
        read_endpoint(models[i], "spec.models[" + std::to_string(i) + "]", keys ? (*keys)[i] : std::string()));
    if (!spec.endpoints.back().price) {
      throw ConfigError("model '" + spec.endpoints.back().model +
                        "' has no price: pass price=cope.Price(...) or price=\"free\" to cope.Model");
    }
  }
  const json& draws = array(Reader(in.at("cascade"), "cascade"), "draws");
  for (std::size_t i = 0; i < draws.size(); ++i) {
    spec.draws.push_back(read_settings(Reader(draws[i], "cascade.draws[" + std::to_string(i) + "]"), models.size()));
    // A perplexity gate needs log-probabilities; asking for them is part of the identity, so it is the spec that must say so.
    for (const Stage& stage : spec.cascade.stages) {
      if (stage.gate.measure == Gate::Measure::perplexity && stage.gate.draw == static_cast<int>(i) &&
          !spec.draws.back().sampling.logprobs) {
        throw ConfigError("stage '" + stage.name + "' is gated by perplexity: draw '" + spec.cascade.draws[i].name +
                          "' must sample with logprobs=True");
      }
    }
  }
  static constexpr std::pair<const char*, TaskKind> tasks[] = {
      {"math", TaskKind::math},     {"text", TaskKind::text},      {"integer", TaskKind::integer},
      {"number", TaskKind::number}, {"choice", TaskKind::choice},  {"date", TaskKind::date},
      {"output", TaskKind::output}, {"auto", TaskKind::automatic}, {"code", TaskKind::text}};
  const Reader task(in.at("task"), "spec.task");
  spec.task = task.choice("name", tasks);
  spec.code = task.get<std::string>("name") == "code";
  if (const json* programs = in.find("programs"); programs != nullptr)
    spec.programs = read_programs(Reader(*programs, "spec.programs"));
  spec.seed = in.get<std::int64_t>("seed", 0);
  spec.window = in.get<int>("window", spec.window);
  if (spec.window < 1) throw ConfigError("spec.window must be at least 1, got " + std::to_string(spec.window));
  spec.key = run_key(value);
  return spec;
}

}  // namespace cope
