// What one transaction may do to the tables: the statements of the writer, prepared once.
//
//   Tables tables(database);          // inside BEGIN IMMEDIATE … COMMIT:
//   if (auto id = tables.reserve(worst_case_pusd)) …
//   tables.settle({*id, billed_pusd});
//
// Every method either does all of its work, or throws Refused having done nothing (the caller's mistake: the transaction goes on), or throws
// sqlite::Failure (the store's trouble: the transaction must be rolled back).
//
// Thread-safety: belongs to the thread of its connection.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

#include "cope/store/sqlite.h"
#include "cope/store/store.h"

namespace cope {

class Refused : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The columns of a sample, an outcome and a run, in the order in which read_… expects them, the first at column 0.
extern const char* const sample_columns;
extern const char* const outcome_columns;  // the trace comes after them
extern const char* const run_columns;

Sample read_sample(const sqlite::Rows& row);
Outcome read_outcome(const sqlite::Rows& row);
RunRow read_run(const sqlite::Rows& row);

class Tables {
 public:
  explicit Tables(const sqlite::Database& database);

  // Where the identity is taken, `sample` becomes what the store holds.
  void put_sample(Sample& sample);

  // The reservation's id; none where the cap leaves no room. Without a cap the limit is what 64 bits hold.
  std::optional<std::int64_t> reserve(std::int64_t amount_pusd);
  void settle(const Settlement& settlement);
  void set_cap(std::optional<std::int64_t> cap_pusd);

  RunRow begin_run(const Digest& key, const std::string& manifest_json);
  void end_run(std::int64_t run_id, RunStatus status);
  void put_outcome(std::int64_t run_id, const Outcome& outcome);

 private:
  LedgerTotals totals();

  sqlite3* handle_;
  sqlite::Statement insert_sample_;
  sqlite::Statement find_sample_;
  sqlite::Statement read_ledger_;
  sqlite::Statement write_ledger_;
  sqlite::Statement write_cap_;
  sqlite::Statement insert_reservation_;
  sqlite::Statement end_reservation_;
  sqlite::Statement insert_run_;
  sqlite::Statement reopen_run_;
  sqlite::Statement find_run_;
  sqlite::Statement end_run_;
  sqlite::Statement put_outcome_;
};

}  // namespace cope
