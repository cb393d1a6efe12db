#include "cope/sampler/limiter.h"

#include <gtest/gtest.h>

#include "cope/sampler/retry.h"

namespace cope {
namespace {

// One round trip at full load: everything allowed is sent at `sent`, and answered at `sent + 10`.
void round_trip(Limiter& limiter, std::int64_t sent) {
  int count = 0;
  while (limiter.may_send(sent)) {
    limiter.on_sent();
    ++count;
  }
  for (; count > 0; --count) limiter.on_success(sent);
}

TEST(Limiter, DoublesEachRoundTripUpToTheMaximum) {
  Limiter limiter(4, 20);
  const int expected[] = {8, 16, 20, 20};
  for (int i = 0; i < 4; ++i) {
    round_trip(limiter, 100 * i);
    EXPECT_EQ(limiter.limit(), expected[i]);
  }
}

TEST(Limiter, GrowsWhileKeptFull) {
  Limiter limiter(4, 1000);
  for (int i = 0; i < 4; ++i) limiter.on_sent();
  EXPECT_FALSE(limiter.may_send(0));
  for (int i = 0; i < 16; ++i) {
    limiter.on_success(0);
    while (limiter.may_send(10)) limiter.on_sent();
  }
  EXPECT_EQ(limiter.limit(), 20);  // one more for each success
}

TEST(Limiter, DoesNotGrowWhereItHoldsNothingBack) {
  Limiter limiter(8, 64);
  for (int i = 0; i < 100; ++i) {
    limiter.on_sent();
    limiter.on_success(i);
  }
  EXPECT_EQ(limiter.limit(), 8);
}

TEST(Limiter, ABurstOfRefusalsCutsOnce) {
  Limiter limiter(50, 100);
  for (int i = 0; i < 50; ++i) limiter.on_sent();
  for (int i = 0; i < 50; ++i) limiter.on_rate_limited(/*sent_ms=*/5, /*now_ms=*/100 + i, 0);
  EXPECT_EQ(limiter.limit(), 40);
  limiter.on_sent();
  limiter.on_rate_limited(/*sent_ms=*/200, /*now_ms=*/210, 0);  // left after the cut: news
  EXPECT_EQ(limiter.limit(), 32);
}

TEST(Limiter, NeverBelowOneNorAboveTheMaximum) {
  Limiter limiter(3, 4);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(limiter.may_send(i * 10));
    limiter.on_sent();
    limiter.on_rate_limited(i * 10, i * 10 + 5, 0);
    ASSERT_GE(limiter.limit(), 1);
  }
  EXPECT_EQ(limiter.limit(), 1);
  for (int i = 100; i < 2000; ++i) {
    while (limiter.may_send(i * 10)) limiter.on_sent();
    limiter.on_success(i * 10);
    ASSERT_LE(limiter.limit(), 4);
  }
  EXPECT_EQ(limiter.limit(), 4);
}

TEST(Limiter, AfterACutItGrowsByOneARoundTrip) {
  Limiter limiter(10, 100);
  limiter.on_sent();
  limiter.on_rate_limited(1, 2, 0);
  ASSERT_EQ(limiter.limit(), 8);
  while (limiter.may_send(10)) limiter.on_sent();
  for (int i = 0; i < 10; ++i) {
    limiter.on_success(10);
    while (limiter.may_send(20)) limiter.on_sent();
  }
  EXPECT_EQ(limiter.limit(), 9);
}

TEST(Limiter, RepliesThatComeTogetherCountEach) {
  Limiter limiter(16, 1024);
  round_trip(limiter, 0);
  EXPECT_EQ(limiter.limit(), 32);
}

TEST(Limiter, PausesForRetryAfter) {
  Limiter limiter(10, 10);
  limiter.on_sent();
  limiter.on_rate_limited(0, 100, 2000);
  EXPECT_FALSE(limiter.may_send(2099));
  EXPECT_EQ(limiter.retry_at_ms(100), 2100);
  EXPECT_TRUE(limiter.may_send(2100));
  EXPECT_EQ(limiter.retry_at_ms(2100), -1);
  limiter.on_sent();
  limiter.on_rate_limited(2200, 2300, longest_retry_after_ms + 1);  // given up by that request; the others find out
  EXPECT_TRUE(limiter.may_send(2300));
}

TEST(Limiter, PausesWhereTheHeadersSayThatNothingIsLeft) {
  const struct {
    const char* remaining;
    const char* limit;
    const char* reset;
    std::int64_t pause_ms;
  } cases[] = {
      {"0", "", "1m3s", 60'000},                            // never longer than a minute
      {"0", "", "12ms", 12},     {"0", "60", "60s", 1001},  // one of sixty is back after a second
      {"5", "60", "60s", 0},     {"-1", "60", "60s", 0},    // unknown
      {"0", "60", "-1", 0},      {"", "", "", 0},          {"0", "", "soon", 0},
  };
  for (const auto& c : cases) {
    Limiter limiter(4, 4);
    HttpHeaders headers;
    headers.remaining_requests = c.remaining;
    headers.limit_requests = c.limit;
    headers.reset_requests = c.reset;
    limiter.on_headers(headers, 1000);
    EXPECT_EQ(limiter.retry_at_ms(1000), c.pause_ms == 0 ? -1 : 1000 + c.pause_ms) << c.reset;
  }
  Limiter limiter(4, 4);
  HttpHeaders tokens;
  tokens.remaining_tokens = "0";
  tokens.limit_tokens = "200000";
  tokens.reset_tokens = "60s";
  limiter.on_headers(tokens, 0);
  EXPECT_EQ(limiter.retry_at_ms(0), 601);
}

}  // namespace
}  // namespace cope
