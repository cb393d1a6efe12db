#include "cope/run/identities.h"

#include "cope/base/error.h"
#include "cope/run/prompt.h"

namespace cope {

namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

bool blank(const std::string& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; }

int index_in_stage(const Cascade& cascade, int draw) {
  int index = 0;
  while (draw - index > 0 && cascade.draws[at(draw - index - 1)].stage == cascade.draws[at(draw)].stage) ++index;
  return index;
}

}  // namespace

std::int64_t sample_seed(const Spec& spec, const std::string& problem_id, int draw, int index) {
  return derive_seed(spec.seed, problem_id, spec.cascade.draws[at(draw)].stage, index_in_stage(spec.cascade, draw),
                     index);
}

std::vector<Message> prompt_messages(const Spec& spec, int draw, const std::string& problem_id,
                                     const std::string& question, const std::map<std::string, std::string>& given) {
  std::vector<Field> fields{{"question", question}};
  for (const auto& [name, value] : given) fields.emplace_back(name, value);
  std::vector<Message> rendered;
  for (const Message& message : spec.draws[at(draw)].prompt) {
    rendered.push_back(Message{message.role, render(message.content, fields)});
    if (blank(rendered.back().content)) {
      throw DataError("problem '" + problem_id + "': its prompt for draw '" + spec.cascade.draws[at(draw)].name +
                      "' is empty");
    }
  }
  return rendered;
}

std::vector<Digest> sample_identities(const Spec& spec, std::span<const SamplePlace> places) {
  std::vector<IdentityFormat> formats;
  for (const Endpoint& endpoint : spec.endpoints) formats.emplace_back(endpoint);
  std::vector<Digest> identities;
  identities.reserve(places.size());
  for (const SamplePlace& place : places) {
    if (place.draw < 0 || at(place.draw) >= spec.draws.size()) {
      throw ConfigError("there is no draw " + std::to_string(place.draw) + "; there are " +
                        std::to_string(spec.draws.size()));
    }
    const DrawSettings& settings = spec.draws[at(place.draw)];
    const DrawRequest request{
        settings.model,    prompt_messages(spec, place.draw, place.problem_id, place.question, place.given),
        settings.sampling, {sample_seed(spec, place.problem_id, place.draw, place.index)},
        place.index,       0};
    check_request(request);
    identities.push_back(formats[at(settings.model)].identities(request)[0]);
  }
  return identities;
}

}  // namespace cope
