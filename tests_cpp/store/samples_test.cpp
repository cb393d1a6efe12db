#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <mutex>
#include <thread>

#include "store/support.h"

namespace cope::store_test {
namespace {

void expect_same(const Sample& got, const Sample& expected) {
  EXPECT_EQ(got.identity, expected.identity);
  EXPECT_EQ(got.text, expected.text);
  EXPECT_EQ(got.reasoning, expected.reasoning);
  EXPECT_EQ(got.finish_reason, expected.finish_reason);
  EXPECT_EQ(got.error, expected.error);
  EXPECT_EQ(got.error_message, expected.error_message);
  EXPECT_EQ(got.status_code, expected.status_code);
  EXPECT_EQ(got.request_id, expected.request_id);
  EXPECT_EQ(got.usage, expected.usage);
  EXPECT_EQ(got.cost_pusd, expected.cost_pusd);
  ASSERT_EQ(got.mean_logprob.has_value(), expected.mean_logprob.has_value());
  if (got.mean_logprob) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(*got.mean_logprob), std::bit_cast<std::uint64_t>(*expected.mean_logprob));
  }
  EXPECT_EQ(got.logprob_tokens, expected.logprob_tokens);
  EXPECT_EQ(got.latency_ms, expected.latency_ms);
  EXPECT_EQ(got.created_unix_ms, expected.created_unix_ms);
  EXPECT_EQ(got.attempts, expected.attempts);
}

TEST(StoreSamples, every_field_comes_back_as_it_was_written) {
  static constexpr auto most = std::numeric_limits<std::int64_t>::max();
  static constexpr auto least = std::numeric_limits<std::int64_t>::min();
  Sample full = make_sample(0);
  full.reasoning = "because";
  full.finish_reason = "length";
  full.status_code = 206;
  full.request_id = "req-1";
  full.usage = {.prompt_tokens = 1,
                .cached_prompt_tokens = 2,
                .completion_tokens = 3,
                .reasoning_tokens = 4,
                .known = true,
                .estimated = true};
  full.cost_pusd = 123'456'789'012'345;
  full.mean_logprob = -0.1;
  full.logprob_tokens = 17;
  full.latency_ms = 250;
  full.created_unix_ms = 1'700'000'000'123;
  full.attempts = 3;

  std::vector<Sample> samples{full};
  const auto add = [&](auto&& change) {
    Sample sample = full;
    sample.identity = identity(static_cast<std::int64_t>(samples.size()));
    change(sample);
    samples.push_back(std::move(sample));
  };
  add([](Sample& s) {  // all defaults: every text empty
    const Digest kept = s.identity;
    s = Sample();
    s.identity = kept;
  });
  add([](Sample& s) { s.text = s.reasoning = s.request_id = s.finish_reason = std::string("a\0b\0", 4); });
  add([](Sample& s) { s.text = s.reasoning = "\xff\xfe\x80 \xc3( \xed\xa0\x80"; });  // invalid UTF-8, a surrogate
  add([](Sample& s) { s.text = s.reasoning = "naïve 日本語 🙂 ' \" ; -- \r\n"; });
  add([](Sample& s) { s.text = std::string(5'000'000, 'x') + "end"; });
  add([](Sample& s) { s.cost_pusd.reset(); });
  add([](Sample& s) { s.mean_logprob.reset(); });
  add([](Sample& s) { s.usage = {}; });
  add([](Sample& s) { s.cost_pusd = most, s.usage.prompt_tokens = most, s.latency_ms = most; });
  add([](Sample& s) { s.created_unix_ms = least, s.usage.completion_tokens = least; });
  add([](Sample& s) { s.status_code = std::numeric_limits<int>::max(), s.attempts = std::numeric_limits<int>::min(); });
  for (const double value : {0.0, -0.0, -1.0, -1.0 / 3, 1e-300, 5e-324, -std::numeric_limits<double>::max(),
                             -std::numeric_limits<double>::infinity(), 9007199254740993.0}) {
    add([&](Sample& s) { s.mean_logprob = value; });
  }

  TempDirectory directory;
  {
    auto store = Store::open(directory.path(), Store::Mode::create);
    store->put(samples, std::nullopt, [&](Written written) {
      EXPECT_EQ(written.error, "");
      ASSERT_EQ(written.samples.size(), samples.size());
      for (std::size_t i = 0; i < samples.size(); ++i) expect_same(written.samples[i], samples[i]);
    });
    store->flush();
  }
  auto store = Store::open(directory.path(), Store::Mode::read);
  for (const Sample& expected : samples) {
    const auto got = find_one(*store, expected.identity);
    ASSERT_TRUE(got);
    expect_same(*got, expected);
    EXPECT_TRUE(got->cached);
  }
}

TEST(StoreSamples, are_found_in_the_order_asked_with_gaps_where_there_are_none) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  for (const int i : {3, 1, 2}) put_one(*store, make_sample(i));
  const std::array asked{identity(2), identity(9), identity(1), identity(2)};
  const auto found = store->find(asked);
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0]->text, "text of 2");
  EXPECT_FALSE(found[1]);
  EXPECT_EQ(found[2]->text, "text of 1");
  EXPECT_EQ(found[3]->text, "text of 2");
  EXPECT_TRUE(store->find({}).empty());
}

TEST(StoreSamples, the_first_text_of_an_identity_stays_and_is_what_later_writers_get) {
  TempDirectory directory;
  auto first = Store::open(directory.path(), Store::Mode::create);
  auto second = Store::open(directory.path(), Store::Mode::write);
  EXPECT_EQ(put_one(*first, make_sample(1, "first")).samples.at(0).text, "first");
  EXPECT_EQ(put_one(*second, make_sample(1, "second")).samples.at(0).text, "first");
  EXPECT_EQ(find_one(*second, identity(1))->text, "first");

  std::vector<std::string> texts;
  first->put({make_sample(2, "a"), make_sample(2, "b"), make_sample(1, "c")}, std::nullopt, [&](Written written) {
    for (const Sample& sample : written.samples) texts.push_back(sample.text);
  });
  first->flush();
  EXPECT_THAT(texts, testing::ElementsAre("a", "a", "first"));
}

