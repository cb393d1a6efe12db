// What a run is made of, parsed from the JSON that the Python layer builds (its shape: python/cope/_core.pyi, `run`).
//
//   Spec spec = parse_spec(text, keys);     // throws ConfigError that names the field
//   spec.key                                // two runs with equal keys are the same run: the second goes on where the first stopped
//
// Thread-safety: values; const after parsing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cope/answer/kinds.h"
#include "cope/base/digest.h"
#include "cope/cascade/cascade.h"
#include "cope/sampler/endpoint.h"
#include "cope/sampler/request.h"

namespace cope {

// What a draw needs beyond its place in the cascade: whom to ask, how, and for how much.
struct DrawSettings {
  int model = 0;
  std::vector<Message> prompt;  // templates: {question} and the draw's fields are replaced
  Sampling sampling;
};

// Of `text` the answer is the text itself, compared after trimming; the others are answer/kinds.h's.
using TaskKind = answer::Kind;

struct Spec {
  Cascade cascade;
  std::vector<DrawSettings> draws;  // beside cascade.draws
  std::vector<Endpoint> endpoints;
  TaskKind task = TaskKind::math;
  std::int64_t seed = 0;
  int window = 1024;  // problems in flight at once
  Digest key;
};

// `keys` are the API keys by model; none: the spec is only looked at.
Spec parse_spec(std::string_view json_text, const std::optional<std::vector<std::string>>& keys);
Cascade parse_cascade(std::string_view json_text);
Endpoint parse_endpoint(std::string_view json_text, const std::string& key);

}  // namespace cope
