// What running programs needs to know: the tests of a problem of the task `code`, and the programs whose value is an answer (Program-of-Thought).
//
//   Tests tests = tests_of(problem);                       // throws DataError, naming the problem
//   sandbox.submit(tested(source, tests, tests.visible, limits), …)
//   sandbox.submit(evaluated(source, draw.program.value(), limits), …)
//
// Thread-safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cope/run/spec.h"
#include "cope/run/task.h"
#include "cope/sandbox/sandbox.h"

namespace cope {

// From a problem's meta (its shape: python/cope/programs.py).
struct Tests {
  std::vector<std::string> visible;  // for the gate; the question shows them
  std::vector<std::string> hidden;   // for the score; no model ever sees them
  std::string setup, setup_after;
  std::string entry_point;  // what the program must define; may be empty
  std::string beginning;    // code in the question that a reply may go on from; may be empty
  bool checks = false;      // HumanEval's form: each hidden test defines check(candidate)

  // The hidden ones; where there are none, the visible ones.
  const std::vector<std::string>& scoring() const { return hidden.empty() ? visible : hidden; }
};

Tests tests_of(const Problem& problem);

enum class TestSet : std::uint8_t { visible, scoring };
sandbox::Program tested(const std::string& source, const Tests& tests, TestSet set, const sandbox::Limits& limits);
sandbox::Program evaluated(const std::string& source, const ProgramOfThought& program, const sandbox::Limits& limits);

}  // namespace cope
