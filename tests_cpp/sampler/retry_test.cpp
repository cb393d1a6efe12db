#include "cope/sampler/retry.h"

#include <gtest/gtest.h>

#include <set>

namespace cope {
namespace {

constexpr std::int64_t now_s = 1'800'000'000;  // Fri, 15 Jan 2027 08:00:00 GMT

FailedAttempt failed(SampleError error, int status) { return {.error = error, .status = status, .headers = {}}; }

RetryDecision decide(const FailedAttempt& attempt, int attempts = 1, int max_retries = 5) {
  return decide_retry(attempt, attempts, max_retries, {}, now_s);
}

TEST(Headers, AreReadWhateverTheirCase) {
  HttpHeaders headers;
  read_header("HTTP/1.1 429 Too Many\r\n", headers);
  read_header("retry-AFTER:  7 \r\n", headers);
  read_header("X-Request-ID: abc\r\n", headers);
  read_header("x-ratelimit-remaining-tokens: -1\r\n", headers);
  read_header("no colon here\r\n", headers);
  read_header("\r\n", headers);
  EXPECT_EQ(headers.retry_after, "7");
  EXPECT_EQ(headers.request_id, "abc");
  EXPECT_EQ(headers.remaining_tokens, "-1");
  read_header("HTTP/1.1 200 OK\r\n", headers);  // what came before was interim
  EXPECT_EQ(headers.retry_after, "");
}

TEST(Headers, LongValuesAreCut) {
  HttpHeaders headers;
  read_header("x-request-id: " + std::string(100'000, 'a') + "\xff\r\n", headers);
  EXPECT_LE(headers.request_id.size(), 256U);
}

TEST(Headers, ResetTimes) {
  const struct {
    const char* text;
    std::optional<std::int64_t> expected_ms;
  } cases[] = {
      {"12ms", 12},
      {"1s", 1000},
      {"1m3s", 63'000},
      {"6m0s", 360'000},
      {"1h2m3.5s", 3'723'500},
      {"1.5", 1500},
      {"0", 0},
      {"0s", 0},
      {"0.2ms", 1},
      {"", std::nullopt},
      {"-1", std::nullopt},
      {"-1s", std::nullopt},
      {"soon", std::nullopt},
      {"1x", std::nullopt},
      {"1m3", std::nullopt},
      {"nan", std::nullopt},
      {"1e5s", std::nullopt},
      {"99999999999999999999s", std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(parse_reset_ms(c.text), c.expected_ms) << c.text;
}

TEST(Headers, Counts) {
  EXPECT_EQ(parse_count("0"), 0);
  EXPECT_EQ(parse_count("59"), 59);
  for (const char* text : {"-1", "", "1.5", "many", "99999999999999999999"})
    EXPECT_EQ(parse_count(text), std::nullopt) << text;
}

TEST(Retry, WhatIsRetried) {
  const struct {
    SampleError error;
    int status;
    bool expected;
  } cases[] = {
      {SampleError::connection, 0, true},        {SampleError::timeout, 0, true},
      {SampleError::timeout, 408, true},         {SampleError::server, 409, true},
      {SampleError::rate_limited, 429, true},    {SampleError::server, 500, true},
      {SampleError::server, 502, true},          {SampleError::server, 503, true},
      {SampleError::server, 529, true},          {SampleError::bad_request, 400, false},
      {SampleError::authentication, 401, false}, {SampleError::authentication, 403, false},
      {SampleError::not_found, 404, false},      {SampleError::bad_request, 422, false},
      {SampleError::not_found, 301, false},      {SampleError::context_length, 400, false},
      {SampleError::context_length, 500, false}, {SampleError::malformed, 200, false},
      {SampleError::too_large, 200, false},      {SampleError::connection, 200, true},  // the reply broke off
  };
  for (const auto& c : cases)
    EXPECT_EQ(decide(failed(c.error, c.status)).retry, c.expected) << to_string(c.error) << c.status;
}

TEST(Retry, TheServerMayOverrule) {
  FailedAttempt attempt = failed(SampleError::bad_request, 400);
  attempt.headers.should_retry = "true";
  EXPECT_TRUE(decide(attempt).retry);
  attempt = failed(SampleError::server, 500);
  attempt.headers.should_retry = "false";
  EXPECT_FALSE(decide(attempt).retry);
  attempt = failed(SampleError::rate_limited, 429);
  attempt.final = true;  // insufficient_quota
  EXPECT_FALSE(decide(attempt).retry);
}

TEST(Retry, StopsAfterMaxRetriesAndSaysSo) {
  const FailedAttempt attempt = failed(SampleError::server, 503);
  EXPECT_TRUE(decide(attempt, 5, 5).retry);
  const RetryDecision last = decide(attempt, 6, 5);
  EXPECT_FALSE(last.retry);
  EXPECT_EQ(last.reason, "gave up after 6 attempts");
  EXPECT_FALSE(decide(attempt, 1, 0).retry);
}

TEST(Retry, DelaysDoubleFromHalfASecondToEightLessAQuarter) {
  const std::int64_t full[] = {500, 1000, 2000, 4000, 8000, 8000, 8000};
  std::set<std::int64_t> seen;
  for (int attempt = 1; attempt <= 7; ++attempt) {
    for (std::uint64_t request = 0; request < 200; ++request) {
      const std::int64_t delay = backoff_ms(attempt, {.seed = 3, .request = request});
      EXPECT_LE(delay, full[attempt - 1]);
      EXPECT_GE(delay, full[attempt - 1] * 3 / 4);
      EXPECT_EQ(delay, backoff_ms(attempt, {.seed = 3, .request = request}));
      if (attempt == 1) seen.insert(delay);
    }
  }
  EXPECT_GT(seen.size(), 50U);  // spread, not in step
  EXPECT_GT(backoff_ms(1'000'000, {}), 0);
}

TEST(Retry, HonoursWhatTheServerAsksFor) {
  const struct {
    const char* retry_after;
    const char* retry_after_ms;
    std::optional<std::int64_t> expected_ms;
  } cases[] = {
      {"2", "", 2000},
      {"0", "", 0},
      {"1.5", "", 1500},
      {"9", "40", 40},
      {"", "12.3", 13},
      {"120", "", 120'000},
      {"", "", std::nullopt},
      {"-5", "", std::nullopt},
      {"soon", "", std::nullopt},
      {"", "nan", std::nullopt},
      {"1e999", "", std::nullopt},
      {"Fri, 15 Jan 2027 08:00:30 GMT", "", 30'000},
      {"Fri, 15 Jan 2027 07:00:00 GMT", "", 0},
  };
  for (const auto& c : cases) {
    HttpHeaders headers;
    headers.retry_after = c.retry_after;
    headers.retry_after_ms = c.retry_after_ms;
    EXPECT_EQ(retry_after_ms(headers, now_s), c.expected_ms) << c.retry_after << "|" << c.retry_after_ms;
  }
  FailedAttempt attempt = failed(SampleError::rate_limited, 429);
  attempt.headers.retry_after = "3";
  const RetryDecision decision = decide(attempt);
  EXPECT_TRUE(decision.retry);
  EXPECT_EQ(decision.delay_ms, 3000);
}

TEST(Retry, GivesUpWithTheReasonWhenTheServerAsksForMoreThanTwoMinutes) {
  FailedAttempt attempt = failed(SampleError::rate_limited, 429);
  for (const char* value : {"121", "3600", "Fri, 15 Jan 2027 09:00:00 GMT"}) {
    attempt.headers.retry_after = value;
    const RetryDecision decision = decide(attempt);
    EXPECT_FALSE(decision.retry) << value;
    EXPECT_NE(decision.reason.find("more than the 120 s"), std::string::npos) << decision.reason;
  }
}

}  // namespace
}  // namespace cope
