// The reading half of a store: its own connection, which sees what is committed and waits for no writer.
//
//   Reader reader(open_for_reading(directory, {}), path);
//   auto samples = reader.find(identities);
//
// Throws StoreError where the file cannot be read.
// Thread-safety: internally synchronised, any thread, callbacks of the writer included.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cope/store/sqlite.h"
#include "cope/store/store.h"

namespace cope {

class Reader {
 public:
  Reader(sqlite::Database database, std::string path);

  std::vector<std::optional<Sample>> find(std::span<const Digest> identities);
  LedgerTotals ledger();
  std::vector<RunRow> runs();
  std::optional<Outcome> find_outcome(std::int64_t run_id, const std::string& problem_id);
  std::vector<Outcome> outcomes(std::int64_t run_id, std::int64_t offset, std::int64_t limit, bool with_trace);

 private:
  template <class Body>
  auto read(Body body);

  const std::string path_;

  std::mutex mutex_;
  // Guarded by mutex_.
  sqlite::Database database_;
  sqlite::Statement begin_;
  sqlite::Statement end_;
  sqlite::Statement find_sample_;
  sqlite::Statement ledger_;
  sqlite::Statement runs_;
  sqlite::Statement find_outcome_;
  sqlite::Statement outcomes_;
  sqlite::Statement outcomes_without_trace_;
};

}  // namespace cope
