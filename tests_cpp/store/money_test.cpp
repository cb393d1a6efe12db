#include <limits>
#include <random>
#include <set>

#include "store/support.h"

namespace cope::store_test {
namespace {

constexpr auto most = std::numeric_limits<std::int64_t>::max();

TEST(StoreMoney, a_new_store_has_no_cap_and_spent_nothing) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  const LedgerTotals totals = store->ledger();
  EXPECT_FALSE(totals.cap_pusd);
  EXPECT_EQ(totals.settled_pusd, 0);
  EXPECT_EQ(totals.reserved_pusd, 0);
  EXPECT_TRUE(reserve_one(*store, 1'000'000'000'000).granted);
}

TEST(StoreMoney, reservations_are_granted_up_to_the_cap_and_not_beyond) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  store->set_cap(100);
  EXPECT_TRUE(reserve_one(*store, 60).granted);
  const Reservation refused = reserve_one(*store, 41);
  EXPECT_FALSE(refused.granted);
  EXPECT_EQ(refused.error, "");
  EXPECT_TRUE(reserve_one(*store, 40).granted);
  EXPECT_FALSE(reserve_one(*store, 1).granted);
  EXPECT_TRUE(reserve_one(*store, 0).granted);
  EXPECT_EQ(store->ledger().reserved_pusd, 100);
}

TEST(StoreMoney, settling_replaces_the_reservation_by_what_was_billed) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  store->set_cap(100);
  const Reservation a = reserve_one(*store, 70);
  const Reservation b = reserve_one(*store, 30);
  EXPECT_NE(a.id, b.id);
  EXPECT_EQ(put_one(*store, make_sample(1), Settlement{a.id, 10}).error, "");
  EXPECT_EQ(store->ledger().settled_pusd, 10);
  EXPECT_EQ(store->ledger().reserved_pusd, 30);
  store->settle({b.id, 0});
  store->flush();
  EXPECT_EQ(store->ledger().reserved_pusd, 0);
  EXPECT_FALSE(reserve_one(*store, 91).granted);
  EXPECT_TRUE(reserve_one(*store, 90).granted);
}

TEST(StoreMoney, a_bill_above_its_reservation_is_booked_in_full) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  store->set_cap(100);
  store->settle({reserve_one(*store, 10).id, 250});
  store->flush();
  EXPECT_EQ(store->ledger().settled_pusd, 250);
  EXPECT_FALSE(reserve_one(*store, 0).granted);
}

TEST(StoreMoney, a_cap_may_be_raised_lowered_and_lifted) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  store->set_cap(10);
  EXPECT_FALSE(reserve_one(*store, 11).granted);
  store->set_cap(20);
  EXPECT_TRUE(reserve_one(*store, 11).granted);
  store->set_cap(5);
  EXPECT_FALSE(reserve_one(*store, 0).granted);
  EXPECT_EQ(store->ledger().cap_pusd, 5);
  store->set_cap(std::nullopt);
  EXPECT_TRUE(reserve_one(*store, 1000).granted);
  EXPECT_FALSE(store->ledger().cap_pusd);
}

TEST(StoreMoney, amounts_at_the_limits_of_64_bits_neither_overflow_nor_slip_through) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  const Reservation all = reserve_one(*store, most);
  EXPECT_TRUE(all.granted);
  EXPECT_FALSE(reserve_one(*store, 1).granted);
  EXPECT_FALSE(reserve_one(*store, most).granted);
  store->settle({all.id, most});
  store->flush();
  EXPECT_EQ(store->ledger().settled_pusd, most);
  const Reservation nothing = reserve_one(*store, 0);
  EXPECT_TRUE(nothing.granted);
  store->settle({nothing.id, most});  // stays at the limit
  store->flush();
  EXPECT_EQ(store->ledger().settled_pusd, most);
  store->set_cap(most);
  EXPECT_FALSE(reserve_one(*store, 1).granted);
}

TEST(StoreMoney, negative_amounts_are_misuse) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  EXPECT_THROW(store->reserve(-1, nullptr), ConfigError);
  EXPECT_THROW(store->settle({1, -1}), ConfigError);
  EXPECT_THROW(store->set_cap(-1), ConfigError);
  EXPECT_THROW(store->put({}, Settlement{1, -1}, nullptr), ConfigError);
}

