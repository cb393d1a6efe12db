// The store of samples, runs and money: one SQLite database (WAL, synchronous = FULL) in a directory of its own.
//
// A sample is durable before anyone uses it: writes are queued, a writer thread commits them in groups, and only then calls back.
// Two processes may share a store; the cap on spending belongs to the store and is never passed by both together.
//
//   auto store = Store::open("runs/first", Store::Mode::create);
//   store->reserve(worst_case_pusd, [&](Reservation r) { if (r.granted) send(); });
//   store->put({sample}, Settlement{r.id, cost_pusd}, [](Written w) { use(w.samples); });
//
// Errors of a background write (a full disk, say) reach the callback as `error`; every later write then fails likewise, and flush() throws.
// What was committed stays readable. An operation that cannot be done, while the store is well (settling a reservation twice, an outcome of no run), fails
// alone: its callback gets `error`, and where it has none the next flush() throws. A callback that throws is reported by flush() too.
//
// Misuse throws at once: ConfigError for a negative amount or a failed sample, StoreError for writing to a store opened with Mode::read,
// std::logic_error for waiting within a callback.
//
// Thread-safety: internally synchronised; every method may be called from any thread. Callbacks run on the writer thread after the commit,
// must return quickly and must not wait for the store.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cope/base/digest.h"
#include "cope/base/sample.h"

namespace cope {

inline constexpr int store_schema_version = 1;

// Money set aside, durably, before a request is sent. What a crash leaves unsettled counts in full.
struct Reservation {
  bool granted = false;
  std::int64_t id = 0;
  std::string error;  // not empty: the store failed (as opposed to the cap being reached)
};

// Ends a reservation. `billed_pusd` 0 for a request that was certainly not billed; the whole reservation where usage is unknown.
struct Settlement {
  std::int64_t reservation_id = 0;
  std::int64_t billed_pusd = 0;
};

// After a commit. `samples` are what the store now holds for the identities written: where another process was first, its sample (with its cost;
// `cached` stays false, for this request was sent and paid for too).
struct Written {
  std::vector<Sample> samples;
  std::string error;  // not empty: nothing was written
};

struct LedgerTotals {
  std::optional<std::int64_t> cap_pusd;  // none: no cap
  std::int64_t settled_pusd = 0;
  std::int64_t reserved_pusd = 0;  // outstanding, what crashes left behind included
};

enum class OutcomeStatus : std::uint8_t {
  answered,    // an answer was returned (right or wrong)
  unscored,    // no sample of the last stage could be scored
  failed,      // no answer, because requests failed for good; asked again on resume
  unfinished,  // cut off by the budget or by cancellation; gone on with on resume
};

std::string_view to_string(OutcomeStatus status);

// What became of one problem. The columns serve tables without parsing; `trace_json` holds everything (run/outcome.h writes it).
struct Outcome {
  std::int64_t position = 0;  // in the problem set, from 0
  std::string problem_id;
  OutcomeStatus status = OutcomeStatus::unfinished;
  int stage = -1;                               // the stage that answered, from 0; -1: none
  std::optional<bool> correct;                  // none: no gold answer, or no answer
  std::optional<std::int64_t> billed_pusd = 0;  // none: some reply carried no usage
  std::optional<std::int64_t> ideal_pusd = 0;   // as if nothing had come from the store
  std::int64_t samples = 0;                     // drawn
  std::int64_t saved = 0;  // not drawn thanks to early stopping, of those that the stages entered would have drawn
  std::string trace_json;
};

enum class RunStatus : std::uint8_t { running, finished, interrupted, failed };

std::string_view to_string(RunStatus status);

struct RunRow {
  std::int64_t id = 0;
  Digest key;  // SHA-256 of what makes two runs the same; the same key goes on with the same run
  std::string manifest_json;
  RunStatus status = RunStatus::running;
  std::int64_t started_unix_ms = 0;
  std::optional<std::int64_t> ended_unix_ms;
  std::int64_t outcomes = 0;  // rows
};

class Store {
 public:
  enum class Mode {
    create,  // open for reading and writing, made if absent
    write,   // open for reading and writing; StoreError if absent
    read,    // read only; StoreError if absent
  };
  struct Options {
    bool durable = true;                    // false: synchronous = OFF, for stores that end with the process
    std::size_t group_rows = 512;           // at most so many writes share a commit; 1 commits each row by itself
    std::int64_t busy_timeout_ms = 60'000;  // another process holding the write lock for longer is an error
  };

  // Throws StoreError, naming the path and the remedy, for a file that is no SQLite database, is damaged, belongs to another program,
  // was written by a newer version, or cannot be opened; such a file is left byte for byte as it was.
  static std::unique_ptr<Store> open(const std::string& directory, Mode mode, Options options);
  static std::unique_ptr<Store> open(const std::string& directory, Mode mode) {
    return open(directory, mode, Options());
  }

  virtual ~Store() = default;  // flushes; never throws

  // --- samples -------------------------------------------------------------------------------------------------
  // In the order asked; none where the store has no such sample. Samples found carry cached = true.
  virtual std::vector<std::optional<Sample>> find(std::span<const Digest> identities) = 0;
  // Only samples with ok() may be written: a failed request is asked again next time. The settlement is committed with the samples.
  virtual void put(std::vector<Sample> samples, std::optional<Settlement> settlement,
                   std::function<void(Written)> done) = 0;

  // --- money ---------------------------------------------------------------------------------------------------
  virtual void set_cap(std::optional<std::int64_t> cap_pusd) = 0;
  // Grants iff settled + reserved + amount <= cap at the commit, over all processes.
  virtual void reserve(std::int64_t amount_pusd, std::function<void(Reservation)> done) = 0;
  virtual void settle(Settlement settlement) = 0;  // without samples: the request failed
  virtual LedgerTotals ledger() = 0;

  // --- runs ----------------------------------------------------------------------------------------------------
  // The run of that key, made if absent; its status becomes running.
  virtual RunRow begin_run(const Digest& key, const std::string& manifest_json) = 0;
  virtual void end_run(std::int64_t run_id, RunStatus status) = 0;  // after flush()
  virtual std::vector<RunRow> runs() = 0;                           // oldest first
  // Replaces an earlier outcome of the same problem. One row per (run, problem_id).
  virtual void put_outcome(std::int64_t run_id, Outcome outcome) = 0;
  virtual std::optional<Outcome> find_outcome(std::int64_t run_id, const std::string& problem_id) = 0;
  // Ordered by position; `limit` < 0: all.
  virtual std::vector<Outcome> outcomes(std::int64_t run_id, std::int64_t offset, std::int64_t limit,
                                        bool with_trace) = 0;

  // Waits until all writes queued so far are committed. Throws StoreError if one failed.
  virtual void flush() = 0;
  virtual const std::string& directory() const = 0;
};

}  // namespace cope
