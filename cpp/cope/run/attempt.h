// One problem on its way through a cascade: what was drawn, what was decided, what to draw next. It asks for waves and is told samples; who draws them
// is the engine's affair.
//
//   Attempt attempt(spec, task, hooks, problem);
//   std::vector<DrawWave> waves = attempt.next();       // empty and done(): finished; else draw them and report each sample with arrived()
//   attempt.arrived(wave, samples);                 // then next() again
//   for (ProgramRun& run : attempt.programs()) …    // after each next(): programs to run; report each with judged(), then next() again
//   Outcome outcome = attempt.outcome();
//
// Thread-safety: owned by the engine's thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cope/base/sample.h"
#include "cope/cascade/decide.h"
#include "cope/run/outcome.h"
#include "cope/run/programs.h"
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

// A program that a sample's verdict, or the score of the final answer, waits for.
struct ProgramRun {
  int ticket = 0;
  sandbox::Program program;
};

class Attempt {
 public:
  Attempt(const Spec& spec, const Hooks& hooks, Problem problem);

  // What to draw now. Empty while samples are outstanding, and when done().
  std::vector<DrawWave> next();
  void arrived(const DrawWave& wave, std::vector<Sample> samples);
  // What is to be run since the last call. A sample counts as arrived only when its program's verdict is in.
  std::vector<ProgramRun> programs();
  void judged(int ticket, sandbox::Report report);
  // No verdict will come any more: a problem that waits for one is unfinished.
  void abandon_programs();

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
    std::optional<Verdict> verdict;
    bool waiting = false;  // for its verdict
  };
  // A program that is run once, whatever the number of samples that say it.
  struct Run {
    std::vector<std::pair<int, int>> slots;  // draw, sample
    int tests = 0;
    std::optional<sandbox::Report> report;
  };

  std::vector<DrawWave> issue();
  // The messages of sample `index` of `draw`; none where a plan that it needs failed (then the slot holds the error) or is not there yet.
  std::optional<std::vector<Message>> messages(int draw, int index, const Sample*& useless) const;
  std::vector<Message> render_messages(int draw, const std::map<std::string, std::string>& given) const;
  void annotate(int draw, int index);
  void annotate_program(int draw, int index, const ProgramOfThought& program);
  void annotate_code(int draw, int index);
  void vote_with(Slot& slot, std::string answer) const;
  void measure(int draw, Slot& slot) const;
  void run_for(int draw, int index, const std::string& key, sandbox::Program program);
  void judge(int draw, int index, const Run& run);
  bool scored();  // false while the final answer's tests run
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
  std::optional<Tests> tests_;         // of the task `code`
  std::vector<Run> runs_;              // by ticket
  std::map<std::string, int> run_of_;  // tickets by what is run
  std::vector<ProgramRun> to_run_;
  int score_ticket_ = -1;
  std::optional<Verdict> score_;
  bool abandoned_ = false;
  int outstanding_ = 0;  // waves and runs
  bool done_ = false;
};

}  // namespace cope
