// A cascade is data: stages, each a few draws and a gate. COPE, self-consistency, Small and Large are such lists; no method has an engine of its own.
//
//   stage 1: draw goals (small, n = 8); draw solutions (small, n = 8, given each goal); gate: consensus of solutions > 3/4
//   stage 2: draw guideline (large, n = 1); draw solutions (small, n = 8, given the carried goal and the guideline); gate: consensus > 1/2
//   stage 3: draw solution (large, n = 1, given the guideline); gate: always
//
// What a stage carries to later ones follows from the draws that are picked as `carried`: of a draw with as many samples as the gate's draw, the parent
// of the gate's representative (the first sample, in sampling order, of the majority class; the first sample of all where nothing was scored); of a
// draw with one sample, that one.
//
// Thread-safety: values; const after construction.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cope/base/rational.h"

namespace cope {

inline constexpr int max_samples_per_draw = 4096;

// A sample of an earlier draw that enters a prompt under a field name: "{goal}".
struct Given {
  enum class Pick : std::uint8_t {
    each,     // sample i of the draw goes into prompt i (same n), or its only sample into every prompt (n = 1)
    carried,  // the sample that its stage carries
    sample,   // the sample numbered `sample`, whatever was decided: recordings draw what every plan would have led to
  };
  std::string field;
  int draw = 0;  // global index, smaller than the draw's own
  Pick pick = Pick::each;
  int sample = 0;  // of Pick::sample
  bool operator==(const Given&) const = default;
};

struct Draw {
  std::string name;  // goals, solutions, guideline, ...
  int stage = 0;
  int n = 1;
  std::vector<Given> given{};
  bool plan = false;  // its samples are plans: never extracted, never voted on
  bool operator==(const Draw&) const = default;
};

struct Gate {
  enum class Measure : std::uint8_t {
    always,      // accept
    consensus,   // votes of the largest class of `draw` / denominator
    agreement,   // 1 if the majorities of `draw` and `other_draw` are the same class, else 0
    passed,      // 1 if a sample of `draw` passed its tests (measure >= 1), else 0; the answer is the first that did
    perplexity,  // the lowest perplexity among the samples of `draw`; the answer is that sample
    score,       // the highest score among the samples of `draw`; the answer is that sample
    custom,  // a value that the user's own function gives once the stage's draws are complete; the answer is the majority of `draw`
  };
  enum class Comparison : std::uint8_t { greater, greater_equal, less, less_equal };
  enum class Denominator : std::uint8_t { k, answered };

  Measure measure = Measure::always;
  int draw = 0;  // global index of the draw that is voted on and answers
  int other_draw = -1;
  Comparison comparison = Comparison::greater;
  Rational threshold;
  Denominator denominator = Denominator::k;
  bool operator==(const Gate&) const = default;
};

struct Stage {
  std::string name;
  Gate gate;
  bool operator==(const Stage&) const = default;
};

struct Cascade {
  std::string name;
  std::vector<Stage> stages;
  std::vector<Draw> draws;  // ordered by stage
  bool early_stop = true;   // lossless: draw no further sample once gate, answer and carry can no longer change
  bool exhaustive =
      false;  // no stage accepts before the last, so that every problem goes through every stage: what recordings are made with
  bool operator==(const Cascade&) const = default;
};

// True where a later draw picks a sample of `stage` by its representative, so that the stage may not end before that is settled.
bool carries_representative(const Cascade& cascade, int stage);

// Throws ConfigError, naming the stage or draw, for a cascade that cannot run: no stages, n < 1, a reference to a later draw, a gate on a plan, ...
void validate(const Cascade& cascade);

}  // namespace cope
