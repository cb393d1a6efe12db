#include "cope/store/writer.h"

#include <exception>
#include <stdexcept>
#include <utility>

#include "cope/base/error.h"
#include "cope/store/database_file.h"

namespace cope {
namespace {

// An operation that someone waits for.
class Call final : public Operation {
 public:
  explicit Call(std::function<void(Tables&)> body) : body_(std::move(body)) {}

  void apply(Tables& tables) override { body_(tables); }
  bool finish(const std::string& error) override {
    const std::lock_guard lock(mutex_);
    error_ = error;
    done_ = true;
    changed_.notify_all();
    return true;
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_; });
    if (!error_.empty()) throw StoreError(error_);
  }

 private:
  std::function<void(Tables&)> body_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;  // guarded by mutex_, as is error_
  std::string error_;
};

// The queue owns its operations; the waiting side owns the call as well, and outlives neither by accident.
class Shared final : public Operation {
 public:
  explicit Shared(std::shared_ptr<Operation> operation) : operation_(std::move(operation)) {}
  void apply(Tables& tables) override { operation_->apply(tables); }
  bool finish(const std::string& error) override { return operation_->finish(error); }

 private:
  std::shared_ptr<Operation> operation_;
};

}  // namespace

Writer::Writer(sqlite::Database database, std::string path, Limits limits)
    : path_(std::move(path)),
      limits_(limits),
      database_(std::move(database)),
      tables_(database_),
      // IMMEDIATE: the lock is taken, and waited for, before anything is read that the decision to write rests on.
      begin_(database_, "BEGIN IMMEDIATE"),
      commit_(database_, "COMMIT"),
      rollback_(database_, "ROLLBACK"),
      thread_([this] { run(); }) {}

Writer::~Writer() { stop(); }

void Writer::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Writer::enqueue(std::unique_ptr<Operation> operation) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(operation));
    ++enqueued_;
  }
  changed_.notify_all();
}

void Writer::call(std::function<void(Tables&)> body) {
  forbid_callbacks();
  auto operation = std::make_shared<Call>(std::move(body));
  enqueue(std::make_unique<Shared>(operation));
  operation->wait();
}

void Writer::flush() {
  forbid_callbacks();
  std::unique_lock lock(mutex_);
  const std::uint64_t last = enqueued_;
  changed_.wait(lock, [&] { return finished_ >= last; });
  if (!failure_.empty()) throw StoreError(failure_);
  if (!untold_.empty()) throw StoreError(std::exchange(untold_, {}));
}

void Writer::forbid_callbacks() const {
  if (std::this_thread::get_id() == thread_.get_id()) {
    throw std::logic_error("a callback of the store must not wait for the store");
  }
}

void Writer::run() noexcept {
  std::vector<Entry> group;
  while (take(group)) {
    commit(group);
    finish(group);
  }
}

bool Writer::take(std::vector<Entry>& group) {
  group.clear();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !queue_.empty() || stopping_; });
  std::size_t rows = 0;
  std::size_t bytes = 0;
  while (!queue_.empty()) {
    rows += queue_.front()->rows();
    bytes += queue_.front()->bytes();
    // At least one, however large: an operation is never split.
    if (!group.empty() && (rows > limits_.group_rows || bytes > limits_.group_bytes)) break;
    group.push_back({std::move(queue_.front()), {}});
    queue_.pop_front();
  }
  return !group.empty();
}

void Writer::commit(std::vector<Entry>& group) noexcept {
  std::string failure;
  {
    const std::lock_guard lock(mutex_);
    failure = failure_;
  }
  if (failure.empty()) {
    try {
      begin_.run();
      for (Entry& entry : group) {
        try {
          entry.operation->apply(tables_);
        } catch (const Refused& refused) {
          entry.error = refused.what();
        }
      }
      commit_.run();
      return;
    } catch (const std::exception& exception) {
      failure = roll_back(exception);
    }
    const std::lock_guard lock(mutex_);
    failure_ = failure;
  }
  for (Entry& entry : group) entry.error = failure;
}

std::string Writer::roll_back(const std::exception& exception) noexcept {
  try {
    if (sqlite3_get_autocommit(database_.handle()) == 0) rollback_.run();
  } catch (const sqlite::Failure&) {
    // The first failure is the one to report; closing the connection rolls back as well.
  }
  if (const auto* failure = dynamic_cast<const sqlite::Failure*>(&exception)) return explain(*failure, path_);
  return "the store \"" + path_ + "\" failed (" + exception.what() + ")";
}

void Writer::finish(std::vector<Entry>& group) noexcept {
  for (Entry& entry : group) {
    bool told = true;
    try {
      told = entry.operation->finish(entry.error);
    } catch (const std::exception& exception) {
      entry.error = std::string("a callback of the store threw: ") + exception.what();
      told = false;
    } catch (...) {
      entry.error = "a callback of the store threw something that is no std::exception";
      told = false;
    }
    entry.operation.reset();  // what it captured goes before a flush() that waits for it returns
    {
      const std::lock_guard lock(mutex_);
      if (!told && !entry.error.empty() && untold_.empty()) untold_ = entry.error;
      ++finished_;
    }
    changed_.notify_all();
  }
}

}  // namespace cope
