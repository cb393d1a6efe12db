// The outcome of one problem as the store keeps it: columns for tables, and the whole trace as JSON (its shape: python/cope/_core.pyi, `run`).
// Texts of samples are not repeated in it: they are in the store under their identities.
//
// Thread-safety: a builder belongs to one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cope/base/sample.h"
#include "cope/cascade/decide.h"
#include "cope/run/spec.h"
#include "cope/run/task.h"
#include "cope/sandbox/sandbox.h"
#include "cope/store/store.h"

namespace cope {

// What became of a program.
struct Verdict {
  sandbox::Report report;
  int tests = 0;  // how many it was to pass
};

class OutcomeBuilder {
 public:
  OutcomeBuilder(const Spec& spec, const Problem& problem);
  ~OutcomeBuilder();

  void status(OutcomeStatus status, const Decision& decision);
  void sample(int draw, int index, const Sample& sample, const std::optional<std::string>& answer,
              const Evidence& evidence, const std::optional<Verdict>& verdict);
  // Of the final answer of the task `code`.
  void score(const Verdict& verdict);
  void answer(const std::optional<std::string>& answer, std::optional<bool> correct);
  Outcome finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The question that a stored trace answered, so that a changed problem under an old id is not taken for done.
std::string question_of_trace(const std::string& trace_json);

}  // namespace cope
