#include "cope/store/reader.h"

#include "cope/base/error.h"
#include "cope/store/database_file.h"
#include "cope/store/tables.h"

namespace cope {
namespace {

std::string outcomes_sql(const char* trace) {
  return std::string("SELECT ") + outcome_columns + ", " + trace +
         " FROM outcomes WHERE run_id = ? ORDER BY position, problem_id LIMIT ? OFFSET ?";
}

}  // namespace

Reader::Reader(sqlite::Database database, std::string path)
    : path_(std::move(path)),
      database_(std::move(database)),
      begin_(database_, "BEGIN"),
      end_(database_, "ROLLBACK"),  // nothing was written
      find_sample_(database_, std::string("SELECT ") + sample_columns + " FROM samples WHERE identity = ?"),
      ledger_(database_, "SELECT cap_pusd, settled_pusd, reserved_pusd FROM ledger"),
      runs_(database_, std::string("SELECT ") + run_columns + " FROM runs ORDER BY id"),
      find_outcome_(database_, std::string("SELECT ") + outcome_columns +
                                   ", trace_json FROM outcomes WHERE run_id = ? AND problem_id = ?"),
      outcomes_(database_, outcomes_sql("trace_json")),
      outcomes_without_trace_(database_, outcomes_sql("''")) {}

template <class Body>
auto Reader::read(Body body) {
  const std::lock_guard lock(mutex_);
  try {
    return body();
  } catch (const sqlite::Failure& failure) {
    throw StoreError(explain(failure, path_));
  }
}

std::vector<std::optional<Sample>> Reader::find(std::span<const Digest> identities) {
  return read([&] {
    std::vector<std::optional<Sample>> samples(identities.size());
    // One snapshot, and one set of locks, for all.
    begin_.run();
    struct End {
      Reader& reader;
      ~End() {
        try {
          reader.end_.run();
        } catch (const sqlite::Failure&) {
          // Already ended by the failure that is under way.
        }
      }
    } const end{*this};
    for (std::size_t i = 0; i < identities.size(); ++i) {
      auto row = find_sample_.query(sqlite::Blob{identities[i].view()});
      if (!row.next()) continue;
      samples[i] = read_sample(row);
      samples[i]->cached = true;
    }
    return samples;
  });
}

LedgerTotals Reader::ledger() {
  return read([&] {
    auto row = ledger_.query();
    if (!row.next()) throw sqlite::Failure(SQLITE_CORRUPT, 0, "the ledger has no row");
    return LedgerTotals{row.maybe_integer(0), row.integer(1), row.integer(2)};
  });
}

std::vector<RunRow> Reader::runs() {
  return read([&] {
    std::vector<RunRow> runs;
    auto row = runs_.query();
    while (row.next()) runs.push_back(read_run(row));
    return runs;
  });
}

std::optional<Outcome> Reader::find_outcome(std::int64_t run_id, const std::string& problem_id) {
  return read([&] {
    auto row = find_outcome_.query(run_id, problem_id);
    return row.next() ? std::optional(read_outcome(row)) : std::nullopt;
  });
}

std::vector<Outcome> Reader::outcomes(std::int64_t run_id, std::int64_t offset, std::int64_t limit, bool with_trace) {
  return read([&] {
    std::vector<Outcome> outcomes;
    auto row = (with_trace ? outcomes_ : outcomes_without_trace_).query(run_id, limit, offset);
    while (row.next()) outcomes.push_back(read_outcome(row));
    return outcomes;
  });
}

}  // namespace cope