TEST(StoreSamples, are_visible_to_other_connections_when_the_callback_runs) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  auto other = Store::open(directory.path(), Store::Mode::read);
  int seen = 0;
  for (int i = 0; i < 50; ++i) {
    store->put({make_sample(i)}, std::nullopt, [&, i](const Written&) {
      seen += find_one(*other, identity(i)) && find_one(*store, identity(i)) ? 1 : 0;
    });
  }
  store->flush();
  EXPECT_EQ(seen, 50);
}

TEST(StoreSamples, failed_requests_may_not_be_written) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  Sample failed = make_sample(1);
  failed.error = SampleError::timeout;
  EXPECT_THROW(store->put({failed}, std::nullopt, nullptr), ConfigError);
  store->flush();
  EXPECT_FALSE(find_one(*store, identity(1)));
}

TEST(StoreQueue, callbacks_come_in_the_order_of_the_calls_across_kinds) {
  for (const std::size_t group_rows : {std::size_t{1}, std::size_t{3}, std::size_t{512}}) {
    TempDirectory directory;
    auto store = Store::open(directory.path(), Store::Mode::create, {.durable = false, .group_rows = group_rows});
    std::vector<int> order;
    std::vector<int> expected;
    for (int i = 0; i < 300; ++i) {
      expected.push_back(i);
      if (i % 3 == 0) {
        store->reserve(1, [&, i](const Reservation& r) { order.push_back(r.granted ? i : -1); });
      } else {
        store->put({make_sample(i)}, std::nullopt, [&, i](const Written&) { order.push_back(i); });
      }
    }
    store->flush();
    EXPECT_EQ(order, expected) << group_rows;
  }
}

TEST(StoreQueue, a_callback_may_queue_more) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  int called = 0;
  std::function<void(int)> put = [&](int i) {
    store->put({make_sample(i)}, std::nullopt, [&, i](const Written&) {
      ++called;
      if (i < 20) put(i + 1);
    });
  };
  put(0);
  for (int i = 0; i <= 20; ++i) store->flush();  // each waits for what was queued before it
  EXPECT_EQ(called, 21);
}

TEST(StoreQueue, the_destructor_commits_and_calls_back_what_is_queued) {
  TempDirectory directory;
  int called = 0;
  {
    auto store = Store::open(directory.path(), Store::Mode::create);
    for (int i = 0; i < 200; ++i) store->put({make_sample(i)}, std::nullopt, [&](const Written&) { ++called; });
  }
  EXPECT_EQ(called, 200);
  auto store = Store::open(directory.path(), Store::Mode::read);
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(find_one(*store, identity(i))) << i;
}

TEST(StoreQueue, flush_with_nothing_queued_returns) {
  TempDirectory directory;
  Store::open(directory.path(), Store::Mode::create)->flush();
  Store::open(directory.path(), Store::Mode::read)->flush();
}

TEST(StoreQueue, a_callback_that_throws_is_reported_by_the_next_flush_and_stops_nothing) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  store->put({make_sample(1)}, std::nullopt, [](const Written&) { throw std::runtime_error("oops"); });
  EXPECT_THAT(message_of([&] { store->flush(); }), testing::HasSubstr("oops"));
  EXPECT_EQ(put_one(*store, make_sample(2)).error, "");
  store->flush();
  EXPECT_TRUE(find_one(*store, identity(1)));
}

TEST(StoreQueue, waiting_for_the_store_inside_a_callback_is_an_error_and_no_deadlock) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  int refused = 0;
  store->put({make_sample(1)}, std::nullopt, [&](const Written&) {
    EXPECT_THROW(store->flush(), std::logic_error);
    EXPECT_THROW(store->set_cap(1), std::logic_error);
    ++refused;
  });
  store->flush();
  EXPECT_EQ(refused, 1);
}

TEST(StoreQueue, eight_threads_write_read_and_flush_at_once) {
  TempDirectory directory;
  auto store = Store::open(directory.path(), Store::Mode::create);
  store->set_cap(8 * 40 * 10);
  const RunRow run = store->begin_run(sha256("run"), "{}");
  std::atomic<int> written{0};
  std::atomic<int> granted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 40; ++i) {
        const int number = t * 40 + i;
        store->reserve(10, [&, number](const Reservation& reservation) {
          granted += reservation.granted ? 1 : 0;
          store->put({make_sample(number)}, Settlement{reservation.id, 4},
                     [&](const Written& w) { written += w.error.empty() ? 1 : 0; });
        });
        Outcome outcome;
        outcome.position = number;
        outcome.problem_id = "p" + std::to_string(number);
        store->put_outcome(run.id, outcome);
        if (i % 10 == 0) store->flush();
        static_cast<void>(find_one(*store, identity(number)));
        static_cast<void>(store->ledger());
        static_cast<void>(store->outcomes(run.id, 0, 5, true));
      }
      store->flush();
    });
  }
  for (auto& thread : threads) thread.join();
  store->flush();  // what callbacks queued
  EXPECT_EQ(granted, 320);
  EXPECT_EQ(written, 320);
  EXPECT_EQ(store->ledger().settled_pusd, 320 * 4);
  EXPECT_EQ(store->ledger().reserved_pusd, 0);
  EXPECT_EQ(store->outcomes(run.id, 0, -1, false).size(), 320u);
}

}  // namespace
}  // namespace cope::store_test
