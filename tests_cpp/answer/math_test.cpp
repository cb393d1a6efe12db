#include "cope/answer/math.h"

#include <gtest/gtest.h>

#include <string>

namespace cope {
namespace {

TEST(ExtractMath, finds_the_answer_where_models_put_it) {
  const struct {
    const char* text;
    const char* answer;  // nullptr: none
  } cases[] = {
      {"so \\boxed{42}.", "42"},
      {"\\boxed{1} then \\boxed{\\frac{3}{4}}", "\\frac{3}{4}"},
      {"\\boxed{a} but \\boxed{unclosed", "a"},
      {"\\fbox{7}", "7"},
      {"\\boxed 5", "5"},
      {"\\boxed{x \\} y}", "x \\} y"},
      {"\\boxed{}", nullptr},
      {"It is 3.\n#### 1,234", "1,234"},
      {"first 3, then -4.5 apples", "-4.5"},
      {"5-3 = 2", "2"},
      {"the answer is 1,234.", "1,234"},
      {"room 12a has 7 of x2", "7"},
      {"<think>\\boxed{1}</think> no 9", "9"},
      {"no digits here", nullptr},
      {"", nullptr},
  };
  for (const auto& [text, answer] : cases) {
    const auto extracted = extract_math(text);
    EXPECT_EQ(extracted.value_or("(none)"), answer == nullptr ? "(none)" : answer) << text;
  }
}

TEST(CanonicalMath, numbers_are_compared_exactly) {
  const struct {
    const char* left;
    const char* right;
    bool same;
  } cases[] = {
      {"3/4", "\\frac{6}{8}", true},
      {"\\dfrac34", "0.75", true},
      {"-\\frac{1}{2}", "-0.50", true},
      {"1,250", "1250.0", true},
      {"\\$ 12", "12", true},
      {"$-5$",
       "\xE2\x88\x92"
       "5",
       true},
      {"1,2", "12", false},
      {"0.3333", "1/3", false},
      {"12345678901234567890", "12345678901234567891", false},
      {"\\text{cat}", "cat", true},
      {"x + 1", "x+1", true},
      {"1/0", "1/0", true},
      {"\\left(1, 2\\right)", "(1,2)", true},
      {"\\leftarrow", "arrow", false},
      {"5.", "5", true},
      {"007", "7", true},
      {"p-q", "P-Q", false},
  };
  for (const auto& [left, right, same] : cases) {
    EXPECT_EQ(equivalent_math(left, right), same)
        << left << " ~ " << right << ": " << canonical_math(left) << " and " << canonical_math(right);
  }
}

TEST(ExtractMath, hostile_texts_cost_no_more_than_reading_them) {
  std::string boxes;
  for (int i = 0; i < 20'000; ++i) boxes += "\\boxed{";
  EXPECT_EQ(extract_math(boxes), std::nullopt);
  const std::string digits(1'000'000, '9');
  EXPECT_EQ(extract_math(digits), digits);
  EXPECT_EQ(canonical_math(digits), digits);
  std::string glued;
  for (int i = 0; i < 200'000; ++i) glued += "a1";
  EXPECT_EQ(extract_math(glued), std::nullopt);
  const std::string nul("\\boxed{4\0 2}", 12);
  EXPECT_TRUE(extract_math(nul).has_value());
}

}  // namespace
}  // namespace cope
