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
#include "cope/sandbox/sandbox.h"

namespace cope {

// Program-of-Thought: a sample is a Python program, its answer the value of a name. Globals and locals are separate, as published.
struct ProgramOfThought {
  std::string result_name = "ans";
  std::string prelude;                        // code before each program, such as imports
  std::optional<std::int64_t> frozen_unix_s;  // what clocks say
  int wall_ms = 2'000;                        // of CPU time, too
};

// What a draw needs beyond its place in the cascade: whom to ask, how, and for how much.
struct DrawSettings {
  int model = 0;
  std::vector<Message> prompt;  // templates: {question} and the draw's fields are replaced
  Sampling sampling;
  std::optional<ProgramOfThought> program;
};

// Of `text` the answer is the text itself, compared after trimming; the others are answer/kinds.h's.
using TaskKind = answer::Kind;

// How programs are run, where there are any.
struct ProgramSettings {
  std::string interpreter = "python3";
  int workers = 0;  // 0: one a core
  sandbox::Isolation isolation = sandbox::Isolation::full;
  sandbox::Limits limits;
};

struct Spec {
  Cascade cascade;
  std::vector<DrawSettings> draws;  // beside cascade.draws
  std::vector<Endpoint> endpoints;
  TaskKind task = TaskKind::math;
  bool code = false;  // answers are programs, with tests in each problem's meta; `task` is then text
  ProgramSettings programs;
  std::int64_t seed = 0;
  int window = 1024;  // problems in flight at once
  Digest key;

  bool runs_programs() const;
};

// `keys` are the API keys by model; none: the spec is only looked at.
Spec parse_spec(std::string_view json_text, const std::optional<std::vector<std::string>>& keys);
Cascade parse_cascade(std::string_view json_text);
Endpoint parse_endpoint(std::string_view json_text, const std::string& key);

}  // namespace cope