TEST(StoreMoney, settling_twice_counts_once_and_writes_no_samples) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  const Reservation reservation = reserve_one(*store, 50);
  EXPECT_EQ(put_one(*store, make_sample(1), Settlement{reservation.id, 20}).error, "");

  const Written again = put_one(*store, make_sample(2), Settlement{reservation.id, 20});
  EXPECT_THAT(again.error, testing::HasSubstr("not outstanding"));
  EXPECT_TRUE(again.samples.empty());
  EXPECT_FALSE(find_one(*store, identity(2)));
  store->settle({reservation.id, 20});
  EXPECT_THAT(message_of([&] { store->flush(); }), testing::HasSubstr("not outstanding"));
  EXPECT_EQ(store->ledger().settled_pusd, 20);
  EXPECT_EQ(put_one(*store, make_sample(3)).error, "");  // the store goes on
  store->flush();
}

TEST(StoreMoney, what_was_reserved_and_never_settled_counts_in_full_after_reopening) {
  TempDirectory directory;
  {
    auto store = Store::open(directory.path(), Store::Mode::create);
    store->set_cap(100);
    EXPECT_TRUE(reserve_one(*store, 70).granted);
  }
  auto store = Store::open(directory.path(), Store::Mode::write);
  EXPECT_EQ(store->ledger().reserved_pusd, 70);
  EXPECT_EQ(store->ledger().cap_pusd, 100);
  EXPECT_FALSE(reserve_one(*store, 31).granted);
}

// Children send granted amounts; every id is theirs alone.
TEST(StoreMoney, two_processes_with_a_thousand_reservations_use_the_cap_up_and_never_pass_it) {
  constexpr std::int64_t cap = 1'000'000;
  constexpr int reservations = 1'000;
  constexpr int largest = 5'000;
  TempDirectory directory;
  Store::open(directory.path(), Store::Mode::create)->set_cap(cap);

  const auto reserve = [&](unsigned seed) {
    return [&directory, seed](Channel& out) {
      auto store = Store::open(directory.path(), Store::Mode::write);
      std::mt19937 random(seed);
      for (int i = 0; i < reservations; ++i) {
        const auto amount = static_cast<std::int64_t>(1 + random() % largest);
        store->reserve(amount, [&out, amount](const Reservation& reservation) {
          require(reservation.error.empty(), reservation.error);
          if (reservation.granted) {
            out.send(reservation.id);
            out.send(amount);
          }
        });
        if (i % 16 == 0) store->flush();  // many commits, so that the two interleave
      }
      store->flush();
    };
  };
  Child first(reserve(1));
  Child second(reserve(2));
  first.start();
  second.start();

  std::int64_t granted_pusd = 0;
  std::set<std::int64_t> ids;
  std::size_t granted = 0;
  for (const Child* child : {&first, &second}) {
    const auto values = child->receive_all();
    for (std::size_t i = 0; i + 1 < values.size(); i += 2) {
      ids.insert(values[i]);
      granted_pusd += values[i + 1];
      ++granted;
    }
  }
  EXPECT_EQ(first.wait(), 0);
  EXPECT_EQ(second.wait(), 0);
  EXPECT_EQ(ids.size(), granted);
  EXPECT_LE(granted_pusd, cap);
  EXPECT_GT(granted_pusd, cap - largest);
  EXPECT_EQ(Store::open(directory.path(), Store::Mode::read)->ledger().reserved_pusd, granted_pusd);
}

TEST(StoreMoney, two_processes_that_settle_less_than_they_reserved_never_pass_the_cap_either) {
  constexpr std::int64_t cap = 100'000;
  TempDirectory directory;
  Store::open(directory.path(), Store::Mode::create)->set_cap(cap);
  const auto spend = [&](Channel& out) {
    auto store = Store::open(directory.path(), Store::Mode::write);
    for (int i = 0; i < 500; ++i) {
      store->reserve(1'000, [&](const Reservation& reservation) {
        if (!reservation.granted) return;
        store->settle({reservation.id, 300});
        out.send(300);
      });
      if (i % 8 == 0) {
        store->flush();
        const LedgerTotals totals = store->ledger();
        require(totals.settled_pusd + totals.reserved_pusd <= cap, "the cap was passed");
      }
    }
    store->flush();
    store->flush();  // what the last callbacks queued
  };
  Child first(spend);
  Child second(spend);
  first.start();
  second.start();
  const auto bills = first.receive_all().size() + second.receive_all().size();
  EXPECT_EQ(first.wait(), 0);
  EXPECT_EQ(second.wait(), 0);
  const LedgerTotals totals = Store::open(directory.path(), Store::Mode::read)->ledger();
  EXPECT_EQ(totals.settled_pusd, static_cast<std::int64_t>(bills) * 300);
  EXPECT_EQ(totals.reserved_pusd, 0);
  EXPECT_LE(totals.settled_pusd, cap);
  EXPECT_GT(totals.settled_pusd, cap - 1'000);
}

}  // namespace
}  // namespace cope::store_test
