// Where the store's callbacks, on its writer thread, leave word for the sampler's thread.
//
//   auto inbox = std::make_shared<Inbox<Event>>([&] { client.wake(); });
//   store.put(…, [inbox](Written w) { inbox->post(…); });      // the callback may outlive the sampler: it owns the inbox
//   for (Event& event : inbox->take()) …
//
// Thread-safety: internally synchronised.
#pragma once

#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace cope {

template <class Event>
class Inbox {
 public:
  explicit Inbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  void post(Event event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    // Under the lock, so that close() waits for it. The reader itself needs no waking: it looks again before it sleeps.
    if (wake_ && std::this_thread::get_id() != reader_) wake_();
  }

  std::vector<Event> take() {
    const std::lock_guard lock(mutex_);
    reader_ = std::this_thread::get_id();
    return std::exchange(events_, {});
  }

  // No wake-up after this returns.
  void close() {
    const std::lock_guard lock(mutex_);
    wake_ = nullptr;
  }

 private:
  std::mutex mutex_;
  std::function<void()> wake_;  // guarded by mutex_
  std::vector<Event> events_;   // guarded by mutex_
  std::thread::id reader_;      // guarded by mutex_
};

}  // namespace cope
