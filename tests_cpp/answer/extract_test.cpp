#include "cope/answer/extract.h"

#include <gtest/gtest.h>

#include <string>

#include "cope/answer/kinds.h"

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

TEST(ExtractMath, finds_the_answer_however_a_solution_ends) {
  const struct {
    const char* text;
    const char* answer;  // nullptr: none
  } cases[] = {
      {"We get $x=3$, hence \\boxed{3}.", "3"},
      {"So \\boxed{3}. Wait, I should check: \\boxed{4}", "4"},
      {"First \\boxed{1}, and \\boxed{2}", "1, 2"},
      {"The values are \\boxed{1} and \\boxed{2}.", "1, 2"},
      {"The roots are $\\boxed{1}$ or $\\boxed{2}$", "1, 2"},
      {"$\\boxed{1}$, $\\boxed{2}$, and $\\boxed{3}$", "1, 2, 3"},
      {"<think>maybe \\boxed{7}</think>\nThe answer is 8.", "8"},
      {"<think>a</think> b <think>\\boxed{1}</think> \\boxed{2}", "2"},
      {"<think>\\boxed{7} I think", "7"},
      {"Thus $\\boxed 5$.", "5"},
      {"\\boxed{\\frac{1}{2}}", "\\frac{1}{2}"},
      {"\\boxed{\\text{(A) } \\{1,2\\}}", "\\text{(A) } \\{1,2\\}"},
      {"\\boxed{\\boxed{3}}", "3"},
      {"\\fbox{9}", "9"},
      {"Answer: \\boxed{x = \\frac{3}{4}}", "x = \\frac{3}{4}"},
      {"\\boxed{12", "12"},
      {"Final Answer: The final answer is $17$. I hope it is correct.", "17"},
      {"The final answer is: $\\boxed{12}$", "12"},
      {"**Answer:** 42", "42"},
      {"**Final Answer**\n\n42", "42"},
      {"### Final Answer\n$x^2+1$", "x^2+1"},
      {"## Answer\n\n**17**", "17"},
      {"Therefore, the answer is 3/4.", "3/4"},
      {"Therefore, the answer is $\\frac{3}{4}$ of the total.", "\\frac{3}{4}"},
      {"So the answer is **12**.", "12"},
      {"The correct answer is (C).", "(C)"},
      {"the answer is: 5", "5"},
      {"ANSWER: 5", "5"},
      {"Answer = 12", "12"},
      {"Hence the answer would be 14.", "14"},
      {"#### 72", "72"},
      {"She has 3+4=7 eggs.\n#### 7", "7"},
      {"#### $1,200", "$1,200"},
      {"so $a=2$ and finally $b=3$.", "b=3"},
      {"we get \\(x = 5\\).", "x = 5"},
      {"we get\n\\[ x = \\frac{1}{2}. \\]", "x = \\frac{1}{2}"},
      {"Final value:\n$$\\frac{7}{8}$$", "\\frac{7}{8}"},
      {"The total is **$45**.", "$45"},
      {"The total is **45 apples**.", "45 apples"},
      {"She pays $5 + $6 = $11.", "11"},
      {"It takes 3 hours.", "3"},
      {"There are 1,234 ways.", "1,234"},
      {"The result is -7.", "-7"},
      {"The result is −7.", "-7"},
      {"So we use model gpt4 and v2 to get 15 points in R2", "15"},
      {"I do not know.", nullptr},
      {"The area is $\\boxed{25\\pi}$ square units.", "25\\pi"},
      {"```\nprint(5)\n```\nThe answer is 5", "5"},
      {"The answer is\n\n\\[\n\\boxed{\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}}\n\\]",
       "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}"},
      {"The answer is $x=1$ or $x=2$.", "x=1, x=2"},
      {"The answers are 3 and 5.", "3 and 5"},
      {"The answer is between 3 and 5, so the answer is 4.", "4"},
      {"Answer: 12 (since 3*4=12)", "12"},
      {"The answer is 12 because 3*4 = 12.", "12"},
      {"My answer is therefore 81.", "81"},
      {"The solution is $x = 4$. This is the only one.", "x = 4"},
      {"\\(\\boxed{C}\\)", "C"},
      {"The final answer is $\\boxed{\\text{Evelyn}}$.", "\\text{Evelyn}"},
      {"\\[\\boxed{(-\\infty, 2)}\\]", "(-\\infty, 2)"},
      {"$\\boxed{\\$18.90}$", "\\$18.90"},
      {"The final answer is 5\nThe final answer is 6", "6"},
      {"answer: x^2 + 1", "x^2 + 1"},
      {"Final answer: [1, 2, 3]", "[1, 2, 3]"},
      {"The answer is: \\frac{1}{3}", "\\frac{1}{3}"},
      {"答案是 \\boxed{8}", "8"},
      {"**The answer is 9**", "9"},
      {"The answer is *9*.", "9"},
      {"The answer is `9`.", "9"},
      {"<answer>42</answer>", "42"},
      {"<think>x</think><answer>\\boxed{42}</answer>", "42"},
      {"<answer> \\frac{1}{2} </answer>", "\\frac{1}{2}"},
      {"In conclusion, $n = 10$.\n", "n = 10"},
      {"\\boxed{3} \\text{ or } \\boxed{-3}", "3, -3"},
      {"Step 1: 5\nStep 2: 6\nSo we have **Step 3**: 11", "11"},
      {"\\boxed{42}\\boxed{}", "42"},
      {"So $\\boxed{42}$.<|im_end|>", "42"},
      {"The answer is 42<|endoftext|>", "42"},
      {"The answer is 42.</s>", "42"},
  };
  for (const auto& [text, answer] : cases) {
    EXPECT_EQ(extract_math(text).value_or("(none)"), answer == nullptr ? "(none)" : answer) << text;
  }
}

