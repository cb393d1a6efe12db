// One problem on its way through a cascade: what was drawn, what was decided, what to draw next. It asks for waves and is told samples; who draws them
// is the engine's affair.
//
//   Attempt attempt(spec, task, hooks, problem);
//   std::vector<DrawWave> waves = attempt.next();       // empty and done(): finished; else draw them and report each sample with arrived()
//   attempt.arrived(wave, samples);                 // then next() again
//   Outcome outcome = attempt.outcome();
//
// Thread-safety: owned by the engine's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cope/base/sample.h"
#include "cope/cascade/decide.h"
#include "cope/run/spec.h"
#include "cope/run/task.h"
#include "cope/sampler/request.h"
#include "cope/store/store.h"

namespace cope {

// Samples of one draw that share a prompt, to be drawn together.
struct DrawWave {
  int draw = 0;
  DrawRequest request;  // request.first_index: the first sample's index
};

class Attempt {
 public:
  Attempt(const Spec& spec, const Hooks& hooks, Problem problem);

  // What to draw now. Empty while samples are outstanding, and when done().
  std::vector<DrawWave> next();
  void arrived(const DrawWave& wave, std::vector<Sample> samples);

  bool done() const { return done_; }
  const Problem& problem() const { return problem_; }
  // REQUIRES: done()
  Outcome outcome() const;
  // Samples that came from the store.
  std::int64_t cached_samples() const;

 private:
  struct Slot {
    bool requested = false;
    std::optional<Sample> sample;
    std::optional<std::string> answer;
    Evidence evidence;
  };

  std::vector<DrawWave> issue();
  // The messages of sample `index` of `draw`; none where a plan that it needs failed (then the slot holds the error) or is not there yet.
  std::optional<std::vector<Message>> messages(int draw, int index, bool& parent_failed) const;
  std::vector<Message> render_messages(int draw, const std::map<std::string, std::string>& given) const;
  void annotate(int draw, Slot& slot) const;
  void extend_prefix(std::size_t draw);
  double custom_measure(int stage) const;
  OutcomeStatus status() const;
  bool cut_off() const;

  const Spec& spec_;
  const Hooks& hooks_;
  const Task task_;
  const Problem problem_;
  std::vector<std::vector<Slot>> slots_;  // by draw, by sample index
  Trace trace_;
  Decision decision_;
  int outstanding_ = 0;  // waves
  bool done_ = false;
};

}  // namespace cope
