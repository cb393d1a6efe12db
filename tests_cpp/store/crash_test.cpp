#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <array>
#include <cstring>
#include <random>
#include <set>

#include "store/support.h"

namespace cope::store_test {
namespace {

using testing::HasSubstr;

TEST(StoreCrash, every_sample_whose_callback_was_seen_survives_a_kill_at_a_random_moment) {
  std::mt19937 random(20261);
  TempDirectory directory;
  std::set<std::int64_t> seen;
  for (int round = 0; round < 12; ++round) {
    Child child([&, round](Channel& out) {
      auto store = Store::open(directory.path(), Store::Mode::create, {.group_rows = round % 2 == 0 ? 512u : 3u});
      for (std::int64_t number = round * 1'000'000;; ++number) {
        store->put({make_sample(number, std::string(static_cast<std::size_t>(number % 977) * 8, 't'))}, std::nullopt,
                   [&out, number](const Written& written) {
                     require(written.error.empty(), written.error);
                     out.send(number);
                   });
        if (number % 64 == 0) store->flush();
      }
    });
    child.start();
    // Killed after so many reports, which is at any point of the commits that follow.
    const auto reports = 1 + random() % 400;
    std::int64_t number = 0;
    for (unsigned i = 0; i < reports && child.receive(number); ++i) seen.insert(number);
    child.kill();
    for (const std::int64_t late : child.receive_all()) seen.insert(late);
    child.wait();

    auto store = Store::open(directory.path(), Store::Mode::write);
    for (const std::int64_t each : seen) {
      const auto sample = find_one(*store, identity(each));
      ASSERT_TRUE(sample) << "round " << round << " lost sample " << each;
      EXPECT_EQ(sample->text, make_sample(each, std::string(static_cast<std::size_t>(each % 977) * 8, 't')).text);
    }
  }
  EXPECT_GE(seen.size(), 12u);
}

TEST(StoreCrash, money_adds_up_after_a_kill_and_what_was_not_settled_counts_in_full) {
  constexpr std::int64_t reserved_each = 1'000;
  constexpr std::int64_t billed_each = 10;
  std::mt19937 random(7);
  TempDirectory directory;
  std::int64_t granted_seen = 0;
  std::int64_t settled_seen = 0;
  for (int round = 0; round < 8; ++round) {
    Child child([&, round](Channel& out) {
      auto store = Store::open(directory.path(), Store::Mode::create);
      for (std::int64_t number = round * 1'000'000;; ++number) {
        store->reserve(reserved_each, [&, number](const Reservation& reservation) {
          require(reservation.granted, reservation.error);
          out.send(1);
          store->put({make_sample(number)}, Settlement{reservation.id, billed_each},
                     [&](const Written& written) { out.send(written.error.empty() ? 2 : 3); });
        });
        if (number % 16 == 0) store->flush();
      }
    });
    child.start();
    const auto count = [&](std::int64_t kind) {
      EXPECT_NE(kind, 3);
      granted_seen += kind == 1 ? 1 : 0;
      settled_seen += kind == 2 ? 1 : 0;
    };
    const auto reports = 1 + random() % 200;
    std::int64_t kind = 0;
    for (unsigned i = 0; i < reports && child.receive(kind); ++i) count(kind);
    child.kill();
    for (const std::int64_t late : child.receive_all()) count(late);
    child.wait();

    const LedgerTotals totals = Store::open(directory.path(), Store::Mode::write)->ledger();
    ASSERT_EQ(totals.settled_pusd % billed_each, 0);
    ASSERT_EQ(totals.reserved_pusd % reserved_each, 0);
    const std::int64_t settled = totals.settled_pusd / billed_each;
    const std::int64_t outstanding = totals.reserved_pusd / reserved_each;
    EXPECT_GE(settled, settled_seen);
    EXPECT_GE(settled + outstanding, granted_seen) << "a reservation that was granted is gone";
    granted_seen = settled + outstanding;  // what was committed without a report counts from now on
    settled_seen = settled;
  }
}

TEST(StoreCrash, two_processes_that_write_the_same_identities_agree_on_every_text) {
  constexpr int samples = 400;
  TempDirectory directory;
  static_cast<void>(Store::open(directory.path(), Store::Mode::create));
  const auto write = [&](int who) {
    return [&directory, who](Channel& out) {
      auto store = Store::open(directory.path(), Store::Mode::write, {.group_rows = 8});
      for (int i = 0; i < samples; ++i) {
        store->put({make_sample(i, std::to_string(who))}, std::nullopt, [&out](const Written& written) {
          require(written.error.empty(), written.error);
          out.send(written.samples.at(0).text == "1" ? 1 : 2);
        });
        if (i % 8 == 0) store->flush();
      }
      store->flush();
    };
  };
  Child first(write(1));
  Child second(write(2));
  first.start();
  second.start();
  const auto told_first = first.receive_all();
  const auto told_second = second.receive_all();
  EXPECT_EQ(first.wait(), 0);
  EXPECT_EQ(second.wait(), 0);
  ASSERT_EQ(told_first.size(), static_cast<std::size_t>(samples));
  EXPECT_EQ(told_first, told_second);
  auto store = Store::open(directory.path(), Store::Mode::read);
  for (int i = 0; i < samples; ++i) {
    EXPECT_EQ(find_one(*store, identity(i))->text, std::to_string(told_first[static_cast<std::size_t>(i)])) << i;
  }
}

// Writes until the disk is full; then everything that a full store promises. Sends the number of samples that were committed.
void fill(const std::string& directory, Channel& out) {
  std::int64_t committed = 0;
  std::string error;
  {
    auto store = Store::open(directory, Store::Mode::create);
    while (error.empty()) {
      const Written written = put_one(*store, make_sample(committed, std::string(16'000, 'x')));
      error = written.error;
      require(error.empty() || written.samples.empty(), "samples with an error");
      if (error.empty()) ++committed;
      require(committed < 10'000, "the disk is never full");
    }
    require(error.find("no room left") != std::string::npos, error);
    require(error.find(directory) != std::string::npos, error);
    require(put_one(*store, make_sample(1'000'000)).error == error, "a later write fails in another way");
    Reservation reservation;
    store->reserve(1, [&](Reservation r) { reservation = std::move(r); });
    require(message_of([&] { store->flush(); }) == error, "flush");
    require(!reservation.granted && reservation.error == error, "reserve");
    require(message_of([&] { store->set_cap(1); }) == error, "set_cap");
    require(message_of([&] { store->begin_run(sha256("r"), "{}"); }) == error, "begin_run");
    for (std::int64_t i = 0; i < committed; ++i) {
      require(find_one(*store, identity(i)).has_value(), "a committed sample cannot be read");
    }
    require(!find_one(*store, identity(committed)), "a sample is there that was said to have failed");
    require(store->ledger().reserved_pusd == 0, "ledger");
  }  // nor does the destructor throw
  out.send(committed);
}

TEST(StoreFull, writes_fail_with_one_message_reads_go_on_and_nothing_committed_is_lost) {
  TempDirectory directory;
  Child child([&](Channel& out) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1 << 20, 1 << 20};
    require(::setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
    fill(directory.path(), out);
  });
  child.start();
  std::int64_t committed = 0;
  ASSERT_TRUE(child.receive(committed));
  EXPECT_EQ(child.wait(), 0);
  EXPECT_GT(committed, 0);
  auto store = Store::open(directory.path(), Store::Mode::write);  // there is room again
  for (std::int64_t i = 0; i < committed; ++i) EXPECT_TRUE(find_one(*store, identity(i))) << i;
  EXPECT_EQ(put_one(*store, make_sample(committed)).error, "");
}

TEST(StoreFull, a_small_file_system_that_fills_up_loses_nothing_committed) {
  TempDirectory directory;
  fs::create_directories(directory.path("disk"));
  if (::mount("tmpfs", directory.path("disk").c_str(), "tmpfs", 0, "size=2m") != 0) {
    GTEST_SKIP() << "no file system may be mounted here: " << std::strerror(errno);
  }
  struct Unmount {
    std::string path;
    ~Unmount() { ::umount2(path.c_str(), MNT_DETACH); }
  } const unmount{directory.path("disk")};

  Child child([&](Channel& out) { fill(directory.path("disk/store"), out); });
  child.start();
  std::int64_t committed = 0;
  ASSERT_TRUE(child.receive(committed));
  EXPECT_EQ(child.wait(), 0);
  EXPECT_GT(committed, 0);
  auto store = Store::open(directory.path("disk/store"), Store::Mode::read);
  for (std::int64_t i = 0; i < committed; ++i) EXPECT_TRUE(find_one(*store, identity(i))) << i;
}

TEST(StoreFull, a_store_that_cannot_be_made_leaves_nothing_behind) {
  TempDirectory directory;
  Child child([&](Channel& out) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{2000, 2000};
    require(::setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
    const auto message = message_of([&] { static_cast<void>(Store::open(directory.path(), Store::Mode::create)); });
    require(message.find("no room left") != std::string::npos, message);
    out.send(1);
  });
  child.start();
  EXPECT_EQ(child.receive_all().size(), 1u);
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(contents(directory.path()).empty());
}

// Another program that holds the write lock.
class Lock {
 public:
  explicit Lock(const std::string& file) {
    if (sqlite3_open(file.c_str(), &handle_) != SQLITE_OK) throw std::runtime_error(file);
    sqlite3_exec(handle_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
  }
  ~Lock() { release(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  void release() {
    sqlite3_close(handle_);
    handle_ = nullptr;
  }

 private:
  sqlite3* handle_ = nullptr;
};

TEST(StoreLock, a_writer_waits_for_another_and_callbacks_come_group_by_group) {
  constexpr int samples = 500;
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create, {.group_rows = 20});
  auto reader = Store::open(directory.path(), Store::Mode::read);
  Lock lock(directory.file());
  bool last_was_there = true;
  std::atomic<int> called{0};
  for (int i = 0; i < samples; ++i) {
    store->put({make_sample(i)}, std::nullopt, [&, i](const Written& written) {
      EXPECT_EQ(written.error, "");
      if (i == 0) last_was_there = find_one(*reader, identity(samples - 1)).has_value();
      ++called;
    });
  }
  EXPECT_EQ(called, 0) << "a callback before the commit";
  lock.release();
  store->flush();
  EXPECT_EQ(called, samples);
  EXPECT_FALSE(last_was_there) << "the first callback waited for the whole queue";
}

TEST(StoreLock, one_that_is_held_for_too_long_is_a_clear_error_and_reads_go_on) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create, {.busy_timeout_ms = 20});
  EXPECT_EQ(put_one(*store, make_sample(1)).error, "");
  Lock lock(directory.file());
  const Written written = put_one(*store, make_sample(2));
  EXPECT_THAT(written.error, HasSubstr("locked by another program"));
  EXPECT_TRUE(find_one(*store, identity(1)));
  lock.release();
  EXPECT_EQ(put_one(*store, make_sample(3)).error, written.error) << "a failed store stays failed";
  EXPECT_EQ(message_of([&] { store->flush(); }), written.error);
  store.reset();
  EXPECT_EQ(put_one(*Store::open(directory.path(), Store::Mode::write), make_sample(3)).error, "");
}

}  // namespace
}  // namespace cope::store_test
