#include "cope/store/store.h"

#include <utility>

#include "cope/base/error.h"
#include "cope/store/database_file.h"
#include "cope/store/reader.h"
#include "cope/store/writer.h"

namespace cope {
namespace {

// Above this SQLite could refuse a row in the middle of a transaction.
constexpr std::size_t most_sample_bytes = 256u << 20;

std::size_t bytes_of(const Sample& sample) { return sample.text.size() + sample.reasoning.size() + 256; }

class PutSamples final : public Operation {
 public:
  PutSamples(std::vector<Sample> samples, std::optional<Settlement> settlement, std::function<void(Written)> done)
      : samples_(std::move(samples)), settlement_(settlement), done_(std::move(done)) {
    for (const Sample& sample : samples_) bytes_ += bytes_of(sample);
  }

  std::size_t rows() const override { return samples_.size() + 1; }
  std::size_t bytes() const override { return bytes_; }
  void apply(Tables& tables) override {
    if (settlement_) tables.settle(*settlement_);  // first: it may refuse, the samples cannot
    for (Sample& sample : samples_) tables.put_sample(sample);
  }
  bool finish(const std::string& error) override {
    if (!done_) return error.empty();
    if (!error.empty()) samples_.clear();
    done_({std::move(samples_), error});
    return true;
  }

 private:
  std::vector<Sample> samples_;
  std::optional<Settlement> settlement_;
  std::function<void(Written)> done_;
  std::size_t bytes_ = 0;
};

class Reserve final : public Operation {
 public:
  Reserve(std::int64_t amount_pusd, std::function<void(Reservation)> done)
      : amount_pusd_(amount_pusd), done_(std::move(done)) {}

  void apply(Tables& tables) override { id_ = tables.reserve(amount_pusd_); }
  bool finish(const std::string& error) override {
    if (!done_) return error.empty();
    done_(error.empty() ? Reservation{id_.has_value(), id_.value_or(0), {}} : Reservation{false, 0, error});
    return true;
  }

 private:
  std::int64_t amount_pusd_;
  std::function<void(Reservation)> done_;
  std::optional<std::int64_t> id_;
};

class Settle final : public Operation {
 public:
  explicit Settle(Settlement settlement) : settlement_(settlement) {}
  void apply(Tables& tables) override { tables.settle(settlement_); }
  bool finish(const std::string& error) override { return error.empty(); }

 private:
  Settlement settlement_;
};

class PutOutcome final : public Operation {
 public:
  PutOutcome(std::int64_t run_id, Outcome outcome) : run_id_(run_id), outcome_(std::move(outcome)) {}
  std::size_t bytes() const override { return outcome_.trace_json.size(); }
  void apply(Tables& tables) override { tables.put_outcome(run_id_, outcome_); }
  bool finish(const std::string& error) override { return error.empty(); }

 private:
  std::int64_t run_id_;
  Outcome outcome_;
};

void require_amount(std::int64_t pusd, const char* name) {
  if (pusd < 0) throw ConfigError(std::string(name) + " must be at least 0, and is " + std::to_string(pusd));
}

class SqliteStore final : public Store {
 public:
  SqliteStore(std::string directory, Mode mode, const Options& options)
      : directory_(std::move(directory)),
        writer_(mode == Mode::read ? nullptr : make_writer(directory_, mode, options)),
        reader_(open_for_reading(directory_, {options.busy_timeout_ms, /*judged=*/writer_ != nullptr}),
                database_path(directory_)) {}

  // The thread ends while the reader is still there for its last callbacks; then the reader goes before the writer's connection, because the last
  // one to close moves the log into the file.
  ~SqliteStore() override {
    if (writer_) writer_->stop();
  }

  std::vector<std::optional<Sample>> find(std::span<const Digest> identities) override {
    return reader_.find(identities);
  }

