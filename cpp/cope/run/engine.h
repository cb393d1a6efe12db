// The live engine: drives problems through a cascade, thousands at once, and stores what became of each.
//
//   Engine engine(spec, *store, hooks, source, manifest_json);
//   std::thread worker([&] { result = engine.run(); });      // blocks; engine.progress() and engine.cancel() from any other thread
//
// Problems come from a source that is asked only as room becomes free, so a file of any length runs in bounded memory. A problem that the store has
// finished under the same run key and the same question is not run again. Decisions depend on the texts of samples alone, never on the order of replies.
//
// One bad request is a value: the problem says so. What makes the whole run pointless (a refused key, a name that does not exist, an endpoint that is
// gone, one without the log-probabilities that a gate needs) ends it with the EndpointError that fits; everything received is kept.
//
// Thread-safety: run() once, on one thread; progress() and cancel() from any.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cope/run/attempt.h"
#include "cope/run/spec.h"
#include "cope/run/task.h"
#include "cope/sampler/inbox.h"
#include "cope/sampler/sampler.h"
#include "cope/sandbox/sandbox.h"
#include "cope/store/store.h"

namespace cope {

struct Progress {
  std::int64_t started = 0;  // problems
  std::int64_t done = 0;
  std::int64_t resumed = 0;  // of `done`: found finished in the store
  std::int64_t answered = 0;
  std::int64_t unscored = 0;
  std::int64_t failed = 0;
  std::int64_t unfinished = 0;
  std::int64_t graded = 0;
  std::int64_t correct = 0;
  std::vector<std::int64_t> resolved_by_stage;
  std::int64_t samples = 0;
  std::int64_t samples_from_store = 0;
  std::int64_t saved = 0;
  std::int64_t requests_sent = 0;
  std::int64_t retries = 0;
  std::int64_t in_flight = 0;
  std::int64_t billed_pusd = 0;
  std::int64_t elapsed_ms = 0;
};

struct RunResult {
  std::int64_t run_id = 0;
  bool cancelled = false;
};

// The next problem, or none at the end. Called on the engine's thread; what it throws ends the run.
using ProblemSource = std::function<std::optional<Problem>()>;

// Replays ask nobody: samples come from a recording, which may be another store than the one that outcomes are written to.
struct Recorded {
  Store* samples = nullptr;  // null: a live run
  std::shared_ptr<const RecordedFailures> failures;
};

class Engine {
 public:
  Engine(Spec spec, Store& store, Hooks hooks, ProblemSource source, std::string manifest_json, Recorded recorded = {});
  ~Engine();

  RunResult run();
  void cancel();
  Progress progress() const;

 private:
  // How an endpoint has been doing, to tell a bad request from a bad endpoint.
  struct Health {
    std::int64_t successes = 0;
    int failures_in_a_row = 0;
  };

  // A program's report on its way from a thread of the sandbox.
  struct Judged {
    std::int64_t position = 0;
    int ticket = 0;
    sandbox::Report report;
  };

  void drive();
  void close_after_failure() noexcept;
  bool start_next();  // false when the source has ended
  void advance(std::int64_t position);
  void finish(Attempt& attempt);
  bool resume(const Problem& problem);
  void count(const Outcome& outcome);
  void watch(int model, const Sample& sample);
  bool hear();              // the sandbox's reports; false where there was none
  void abandon_programs();  // after a cancellation

  const Spec spec_;
  Store& store_;
  const Hooks hooks_;
  const ProblemSource source_;
  const std::string manifest_json_;
  const bool replay_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();

  // Owned by the thread of run().
  std::int64_t run_id_ = 0;
  bool resuming_ = false;  // the run has outcomes from an earlier sitting
  std::int64_t next_position_ = 0;
  std::map<std::int64_t, std::unique_ptr<Attempt>> active_;  // by position
  std::vector<Health> health_;

  std::unique_ptr<Sampler> sampler_;  // made before run(), so that cancel() may reach it at any time
  std::atomic<bool> cancelled_{false};
  std::shared_ptr<Inbox<Judged>> reports_;     // the sandbox's callbacks own it, too
  std::unique_ptr<sandbox::Sandbox> sandbox_;  // null: nothing to run

  mutable std::mutex mu_;
  Progress progress_;  // guarded by mu_
};

}  // namespace cope
