#include "cope/sampler/text.h"

#include <gtest/gtest.h>

namespace cope {
namespace {

TEST(Text, KeysAreTakenOut) {
  const Secret key("abc123secret");
  const struct {
    const char* text;
    const char* expected;
  } cases[] = {
      {"plain words", "plain words"},
      {"key abc123secret and abc123secret", "key [redacted] and [redacted]"},
      {"xabc123secrety", "x[redacted]y"},
      {"Authorization: Bearer 0123456789abcdef", "Authorization: Bearer [redacted]"},
      {"bearer:0123456789abcdef, next", "bearer:[redacted], next"},
      {"Incorrect API key provided: sk-proj-abcdefgh1234.", "Incorrect API key provided: [redacted]"},
      {"sk-0123456789 first", "[redacted] first"},
      {"the bearer of news", "the bearer of news"},
      {"a risk-free task-sk-x", "a risk-free task-sk-x"},
      {"Bearer", "Bearer"},
      {"Bearer ", "Bearer "},
      {"", ""},
  };
  for (const auto& c : cases) EXPECT_EQ(redact(c.text, key), c.expected) << c.text;
}

TEST(Text, AKeyThatAModelRepeatsIsHiddenUnlessItIsAWord) {
  const Secret key("k-0123456789abcdef");
  std::string text = "k-0123456789abcdef and sk-0123456789 and k-0123456789abcdefk-0123456789abcdef";
  hide_key(text, key);
  EXPECT_EQ(text, "[redacted] and sk-0123456789 and [redacted][redacted]");
  std::string word = "the token is a token";
  hide_key(word, Secret("token"));
  EXPECT_EQ(word, "the token is a token");
  hide_key(word, Secret());
  EXPECT_EQ(word, "the token is a token");
}

TEST(Text, PicodollarsAreExactUsd) {
  EXPECT_EQ(usd_text(0), "0");
  EXPECT_EQ(usd_text(1), "0.000000000001");
  EXPECT_EQ(usd_text(4'760'000'000), "0.00476");
  EXPECT_EQ(usd_text(2'000'000'000'000), "2");
  EXPECT_EQ(usd_text(9'223'372'036'854'775'807), "9223372.036854775807");
}

TEST(Text, WithoutAKeyNothingElseIsTouched) { EXPECT_EQ(redact("abc", Secret()), "abc"); }

TEST(Text, OneLineIsCutOnACharacter) {
  EXPECT_EQ(one_line(" a\r\n\tb  c\x7f "), "a b c");
  EXPECT_EQ(one_line("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 8), "\xc3\xa9\xc3\xa9\xe2\x80\xa6");
  EXPECT_EQ(one_line("caf\xe9!"), "caf\xef\xbf\xbd!");
  EXPECT_LE(one_line(std::string(10'000, 'x')).size(), max_message_bytes);
}

TEST(Text, InvalidUtf8IsReplacedByteByByte) {
  const struct {
    std::string text;
    std::string expected;
  } cases[] = {
      {"ok \xe2\x82\xac", "ok \xe2\x82\xac"},
      {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
      {"\xff", "\xef\xbf\xbd"},
      {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                                  // overlong
      {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},                  // a surrogate
      {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},                                  // cut off
      {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},  // above U+10FFFF
      {std::string("a\0b", 3), std::string("a\0b", 3)},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(valid_utf8(c.text), c.expected);
    EXPECT_EQ(is_valid_utf8(c.text), c.text == c.expected);
    EXPECT_TRUE(is_valid_utf8(valid_utf8(c.text)));
  }
}

TEST(Text, UrlsAreShownWithoutPasswords) {
  EXPECT_EQ(printable_url("https://user:pass@host/v1?key=abc#x"), "https://host/v1");
  EXPECT_EQ(printable_url("http://host:8000/v1"), "http://host:8000/v1");
  EXPECT_EQ(printable_url("http://host/a@b"), "http://host/a@b");
}

TEST(Text, LoopbackIsRecognised) {
  for (const char* url : {"http://127.0.0.1:8000/v1", "http://localhost/v1", "http://LOCALHOST:1", "https://[::1]:8/v1",
                          "http://127.1.2.3", "http://user@127.0.0.1:80/"}) {
    EXPECT_TRUE(is_loopback_url(url)) << url;
  }
  for (const char* url : {"http://127.0.0.1.example.com/", "http://example.com/127.0.0.1",
                          "http://localhost.example.com", "http://10.0.0.1/", "http://127.0.0.1@example.com/", ""}) {
    EXPECT_FALSE(is_loopback_url(url)) << url;
  }
}

}  // namespace
}  // namespace cope