  void put(std::vector<Sample> samples, std::optional<Settlement> settlement,
           std::function<void(Written)> done) override {
    for (const Sample& sample : samples) {
      if (!sample.ok()) {
        throw ConfigError("only samples without an error may be stored, and got one with the error '" +
                          std::string(to_string(sample.error)) + "'");
      }
      if (bytes_of(sample) > most_sample_bytes) {
        throw ConfigError("a sample of " + std::to_string(bytes_of(sample)) +
                          " bytes is too large to be stored (limit: " + std::to_string(most_sample_bytes) + ")");
      }
    }
    if (settlement) require_amount(settlement->billed_pusd, "billed_pusd");
    writer().enqueue(std::make_unique<PutSamples>(std::move(samples), settlement, std::move(done)));
  }

  void set_cap(std::optional<std::int64_t> cap_pusd) override {
    if (cap_pusd) require_amount(*cap_pusd, "cap_pusd");
    writer().call([&](Tables& tables) { tables.set_cap(cap_pusd); });
  }

  void reserve(std::int64_t amount_pusd, std::function<void(Reservation)> done) override {
    require_amount(amount_pusd, "amount_pusd");
    writer().enqueue(std::make_unique<Reserve>(amount_pusd, std::move(done)));
  }

  void settle(Settlement settlement) override {
    require_amount(settlement.billed_pusd, "billed_pusd");
    writer().enqueue(std::make_unique<Settle>(settlement));
  }

  LedgerTotals ledger() override { return reader_.ledger(); }

  RunRow begin_run(const Digest& key, const std::string& manifest_json) override {
    RunRow run;
    writer().call([&](Tables& tables) { run = tables.begin_run(key, manifest_json); });
    return run;
  }

  void end_run(std::int64_t run_id, RunStatus status) override {
    writer().call([&](Tables& tables) { tables.end_run(run_id, status); });
  }

  std::vector<RunRow> runs() override { return reader_.runs(); }

  void put_outcome(std::int64_t run_id, Outcome outcome) override {
    if (outcome.trace_json.size() > most_sample_bytes) {
      throw ConfigError("the trace of problem '" + outcome.problem_id + "' is too large to be stored (" +
                        std::to_string(outcome.trace_json.size()) + " bytes)");
    }
    writer().enqueue(std::make_unique<PutOutcome>(run_id, std::move(outcome)));
  }

  std::optional<Outcome> find_outcome(std::int64_t run_id, const std::string& problem_id) override {
    return reader_.find_outcome(run_id, problem_id);
  }

  std::vector<Outcome> outcomes(std::int64_t run_id, std::int64_t offset, std::int64_t limit,
                                bool with_trace) override {
    return reader_.outcomes(run_id, offset, limit, with_trace);
  }

  void flush() override {
    if (writer_) writer_->flush();
  }

  const std::string& directory() const override { return directory_; }

 private:
  static std::unique_ptr<Writer> make_writer(const std::string& directory, Mode mode, const Options& options) {
    const WritingOptions writing{mode == Mode::create, options.durable, options.busy_timeout_ms};
    return std::make_unique<Writer>(open_for_writing(directory, writing), database_path(directory),
                                    Writer::Limits{.group_rows = options.group_rows});
  }

  Writer& writer() {
    if (!writer_) throw StoreError("the store \"" + directory_ + "\" was opened for reading: open it with Mode::write");
    return *writer_;
  }

  // Constant after construction; both halves are internally synchronised.
  const std::string directory_;
  const std::unique_ptr<Writer> writer_;
  Reader reader_;
};

}  // namespace

std::unique_ptr<Store> Store::open(const std::string& directory, Mode mode, Options options) {
  if (options.group_rows < 1) throw ConfigError("group_rows must be at least 1, and is 0");
  return std::make_unique<SqliteStore>(directory, mode, options);
}

std::string_view to_string(OutcomeStatus status) {
  switch (status) {
    case OutcomeStatus::answered:
      return "answered";
    case OutcomeStatus::unscored:
      return "unscored";
    case OutcomeStatus::failed:
      return "failed";
    case OutcomeStatus::unfinished:
      return "unfinished";
  }
  return "unknown";
}

std::string_view to_string(RunStatus status) {
  switch (status) {
    case RunStatus::running:
      return "running";
    case RunStatus::finished:
      return "finished";
    case RunStatus::interrupted:
      return "interrupted";
    case RunStatus::failed:
      return "failed";
  }
  return "unknown";
}

}  // namespace cope
