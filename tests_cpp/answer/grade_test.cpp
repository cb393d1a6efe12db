#include "cope/answer/grade.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "cope/answer/kinds.h"
#include "cope/answer/reading.h"

namespace cope::answer {
namespace {

struct Pair {
  const char* gold;
  const char* answer;
};

// What graders get wrong most often; the whole policy is in tests_py/answers/policy.py.
constexpr Pair same[] = {
    {"\\frac{6}{8}", "0.75"},
    {"6 - 5i", "6 - 5 i"},
    {"1+2i", "i(2-i)"},
    {"-1", "e^{i\\pi}"},
    {"\\cos 36^\\circ", "\\frac{1+\\sqrt5}{4}"},
    {"1 \\pm \\sqrt{19}", "\\frac{2\\pm\\sqrt{76}}{2}"},
    {"(\\log_2 3)^2", "\\log_2 3 \\cdot \\log_4 9"},
    {"-2", "\\sqrt[3]{-8}"},
    {"\\frac59", "0.\\overline{5}"},
    {"137.5", "137 1/2"},
    {"1.8", "1\\frac45"},
    {"\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\begin{bmatrix} 1 \\\\[4pt] 2 \\end{bmatrix}"},
    {"x^2-1", "(x-1)(x+1)"},
    {"(2,4)", "2<x<4"},
    {"(-\\infty,2)\\cup(3,\\infty)", "x<2 \\text{ or } x>3"},
    {"5x - 7y = 4", "-10x + 14y + 8 = 0"},
    {"\\$32,\\!348", "32348 dollars"},
    {"\\text{cat}", "cat"},
    {"96-10\\sqrt{21}", "\\frac{6\\sqrt{1789-240\\sqrt{21}}+8\\sqrt{1236-240\\sqrt{21}}}{5}"},
    {"0.15", "\\frac{3}{20} = 0.15"},
    {"2/3", "\\boxed{\\dfrac{2}{3}}"},
    {"90^\\circ", "\\frac{\\pi}{2}"},
};

constexpr Pair different[] = {
    {"52_8", "52_9"},
    {"\\langle 1,2 \\rangle", "1.2"},
    {"2^{-99}", "2^{-98}"},
    {"1/2004!", "1/2006!"},
    {"10^{-7}", "2 \\cdot 10^{-7}"},
    {"\\frac{2}{1005}", "0.00199"},
    {"p-q", "P-Q"},
    {"5\\text{ cm}", "5\\text{ m}"},
    {"(1,2)", "\\{1,2\\}"},
    {"1-1/e", "1+1/e"},
    {"(1,2)", "[1,2]"},
    {"13535", "13534"},
    {"3\\sqrt{13}", "3\\sqrt[3]{13}"},
    {"e^{\\pi\\sqrt{163}}", "262537412640768744"},
    {"10^{100}+\\sqrt{2}", "10^{100}+\\sqrt{3}"},
    {"x^{100}", "x^{100}+1"},
    {"x", "x+10^{-40}"},
    {"|x|", "x"},
    {"1,2", "12"},
    {"\\leftarrow", "arrow"},
};

TEST(Grade, forms_of_one_answer_are_correct) {
  for (const auto& [gold, answer] : same) {
    const Verdict verdict = grade_math(gold, answer);
    EXPECT_TRUE(verdict.correct) << gold << " | " << answer << ": " << verdict.why;
  }
}

TEST(Grade, different_answers_are_wrong) {
  for (const auto& [gold, answer] : different) {
    const Verdict verdict = grade_math(gold, answer);
    EXPECT_FALSE(verdict.correct) << gold << " | " << answer << ": " << verdict.why;
    EXPECT_NE(Reading(gold).key(), Reading(answer).key());
  }
}

TEST(Grade, every_verdict_says_in_one_line_how_both_sides_were_read) {
  const Verdict verdict = grade_math("\\frac{6}{8}", "0.5\nor so");
  EXPECT_NE(verdict.why.find("gold: value 3/4"), std::string::npos) << verdict.why;
  EXPECT_NE(verdict.why.find("answer: "), std::string::npos) << verdict.why;
  EXPECT_EQ(verdict.why.find('\n'), std::string::npos);
}

TEST(Key, equal_keys_grade_as_correct_in_every_kind) {
  const char* answers[] = {"1/2",         "0.5",     "50%", "A",        "(A)",   "x=5",   "5",  "05/01/2021",
                           "May 1, 2021", "the cat", "Cat", "\\frac12", "12:30", "{1,2}", "2,1"};
  for (const Kind kind :
       {Kind::math, Kind::integer, Kind::number, Kind::choice, Kind::date, Kind::text, Kind::output, Kind::automatic}) {
    for (const char* left : answers) {
      for (const char* right : answers) {
        if (vote_key(left, kind) == vote_key(right, kind)) {
          EXPECT_TRUE(grade(left, right, kind).correct) << left << " | " << right;
        }
      }
    }
  }
}

TEST(Grade, kinds) {
  EXPECT_TRUE(grade("42", "042", Kind::integer).correct);
  EXPECT_TRUE(grade("1200", "$1,200.00", Kind::number).correct);
  EXPECT_TRUE(grade("18", "18 dollars a day", Kind::number).correct);
  EXPECT_FALSE(grade("18", "180", Kind::number).correct);
  EXPECT_TRUE(grade("B", "(B) 12", Kind::choice).correct);
  EXPECT_FALSE(grade("B", "C", Kind::choice).correct);
  EXPECT_TRUE(grade("05/01/2021", "May 1, 2021", Kind::date).correct);
  EXPECT_TRUE(grade("2021-05-01", "05/01/2021", Kind::automatic).correct);
  EXPECT_FALSE(grade("05/01/2021", "05/02/2021", Kind::date).correct);
  EXPECT_TRUE(grade("The Beatles", "beatles", Kind::text).correct);
  EXPECT_TRUE(grade("1 2\n3\n", "1 2  \n3", Kind::output).correct);
  EXPECT_FALSE(grade("", "", Kind::math).correct);
}

std::vector<std::string> hostile() {
  const auto repeated = [](const std::string& piece, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += piece;
    return text;
  };
  return {
      "9^{9^{9^9}}",
      "2^{2^{2^{49}}}",
      "(10^7)!",
      "\\binom{10^9}{5\\cdot 10^8}",
      std::string(1'000'000, '9'),
      std::string(8'000, '9'),
      repeated("\\boxed{", 20'000),
      repeated("(", 8'000),
      repeated("{", 8'000),
      repeated("|", 8'000),
      repeated("-", 8'000),
      repeated("\\frac{1}{", 800) + "2",
      repeated("\\sqrt{", 40) + "2" + repeated("}", 40),
      repeated("\\sqrt{2+", 30) + "2" + repeated("}", 30),
      "(x+y+z+w)^{200}",
      "((((x+1)^{99})^{99})^{99})^{99}",
      "\\sum_{k=1}^{1000000000} k",
      "\\sum_{k=1}^{3000} \\sum_{j=1}^{3000} \\sin(jk)",
      "\\prod_{k=1}^{4000} (k^k)!",
      "\\sum_{k=1}^{4000} \\sqrt{k}",
      "e^{e^{e^{e^{e}}}}",
      repeated("1/", 2'000) + "1",
      "1" + repeated("%", 4'000),
      "1" + repeated("^\\circ", 1'300),
      repeated("2\\cup ", 1'500) + "2",
      repeated("1 \\choose ", 900) + "1",
      repeated("1\\mod ", 900) + "1",
      repeated("1 \\over ", 900) + "1",
      repeated("x<1,", 900) + "x<2",
      repeated("x>2 \\text{ or } ", 300) + "x<1",
      repeated("(1,\\infty),", 900) + "(1,2)",
      repeated("\\text{a: }", 300) + "1",
      repeated("Area = ", 600) + "1",
      repeated("forty-", 1'000) + "one",
      repeated("two hundred ", 600),
      "0." + std::string(5'000, '3') + "...",
      repeated("f(", 2'000) + "x" + repeated(")", 2'000) + "=1",
      repeated("a+", 1'500) + "b=8",
      repeated("f(", 40) + "x" + repeated(")", 40),
      repeated("f(x)", 1'500),
      repeated("f(2)+", 1'200) + "1",
      repeated("h(a+", 900) + "b" + repeated(")", 900),
      repeated("f^{-1}(", 40) + "x" + repeated(")", 40),
      repeated("2\\text{ m}\\cdot\\text{s}", 300),
      repeated("5 feet 3 inches ", 400),
      repeated("1 hour and ", 600) + "1 minute",
      "1" + repeated("^{\\text{th}}", 900),
      repeated("minus ", 1'000) + "1",
      repeated("{}_{", 900) + "2" + repeated("}C_2", 900),
      repeated("\\approx 1", 900),
      "1" + repeated(" \\approx \\sqrt{2}", 600),
      repeated("x=1\\Rightarrow ", 500) + "x",
      "all real numbers except " + repeated("1,", 2'000) + "2",
      "\\begin{align*}x" + repeated("&=\\sqrt{2}\\\\", 500) + "\\end{align*}",
      repeated("\\frac{1}{x^{900}}+", 400) + "y=0",
      "y=" + repeated("\\frac{", 45) + "1" + repeated("}{x^{999}}", 45),
      repeated("{\\times}", 900),
      repeated("A", 60) + "_{16}",
      repeated("\xC2\xB2", 3'000),
      repeated("(A) ", 1'500),
      repeated("1.2 x 10^", 700) + "2",
      repeated("\\mathbf{i}+", 900) + "\\hat{j}",
      repeated("\\prime ", 1'500),
      "0.(" + std::string(3'000, '3') + ")",
      "\\sin(10^{100000})",
      "1e30000",
      "1e99999999",
      "1/(10^{-30000})",
      "0.\\overline{" + std::string(2'000, '7') + "}",
      repeated("\\begin{pmatrix}1&2\\\\", 50),
      "\\begin{pmatrix}" + repeated("1&", 3'000) + "1\\end{pmatrix}",
      repeated("1,", 4'000) + "1",
      repeated("x+", 2'000) + "1",
      repeated("x^", 2'000) + "1",
      repeated("\\sin ", 1'000) + "x",
      repeated("1!", 1) + repeated("!", 3'000),
      repeated("\\pm 1 ", 500),
      repeated("\\{", 2'000) + repeated("\\}", 2'000),
      repeated("<", 4'000),
      repeated("x<", 2'000) + "3",
      repeated("(0,1)\\cup", 500) + "(0,1)",
      "\\max(" + repeated("\\sqrt{2},", 900) + "1)",
      "10^{30000}+10^{-30000}",
      "(1+i)^{100000}",
      "\\sqrt[1000]{2}^{100000}",
      "x^{x^{x^{x^{x^{x}}}}}",
      "|(x+y+z+w-1)^{12}|",
      repeated("\\sqrt{x-", 40) + "1" + repeated("}", 40),
      repeated("|x-1|+", 300) + "y",
      repeated("\\sqrt{(a-b)^{12}}+", 100) + "1",
      "\\begin{cases}" + repeated("x&x>1\\\\", 600) + "\\end{cases}",
      "\\begin{cases}" + repeated("&", 3'000) + "\\end{cases}",
      "\\begin{cases}" + repeated("\\text{if }", 500) + "x\\end{cases}",
      "0/0",
      "0^0",
      "\\log 0",
      "\\tan 90^\\circ",
      "\\gcd(1,2.5)",
      "5\\mod 0",
      "\\binom{-1}{-1}",
      "(-1)!",
      "\\lim_{x\\to",
      "\\int",
      "\\",
      "\\\\",
      "$",
      "{}",
      "()",
      "[]",
      std::string("1\0002", 3),
      "\xff\xfe",
      "\xF0\x9F\x98\x80",
  };
}

TEST(Hostile, answers_stay_within_their_steps_and_equal_themselves) {
  for (const std::string& text : hostile()) {
    Reading reading(text);
    (void)reading.key();
    EXPECT_LE(reading.meter().used(), limits.steps) << text.substr(0, 80);
    EXPECT_LE(reading.tree().size(), limits.nodes + limits.depth + 64) << text.substr(0, 80);
    if (vote_key(text, Kind::math) && !reading.source().empty()) {
      EXPECT_TRUE(grade(text, text, Kind::math).correct) << text.substr(0, 80);
    }
    EXPECT_FALSE(grade_math("7", text).correct) << text.substr(0, 80) << grade_math("7", text).why;
    EXPECT_FALSE(grade_math(text, "7").correct) << text.substr(0, 80);
  }
}

TEST(Hostile, every_prefix_of_an_answer_is_read) {
  const std::string text =
      "\\left(\\frac{3}{5},\\sqrt[3]{x_{1}^2}\\right] \\cup \\begin{pmatrix}1&\\text{a b}\\\\2&|x|\\end{pmatrix}^T = "
      "\\{x \\mid 2<x\\le 3\\} \\int_0^1 x\\,dx \\$5.40\\%";
  for (std::size_t n = 0; n <= text.size(); ++n) {
    for (std::size_t m = n; m <= text.size(); m += 7) (void)grade_math(text.substr(n, m - n), text.substr(0, m));
  }
}

TEST(Threads, eight_threads_reach_the_same_verdicts) {
  std::vector<std::vector<Verdict>> verdicts(8);
  std::vector<std::thread> threads;
  for (auto& mine : verdicts) {
    threads.emplace_back([&mine] {
      for (int round = 0; round < 20; ++round) {
        for (const auto& [gold, answer] : same) mine.push_back(grade_math(gold, answer));
        for (const auto& [gold, answer] : different) mine.push_back(grade_math(gold, answer));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& mine : verdicts) {
    ASSERT_EQ(mine.size(), verdicts[0].size());
    for (std::size_t k = 0; k < mine.size(); ++k) EXPECT_EQ(mine[k].why, verdicts[0][k].why);
  }
}

}  // namespace
}  // namespace cope::answer
