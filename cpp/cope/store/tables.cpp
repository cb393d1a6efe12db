#include "cope/store/tables.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

namespace cope {
namespace {

using sqlite::Blob;

constexpr std::int64_t most_pusd = std::numeric_limits<std::int64_t>::max();

std::int64_t unix_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

// Of non-negative amounts: what does not fit stays at the limit, which no cap is above.
std::int64_t saturating_add(std::int64_t a, std::int64_t b) { return a > most_pusd - b ? most_pusd : a + b; }

Digest read_digest(const std::string& bytes) {
  Digest digest;
  if (bytes.size() != digest.bytes.size()) throw sqlite::Failure(SQLITE_CORRUPT, 0, "a digest is not 32 bytes long");
  std::copy(bytes.begin(), bytes.end(), digest.bytes.begin());
  return digest;
}

template <class Status, std::size_t n>
Status read_status(const std::string& word, const std::array<Status, n>& all) {
  for (const Status status : all) {
    if (to_string(status) == word) return status;
  }
  throw sqlite::Failure(SQLITE_CORRUPT, 0, "unknown status '" + word + "'");
}

constexpr std::array outcome_statuses{OutcomeStatus::answered, OutcomeStatus::unscored, OutcomeStatus::failed,
                                      OutcomeStatus::unfinished};
constexpr std::array run_statuses{RunStatus::running, RunStatus::finished, RunStatus::interrupted, RunStatus::failed};

}  // namespace

const char* const sample_columns =
    "identity, text, reasoning, finish_reason, status_code, request_id, prompt_tokens, cached_prompt_tokens, "
    "completion_tokens, reasoning_tokens, usage_known, usage_estimated, cost_pusd, mean_logprob, logprob_tokens, "
    "latency_ms, created_unix_ms, attempts";

const char* const outcome_columns =
    "position, problem_id, status, stage, correct, billed_pusd, ideal_pusd, samples, saved";

const char* const run_columns =
    "id, key, manifest_json, status, started_unix_ms, ended_unix_ms, "
    "(SELECT count(*) FROM outcomes WHERE run_id = runs.id)";

Sample read_sample(const sqlite::Rows& row) {
  Sample sample;
  sample.identity = read_digest(row.text(0));
  sample.text = row.text(1);
  sample.reasoning = row.text(2);
  sample.finish_reason = row.text(3);
  sample.status_code = row.small(4);
  sample.request_id = row.text(5);
  sample.usage.prompt_tokens = row.integer(6);
  sample.usage.cached_prompt_tokens = row.integer(7);
  sample.usage.completion_tokens = row.integer(8);
  sample.usage.reasoning_tokens = row.integer(9);
  sample.usage.known = row.integer(10) != 0;
  sample.usage.estimated = row.integer(11) != 0;
  sample.cost_pusd = row.maybe_integer(12);
  sample.mean_logprob = row.maybe_real(13);
  sample.logprob_tokens = row.small(14);
  sample.latency_ms = row.integer(15);
  sample.created_unix_ms = row.integer(16);
  sample.attempts = row.small(17);
  return sample;
}

Outcome read_outcome(const sqlite::Rows& row) {
  Outcome outcome;
  outcome.position = row.integer(0);
  outcome.problem_id = row.text(1);
  outcome.status = read_status(row.text(2), outcome_statuses);
  outcome.stage = row.small(3);
  if (!row.null(4)) outcome.correct = row.integer(4) != 0;
  outcome.billed_pusd = row.maybe_integer(5);
  outcome.ideal_pusd = row.maybe_integer(6);
  outcome.samples = row.integer(7);
  outcome.saved = row.integer(8);
  outcome.trace_json = row.text(9);
  return outcome;
}

RunRow read_run(const sqlite::Rows& row) {
  RunRow run;
  run.id = row.integer(0);
  run.key = read_digest(row.text(1));
  run.manifest_json = row.text(2);
  run.status = read_status(row.text(3), run_statuses);
  run.started_unix_ms = row.integer(4);
  run.ended_unix_ms = row.maybe_integer(5);
  run.outcomes = row.integer(6);
  return run;
}

Tables::Tables(const sqlite::Database& database)
    : handle_(database.handle()),
      insert_sample_(database, std::string("INSERT INTO samples (") + sample_columns +
                                   ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                                   "ON CONFLICT (identity) DO NOTHING"),
      find_sample_(database, std::string("SELECT ") + sample_columns + " FROM samples WHERE identity = ?"),
      read_ledger_(database, "SELECT cap_pusd, settled_pusd, reserved_pusd FROM ledger"),
      write_ledger_(database, "UPDATE ledger SET settled_pusd = ?, reserved_pusd = ?"),
      write_cap_(database, "UPDATE ledger SET cap_pusd = ?"),
      insert_reservation_(database, "INSERT INTO reservations (amount_pusd, created_unix_ms) VALUES (?, ?)"),
      end_reservation_(database, "DELETE FROM reservations WHERE id = ? RETURNING amount_pusd"),
      insert_run_(database,
                  "INSERT INTO runs (key, manifest_json, status, started_unix_ms) VALUES (?, ?, 'running', ?)"),
      reopen_run_(database, "UPDATE runs SET status = 'running', ended_unix_ms = NULL WHERE key = ?"),
      find_run_(database, std::string("SELECT ") + run_columns + " FROM runs WHERE key = ?"),
      end_run_(database, "UPDATE runs SET status = ?1, ended_unix_ms = iif(?1 = 'running', NULL, ?2) WHERE id = ?3"),
      put_outcome_(database, std::string("INSERT INTO outcomes (") + outcome_columns +
                                 ", trace_json, run_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                                 "ON CONFLICT (run_id, problem_id) DO UPDATE SET position = excluded.position, "
                                 "status = excluded.status, stage = excluded.stage, correct = excluded.correct, "
                                 "billed_pusd = excluded.billed_pusd, ideal_pusd = excluded.ideal_pusd, "
                                 "samples = excluded.samples, saved = excluded.saved, "
                                 "trace_json = excluded.trace_json") {}

void Tables::put_sample(Sample& sample) {
  const Usage& usage = sample.usage;
  insert_sample_.run(Blob{sample.identity.view()}, sample.text, sample.reasoning, sample.finish_reason,
                     sample.status_code, sample.request_id, usage.prompt_tokens, usage.cached_prompt_tokens,
                     usage.completion_tokens, usage.reasoning_tokens, usage.known, usage.estimated, sample.cost_pusd,
                     sample.mean_logprob, sample.logprob_tokens, sample.latency_ms, sample.created_unix_ms,
                     sample.attempts);
  if (sqlite3_changes(handle_) > 0) return;
  auto row = find_sample_.query(Blob{sample.identity.view()});
  if (!row.next()) throw sqlite::Failure(SQLITE_CORRUPT, 0, "the index of samples names a row that is not there");
  sample = read_sample(row);
}

LedgerTotals Tables::totals() {
  auto row = read_ledger_.query();
  if (!row.next()) throw sqlite::Failure(SQLITE_CORRUPT, 0, "the ledger has no row");
  return {row.maybe_integer(0), row.integer(1), row.integer(2)};
}

std::optional<std::int64_t> Tables::reserve(std::int64_t amount_pusd) {
  const LedgerTotals now = totals();
  const std::int64_t cap = now.cap_pusd.value_or(most_pusd);
  // By subtraction from the cap, piece by piece, so that nothing can overflow.
  if (now.settled_pusd > cap || now.reserved_pusd > cap - now.settled_pusd ||
      amount_pusd > cap - now.settled_pusd - now.reserved_pusd) {
    return std::nullopt;
  }
  insert_reservation_.run(amount_pusd, unix_ms());
  const std::int64_t id = sqlite3_last_insert_rowid(handle_);
  write_ledger_.run(now.settled_pusd, now.reserved_pusd + amount_pusd);
  return id;
}

void Tables::settle(const Settlement& settlement) {
  std::optional<std::int64_t> amount;
  {
    auto row = end_reservation_.query(settlement.reservation_id);
    while (row.next()) amount = row.integer(0);  // to the end: the deletion belongs to the execution
  }
  if (!amount) {
    throw Refused("reservation " + std::to_string(settlement.reservation_id) +
                  " is not outstanding: it was settled before or never made");
  }
  const LedgerTotals now = totals();
  write_ledger_.run(saturating_add(now.settled_pusd, settlement.billed_pusd), now.reserved_pusd - *amount);
}

void Tables::set_cap(std::optional<std::int64_t> cap_pusd) { write_cap_.run(cap_pusd); }

RunRow Tables::begin_run(const Digest& key, const std::string& manifest_json) {
  // An upsert would use up a number each time that a run goes on.
  reopen_run_.run(Blob{key.view()});
  if (sqlite3_changes(handle_) == 0) insert_run_.run(Blob{key.view()}, manifest_json, unix_ms());
  auto row = find_run_.query(Blob{key.view()});
  if (!row.next()) throw sqlite::Failure(SQLITE_CORRUPT, 0, "the index of runs names a row that is not there");
  return read_run(row);
}

void Tables::end_run(std::int64_t run_id, RunStatus status) {
  end_run_.run(to_string(status), unix_ms(), run_id);
  if (sqlite3_changes(handle_) == 0) throw Refused("the store has no run " + std::to_string(run_id));
}

void Tables::put_outcome(std::int64_t run_id, const Outcome& outcome) {
  try {
    put_outcome_.run(outcome.position, outcome.problem_id, to_string(outcome.status), outcome.stage, outcome.correct,
                     outcome.billed_pusd, outcome.ideal_pusd, outcome.samples, outcome.saved, outcome.trace_json,
                     run_id);
  } catch (const sqlite::Failure& failure) {
    if (failure.extended_code() != SQLITE_CONSTRAINT_FOREIGNKEY) throw;
    throw Refused("the store has no run " + std::to_string(run_id));
  }
}

}  // namespace cope