TEST(Extract, finds_what_the_kind_asks_for) {
  const struct {
    Kind kind;
    const char* text;
    const char* answer;  // nullptr: none
  } cases[] = {
      {Kind::number, "He earns $1,250.50 per week. The answer is $1,250.50.", "$1,250.50"},
      {Kind::number, "A: 5 apples\n#### 18", "18"},
      {Kind::number, "The answer is 50%.", "50%"},
      {Kind::number, "Total = 3 * 4 = 12 dollars.", "12"},
      {Kind::number, "It costs $3.", "3"},
      {Kind::number, "so 12 dozens = 144 eggs", "144"},
      {Kind::integer, "\\boxed{073}", "073"},
      {Kind::choice, "The answer is (B).", "B"},
      {Kind::choice, "B", "B"},
      {Kind::choice, "(B) Because", "B"},
      {Kind::choice, "Answer: C", "C"},
      {Kind::choice, "I think A is wrong, so the answer is D.", "D"},
      {Kind::choice, "\\boxed{\\text{(E)}}", "E"},
      {Kind::choice, "**C**", "C"},
      {Kind::choice, "The correct option is B) 12", "B"},
      {Kind::choice, "Final choice: D", "D"},
      {Kind::choice, "So the correct choice is C", "C"},
      {Kind::choice, "A cat sat. The answer is a dog.", nullptr},
      {Kind::choice, "<think>A</think>B", "B"},
      {Kind::choice, "It must be (A), not (B). Answer: A", "A"},
      {Kind::date, "The date is 05/01/2021.", "05/01/2021"},
      {Kind::date, "So the answer is 05/01/2021.", "05/01/2021"},
      {Kind::output, "```\n1\n2\n```", "1\n2"},
  };
  for (const auto& [kind, text, answer] : cases) {
    EXPECT_EQ(extract(text, kind).value_or("(none)"), answer == nullptr ? "(none)" : answer) << text;
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
  for (const std::string piece : {"\\( a \\) b \\] ",
                                  "**5. A** ",
                                  "\"answer\": ",
                                  "\"answer\": \"\\\\",
                                  "$1 ",
                                  "answer is **",
                                  "answer: }",
                                  "<answer>",
                                  "answer is $x$ or ",
                                  "\\boxed{}",
                                  "$x$, $y$ and ",
                                  "choice is ",
                                  "<|a|>",
                                  "1/",
                                  "1 1/2 ",
                                  "\xE2\x88\x9A",
                                  "3^{",
                                  "$\\boxed{}$",
                                  "May 2, 2021 ",
                                  "2 May ",
                                  "B, ",
                                  "(B) or ",
                                  "not ",
                                  "answer: not B "}) {
    std::string text;
    while (text.size() < 1'000'000) text += piece;
    const auto found = extract_math(text);
    EXPECT_LE(found.value_or("").size(), 512U) << piece;
    EXPECT_LE(extract_date(text).value_or("").size(), 512U) << piece;
    EXPECT_LE(extract_choices(text).size(), 26U) << piece;
  }
  EXPECT_TRUE(extract_math(std::string("\\boxed{4\0 2}", 12)).has_value());
}

}  // namespace
}  // namespace cope::answer
