#include "cope/answer/residue.h"

#include <gtest/gtest.h>

#include "cope/answer/grade.h"
#include "cope/answer/reading.h"

namespace cope::answer {
namespace {

std::optional<Residue> of(const char* text) {
  Reading reading(text);
  Meter meter;
  return reading.root() < 0 ? std::nullopt : residue(reading.tree(), reading.root(), meter);
}

TEST(Residue, equal_values_have_equal_fingerprints) {
  constexpr struct {
    const char* left;
    const char* right;
  } cases[] = {
      {"x^2-1", "(x-1)(x+1)"},
      {"\\sqrt2\\sqrt3", "\\sqrt6"},
      {"\\sqrt{12}", "2\\sqrt3"},
      {"\\frac{1}{\\sqrt5}", "\\frac{\\sqrt5}{5}"},
      {"\\sqrt{\\frac12}", "\\frac{\\sqrt2}{2}"},
      {"\\sqrt{-4}", "2i"},
      {"i^2", "-1"},
      {"(1+\\sqrt7)(1-\\sqrt7)", "-6"},
      {"\\frac{\\pi}{2}+\\frac{\\pi}{3}", "\\frac{5\\pi}{6}"},
      {"(x+y+z+w)^{200}", "((x+y)^2+2(x+y)(z+w)+(z+w)^2)^{100}"},
      {"2^{10^9}", "4^{500000000}"},
  };
  for (const auto& [left, right] : cases) {
    ASSERT_TRUE(of(left)) << left;
    EXPECT_EQ(of(left), of(right)) << left << " | " << right;
  }
}

TEST(Residue, different_values_have_different_fingerprints) {
  EXPECT_NE(of("x^{10000}"), of("x^{10000}+1"));
  EXPECT_NE(of("\\sqrt2"), of("-\\sqrt2"));
  EXPECT_NE(of("i"), of("-i"));
  EXPECT_NE(of("\\pi"), of("\\frac{22}{7}"));
  EXPECT_NE(of("2^{10^9}"), of("2^{10^9}+1"));
  EXPECT_EQ(of("\\sin x"), std::nullopt);
  EXPECT_EQ(of("\\frac{1}{0}"), std::nullopt);
}

TEST(Residue, decides_what_is_too_large_for_balls) {
  EXPECT_TRUE(grade_math("x^{20000}+1", "1+x^{20000}").correct);
  EXPECT_FALSE(grade_math("x^{20000}+1", "x^{20000}").correct);
  EXPECT_TRUE(grade_math("2^{1000000000}", "4^{500000000}").correct);
  EXPECT_FALSE(grade_math("2^{1000000000}", "2^{1000000001}").correct);
  EXPECT_EQ(Reading("x^{20000}+1").key(), Reading("1+x^{20000}").key());
  EXPECT_EQ(Reading("2^{1000000000}").key(), Reading("4^{500000000}").key());
}

}  // namespace
}  // namespace cope::answer
