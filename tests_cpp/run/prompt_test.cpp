#include "cope/run/prompt.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cope {
namespace {

TEST(Render, replaces_each_field_once) {
  const std::vector<Field> fields{{"question", "What is {goal}?"}, {"goal", "{question}"}};
  EXPECT_EQ(render("Q: {question}\nG: {goal}", fields), "Q: What is {goal}?\nG: {question}");
}

TEST(Render, leaves_other_braces_as_they_are) {
  const std::vector<Field> fields{{"question", "q"}};
  EXPECT_EQ(render("\\boxed{{question}} {unknown} {", fields), "\\boxed{q} {unknown} {");
  EXPECT_EQ(render("{{{question}", fields), "{{q");
  EXPECT_EQ(render("{questions} {questio", fields), "{questions} {questio");
  EXPECT_EQ(render("", fields), "");
}

}  // namespace
}  // namespace cope
