// The one decision function. Live engine, replay and sweeps call it, so that a replay at the live settings is the live run, decision for decision.
//
//   Decision d = decide(cascade, trace);
//   d.action == Action::draw    -> d.wants: how far each draw of stage d.stage must be drawn before the next decision
//   d.action == Action::measure -> the custom gate of stage d.stage wants its value
//   d.action == Action::accept  -> the answer is sample d.answer_sample of draw d.answer_draw
//   d.action == Action::unscored-> the last stage ended and nothing could be scored
//
// It sees, of each draw, only the contiguous prefix by sample index. With early stopping the waves are a pure function of the gate: first the
// shortest prefix at which any outcome could be settled, then one more sample at a time, so no sample is ever drawn beyond the one that settles.
//
// Thread-safety: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cope/cascade/cascade.h"
#include "cope/vote/tally.h"

namespace cope {

// What a decision needs to know of one sample.
struct Evidence {
  VoteKey key;           // the class of its answer; meaningless unless scored
  double measure = 0.0;  // tests passed (share), perplexity or score, as the gate asks
  bool scored = false;
};

struct Trace {
  std::vector<std::vector<Evidence>> draws;   // by global draw index: the contiguous prefix drawn so far
  std::vector<std::optional<double>> custom;  // by stage: the value of a custom gate, once known

  static Trace empty(const Cascade& cascade);
};

enum class Action : std::uint8_t { draw, measure, accept, unscored };

struct Want {
  int draw = 0;
  int upto = 0;  // samples 0 .. upto - 1 are needed
  bool operator==(const Want&) const = default;
};

// How a stage that has been left ended.
struct StageResult {
  int stage = 0;
  bool accepted = false;
  int votes = 0;           // of the largest class, in the prefix that settled it
  int of = 0;              // the denominator of the gate
  double value = 0.0;      // what was compared with the threshold: votes / of, agreement, lowest perplexity, ...
  int representative = 0;  // sample of the gate's draw: see cascade.h
  bool scored = false;     // at least one sample of the gate's draw was scored
  bool operator==(const StageResult&) const = default;
};

struct Decision {
  Action action = Action::draw;
  int stage = 0;
  std::vector<Want> wants;
  int answer_draw = -1;
  int answer_sample = -1;
  bool accepted = false;  // the gate accepted; false where the last stage returned its majority all the same
  std::vector<StageResult> stages;
};

Decision decide(const Cascade& cascade, const Trace& trace);
// The same into a decision whose memory is used again: replays decide millions of problems.
void decide(const Cascade& cascade, const Trace& trace, Decision& decision);

// The sample index that `given` puts into prompt `sample_index` of its draw, after the stages in `stages` have ended.
int picked_sample(const Cascade& cascade, const Given& given, int sample_index, std::span<const StageResult> stages);

}  // namespace cope
