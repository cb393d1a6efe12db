#include "cope/answer/extract.h"

#include <gtest/gtest.h>

#include <string>

namespace cope::answer {
namespace {

TEST(ExtractMath, finds_the_answer_where_models_put_it) {
  const struct {
    const char* text;
    const char* answer;  // nullptr: none
  } cases[] = {
      {"so \\boxed{42}.", "42"},
      {"\\boxed{1} then \\boxed{\\frac{3}{4}}", "\\frac{3}{4}"},
      {"\\boxed{1} and \\boxed{2}", "1, 2"},
      {"$\\boxed{1}$, $\\boxed{2}$", "1, 2"},
      {"\\boxed{9} \\boxed{9} \\boxed{42}", "42"},
      {"\\boxed{a} but \\boxed{unclosed", "a"},
      {"\\boxed{\\boxed{5}}", "5"},
      {"\\fbox{7}", "7"},
      {"\\framebox{7}", "7"},
      {"\\beginboxed{7}", "7"},
      {"\\boxed 5", "5"},
      {"$\\boxed 5$.", "5"},
      {"\\boxed{x \\} y}", "x \\} y"},
      {"\\boxed{}", nullptr},
      {"It is 3.\n#### 1,234", "1,234"},
      {"first 3, then -4.5 apples", "-4.5"},
      {"5-3 = 2", "2"},
      {"the answer is 1,234.", "1,234"},
      {"The final answer is $\\frac{1}{2}$. I hope it is correct.", "\\frac{1}{2}"},
      {"**Answer:** 12 apples", "12 apples"},
      {"The answer is: Mr. Lee can choose **210** groups of them.", "210"},
      {"The answer is that there are 6 ways to do it.", "6"},
      {"The answer is an ellipse.", "an ellipse"},
      {"Final Answer:\n\n17\n", "17"},
      {"We get $x = 3$ and so $y = 4$.", "y = 4"},
      {"\\[ x = 2 \\]\nwhich is it", "x = 2"},
      {"It costs **$12** today, as planned.", "$12"},
      {"room 12a has 7 of x2", "7"},
      {"<think>\\boxed{1}</think> no 9", "9"},
      // What real models write (GSM8K as JSON, prices, headings, sentences in bold).
      {"{\"reasoning\": \"9 * $2 = $18\", \"answer\": \"18\"}", "18"},
      {"{\"answer\": 3.5, \"note\": 1}", "3.5"},
      {"{\"answer\": \"\\\\frac{1}{2}\"}", "\\frac{1}{2}"},
      {"The final answer is \"40\", as that is less by 20%.", "40"},
      {"Thus 2 * $2/egg = $18 a day", "18"},
      {"we pay $4 + $5 = $9", "9"},
      {"at $ x = 5 $ it is best", "x = 5"},
      {"so it is 12.\n\n**5. FORMAT:**\n", "5"},
      {"It is **12** metres.\n\n**4. VERIFY**\n", "12"},
      {"It is **12** metres.\n\n**Step 3:** check", "12"},
      {"**Therefore, the value of x is 8**", "8"},
      {"The answer is **720** ways to arrange them in one row.", "720"},
      {"The answer is 1 + 6 + 2 = **9**.", "1 + 6 + 2 = 9"},
      {"The answer is 3/4 because the ball has a mass of that.", "3/4"},
      {"\\boxed{\\text{The answer is } 5}", "\\text{The answer is } 5"},
      {"\\text{The answer is } 5", "5"},
      {"for \\( x = 1 \\) we stop \\] at 7 \\)", "x = 1"},
      {"no digits here", nullptr},
      {"", nullptr},
  };
  for (const auto& [text, answer] : cases) {
    EXPECT_EQ(extract_math(text).value_or("(none)"), answer == nullptr ? "(none)" : answer) << text;
  }
}

TEST(Extract, choices_dates_and_code) {
  EXPECT_EQ(extract_choice("The answer is (B)."), "B");
  EXPECT_EQ(extract_choice("\\boxed{\\text{C}}"), "C");
  EXPECT_EQ(extract_choice("So it must be (A), not (D)\n\n**B.** because"), "B");
  EXPECT_EQ(extract_choice("A good day"), std::nullopt);
  EXPECT_EQ(extract_date("So tomorrow is 05/01/2021."), "05/01/2021");
  EXPECT_EQ(extract_code("Here:\n```python\nprint(1)\n```\nDone."), "print(1)");
  EXPECT_EQ(extract_code(" \n "), std::nullopt);
}

TEST(Extract, hostile_texts_cost_no_more_than_reading_them) {
  std::string boxes;
  for (int i = 0; i < 20'000; ++i) boxes += "\\boxed{";
  EXPECT_EQ(extract_math(boxes), std::nullopt);
  const std::string digits(1'000'000, '9');
  EXPECT_EQ(extract_math(digits), digits);
  std::string glued;
  for (int i = 0; i < 200'000; ++i) glued += "a1";
  EXPECT_EQ(extract_math(glued), std::nullopt);
  std::string dollars(200'000, '$');
  EXPECT_EQ(extract_math(dollars), std::nullopt);
  std::string answers;
  for (int i = 0; i < 50'000; ++i) answers += "answer ";
  EXPECT_EQ(extract_math(answers), std::nullopt);
  for (const std::string piece :
       {"\\( a \\) b \\] ", "**5. A** ", "\"answer\": ", "\"answer\": \"\\\\", "$1 ", "answer is **", "answer: }"}) {
    std::string text;
    while (text.size() < 1'000'000) text += piece;
    const auto found = extract_math(text);
    EXPECT_LE(found.value_or("").size(), 512U) << piece;
  }
  EXPECT_TRUE(extract_math(std::string("\\boxed{4\0 2}", 12)).has_value());
}

}  // namespace
}  // namespace cope::answer
