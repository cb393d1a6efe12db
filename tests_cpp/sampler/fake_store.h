// A store in memory, with the contract of store.h as far as the sampler uses it. Writes are carried out in order, on a thread of its own
// like the real one's writer, or at once on the caller's.
//
// Thread-safety: internally synchronised.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "cope/store/store.h"

namespace cope::test {

class FakeStore : public Store {
 public:
  enum class Writes { at_once, on_a_thread };

  explicit FakeStore(Writes writes = Writes::on_a_thread) {
    if (writes == Writes::on_a_thread) thread_ = std::thread([this] { work(); });
  }
  ~FakeStore() override {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  std::vector<std::optional<Sample>> find(std::span<const Digest> identities) override {
    const std::lock_guard lock(mutex_);
    std::vector<std::optional<Sample>> found;
    for (const Digest& identity : identities) {
      const auto sample = samples_.find(identity);
      found.push_back(sample == samples_.end() ? std::nullopt : std::optional(sample->second));
    }
    return found;
  }

  void put(std::vector<Sample> samples, std::optional<Settlement> settlement,
           std::function<void(Written)> done) override {
    queue([this, samples = std::move(samples), settlement, done = std::move(done)] {
      Written written;
      {
        const std::lock_guard lock(mutex_);
        written.error = write_error_;
        if (written.error.empty()) {
          for (const Sample& sample : samples) {
            if (!sample.ok()) written.error = "only ok samples may be written";
            written.samples.push_back(samples_.try_emplace(sample.identity, sample).first->second);
          }
          if (settlement) apply(*settlement);
        }
      }
      done(std::move(written));
    });
  }

  void set_cap(std::optional<std::int64_t> cap_pusd) override {
    const std::lock_guard lock(mutex_);
    totals_.cap_pusd = cap_pusd;
  }

  void reserve(std::int64_t amount_pusd, std::function<void(Reservation)> done) override {
    queue([this, amount_pusd, done = std::move(done)] {
      Reservation reservation;
      {
        const std::lock_guard lock(mutex_);
        reservation.error = write_error_;
        const std::int64_t after = totals_.settled_pusd + totals_.reserved_pusd + amount_pusd;
        if (reservation.error.empty() && (!totals_.cap_pusd || after <= *totals_.cap_pusd)) {
          reservation.granted = true;
          reservation.id = ++last_id_;
          held_[reservation.id] = amount_pusd;
          totals_.reserved_pusd += amount_pusd;
          most_committed_ = std::max(most_committed_, after);
        }
      }
      done(reservation);
    });
  }

  void settle(Settlement settlement) override {
    queue([this, settlement] {
      const std::lock_guard lock(mutex_);
      apply(settlement);
    });
  }

  LedgerTotals ledger() override {
    flush();
    const std::lock_guard lock(mutex_);
    return totals_;
  }

  RunRow begin_run(const Digest&, const std::string&) override { return {}; }
  void end_run(std::int64_t, RunStatus) override {}
  std::vector<RunRow> runs() override { return {}; }
  void put_outcome(std::int64_t, Outcome) override {}
  std::optional<Outcome> find_outcome(std::int64_t, const std::string&) override { return std::nullopt; }
  std::vector<Outcome> outcomes(std::int64_t, std::int64_t, std::int64_t, bool) override { return {}; }

  void flush() override {
    if (!thread_.joinable()) return;
    std::unique_lock lock(mutex_);
    held_back_ = false;
    changed_.notify_all();
    changed_.wait(lock, [this] { return work_.empty() && !busy_; });
  }
  const std::string& directory() const override { return directory_; }

  // --- for the tests -------------------------------------------------------------------------------------------
  void fail_writes(const std::string& error) {
    const std::lock_guard lock(mutex_);
    write_error_ = error;
  }
  // Nothing is carried out before the next flush().
  void hold_until_flush() {
    const std::lock_guard lock(mutex_);
    held_back_ = true;
  }
  std::size_t size() {
    flush();
    const std::lock_guard lock(mutex_);
    return samples_.size();
  }
  std::size_t outstanding() {
    flush();
    const std::lock_guard lock(mutex_);
    return held_.size();
  }
  std::int64_t most_committed_pusd() {
    const std::lock_guard lock(mutex_);
    return most_committed_;
  }

 private:
  void queue(std::function<void()> write) {
    if (!thread_.joinable()) return write();
    {
      const std::lock_guard lock(mutex_);
      work_.push_back(std::move(write));
    }
    changed_.notify_all();
  }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return (!work_.empty() && !held_back_) || stopping_; });
      if (work_.empty()) return;
      const std::function<void()> write = std::move(work_.front());
      work_.pop_front();
      busy_ = true;
      lock.unlock();
      write();
      lock.lock();
      busy_ = false;
      changed_.notify_all();
    }
  }

  void apply(const Settlement& settlement) {
    const auto held = held_.find(settlement.reservation_id);
    if (held == held_.end()) {
      write_error_ = "a reservation was settled twice";
      return;
    }
    totals_.reserved_pusd -= held->second;
    totals_.settled_pusd += settlement.billed_pusd;
    held_.erase(held);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
  bool busy_ = false;
  bool stopping_ = false;
  bool held_back_ = false;
  std::map<Digest, Sample> samples_;
  std::map<std::int64_t, std::int64_t> held_;
  LedgerTotals totals_;
  std::int64_t last_id_ = 0;
  std::int64_t most_committed_ = 0;
  std::string write_error_;
  const std::string directory_ = "memory";
  std::thread thread_;
};

}  // namespace cope::test
