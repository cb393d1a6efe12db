// The one thread that writes to a store: it takes operations off a queue, commits them in groups, and only then tells those who asked.
//
//   Writer writer(open_for_writing(directory, {}), path, {.group_rows = 512});
//   writer.enqueue(std::make_unique<PutSamples>(…));     // returns at once; finish() is called after the commit, in the order of the queue
//   writer.call([&](Tables& tables) { tables.set_cap(cap); });   // waits for its commit
//
// There is no timer: while one group is being made durable the next one gathers, so groups are as large as the disk is slow, and a lone
// operation waits for nobody. Groups are bounded in rows and bytes, so one burst keeps no answer waiting for long.
//
// After a failure of the store (disk full, I/O error, locked for too long) the group is rolled back and told so, and every later operation fails
// at once with the same message.
//
// Thread-safety: internally synchronised, any thread. apply() and finish() run on the writer's thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cope/store/sqlite.h"
#include "cope/store/tables.h"

namespace cope {

class Operation {
 public:
  virtual ~Operation() = default;
  virtual std::size_t rows() const { return 1; }
  virtual std::size_t bytes() const { return 0; }
  // Inside the transaction. May throw Refused, having changed nothing, which is this operation's error alone.
  virtual void apply(Tables& tables) = 0;
  // After the commit; `error` is empty where it holds. Returns false where nobody else learns of the error, so that flush() must tell.
  virtual bool finish(const std::string& error) = 0;
};

class Writer {
 public:
  struct Limits {
    std::size_t group_rows = 512;
    std::size_t group_bytes = 4u << 20;
  };

  Writer(sqlite::Database database, std::string path, Limits limits);
  ~Writer();  // commits what is queued
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void enqueue(std::unique_ptr<Operation> operation);

  // REQUIRES of both: not called from a callback, which would wait for itself; throws std::logic_error there.
  void call(std::function<void(Tables&)> body);  // throws StoreError where it fails
  void flush();  // throws StoreError where the store, or an operation that had nobody to tell, failed

  // Commits what is queued, calls back, and ends the thread. Nothing may be queued afterwards but by callbacks that it runs.
  void stop() noexcept;

 private:
  struct Entry {
    std::unique_ptr<Operation> operation;
    std::string error;
  };

  void run() noexcept;
  bool take(std::vector<Entry>& group);  // false: nothing is left, and nothing will come
  void commit(std::vector<Entry>& group) noexcept;
  void finish(std::vector<Entry>& group) noexcept;
  std::string roll_back(const std::exception& failure) noexcept;
  void forbid_callbacks() const;

  // Constant after construction.
  const std::string path_;
  const Limits limits_;

  // Used by the writer's thread alone once it runs.
  sqlite::Database database_;
  Tables tables_;
  sqlite::Statement begin_;
  sqlite::Statement commit_;
  sqlite::Statement rollback_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::deque<std::unique_ptr<Operation>> queue_;
  std::uint64_t enqueued_ = 0;
  std::uint64_t finished_ = 0;  // called back
  std::string failure_;         // not empty: the store failed, for good
  std::string untold_;          // the first error since the last flush() that nobody learnt of
  bool stopping_ = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace cope
