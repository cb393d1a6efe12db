// What a sample of a run is asked with, and the identity that follows from it: the one rule that live runs, replays and imported samples share.
//
//   sample_identities(spec, {{"p17", "What is 2 + 3?", /*draw=*/0, /*index=*/4, {{"goal", "Add."}}}})
//
// Prompts that a user's own function writes are not known here; the engine asks the function.
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "cope/base/digest.h"
#include "cope/run/spec.h"
#include "cope/sampler/request.h"

namespace cope {

std::int64_t sample_seed(const Spec& spec, const std::string& problem_id, int draw, int index);

// Throws DataError for a prompt that comes out empty.
std::vector<Message> prompt_messages(const Spec& spec, int draw, const std::string& problem_id,
                                     const std::string& question, const std::map<std::string, std::string>& given);

struct SamplePlace {
  std::string problem_id;
  std::string question;
  int draw = 0;
  int index = 0;
  std::map<std::string, std::string> given;  // the text of each field of the draw
};

// In order. Throws ConfigError for a draw that is not there.
std::vector<Digest> sample_identities(const Spec& spec, std::span<const SamplePlace> places);

}  // namespace cope
