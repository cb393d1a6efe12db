// Which part of a reply is the program: a table of replies as models write them.
#include "cope/answer/program.h"

#include <gtest/gtest.h>

#include <string>

namespace cope::answer {
namespace {

const std::string add = "def f(x):\n    return x + 1\n";

struct Case {
  const char* what;
  std::string reply;
  std::string program;  // empty: none
  std::string name = "f";
  std::string beginning = {};
};

TEST(Program, is_found_in_replies_of_every_form) {
  const Case cases[] = {
      {"alone", add, add},
      {"fenced", "```python\n" + add + "```", add},
      {"a fence without a language", "Here:\n```\n" + add + "```\nDone.", add},
      {"py", "```py\n" + add + "```", add},
      {"capitals", "```Python\n" + add + "```", add},
      {"tildes", "~~~python\n" + add + "~~~", add},
      {"a longer fence holds a shorter one", "````python\ns = '''\n```\n'''\n" + add + "````",
       "s = '''\n```\n'''\n" + add},
      {"a fence at the end of a sentence", "Here it is:```python\n" + add + "```", add},
      {"an indented fence", "1. So:\n   ```python\n   def f(x):\n       return x + 1\n   ```", add},
      {"never closed", "```python\n" + add, add},
      {"CRLF", "```python\r\ndef f(x):\r\n    return x + 1\r\n```\r\n", add},
      {"prose around without fences", "Sure, here is the function.\n\n" + add + "\nThis adds one to x.", add},
      {"the one that defines the name", "```python\n" + add + "```\nUse it so:\n```python\nprint(f(1))\n```", add},
      {"the last one that defines it", "```python\ndef f(x):\n    return 0\n```\nBetter:\n```python\n" + add + "```",
       add},
      {"helpers before it",
       "```python\nimport math\n```\nand\n```python\ndef g(x):\n    return x\n```\nthen\n```python\n" + add + "```",
       "import math\n\ndef g(x):\n    return x\n\n" + add},
      {"no helpers that do things", "```python\nprint(input())\n```\n```python\n" + add + "```", add},
      {"other languages are no programs", "```bash\npip install x\n```\n```python\n" + add + "```\n```text\n2\n```",
       add},
      {"a session is no program", "```python\n" + add + "```\n```python\n>>> f(1)\n2\n```", add, ""},
      {"thoughts", "<think>\n```python\ndef f(x): return 0\n```\n</think>\n```python\n" + add + "```", add},
      {"thoughts without an end", "<think>\n```python\n" + add + "```", ""},
      {"nothing but prose", "I am sorry, but I cannot do that.", ""},
      {"nothing", "", ""},
      {"only another language", "```java\nint f(int x) { return x + 1; }\n```", ""},
      {"an async function", "async def f(x):\n    return x\n", "async def f(x):\n    return x\n"},
      {"a class", "class f:\n    pass\n", "class f:\n    pass\n"},
      {"decorated", "@cache\n" + add, "@cache\n" + add},
      {"a name that another begins with", "```python\n" + add + "```\n```python\ndef ff(x):\n    return 0\n```", add},
      {"a docstring of prose at the margin",
       "def f(x):\n    \"\"\"Adds.\n\nOne more, always.\n    \"\"\"\n    return x + 1\nThat is all.",
       "def f(x):\n    \"\"\"Adds.\n\nOne more, always.\n    \"\"\"\n    return x + 1\n"},
      {"a broken program is not mended", "a = 3\na * 2 = b\nans = a\n", "a = 3\na * 2 = b\nans = a\n", "ans"},
      {"nor one that lacks a colon", "a = 3\nif a > 2\n    a = 1\nans = a\n", "a = 3\nif a > 2\n    a = 1\nans = a\n",
       "ans"},
      {"an expression for an answer", "a = 3\nb = a * 2\nans = b + 1\n", "a = 3\nb = a * 2\nans = b + 1\n", "ans"},
      {"the block with the answer", "```python\nans = 1 + 1\n```\nThe result:\n```\n2\n```", "ans = 1 + 1\n", "ans"},
      {"the body goes on", "    return x + 1\n", add, "f", "def f(x):\n"},
      {"the body goes on and then talks", "    return x + 1\n\nThis adds one.", "def f(x):\n    return x + 1\n\n", "f",
       "def f(x):\n"},
      {"the body goes on and is tried out", "    return x + 1\n\nprint(f(1))\n", "def f(x):\n    return x + 1\n\n", "f",
       "def f(x):\n"},
      {"a body at the margin", "return x + 1", add, "f", "def f(x):\n"},
      {"a fenced body", "```python\n    return x + 1\n```", add, "f", "def f(x):"},
      {"the whole again, though begun", add, add, "f", "def f(x):\n"},
  };
  for (const Case& each : cases) {
    const auto found = extract_program(each.reply, {.name = each.name, .beginning = each.beginning});
    EXPECT_EQ(found.value_or(""), each.program) << each.what;
    EXPECT_EQ(found.has_value(), !each.program.empty()) << each.what;
  }
}

TEST(Program, of_hostile_replies_is_found_in_linear_time) {
  const std::size_t many = 300'000;
  std::string fences;
  for (std::size_t i = 0; i < many; ++i) fences += "```\n";
  EXPECT_FALSE(extract_program(fences, {.name = "f", .beginning = ""}));
  std::string blocks;
  for (std::size_t i = 0; i < 20'000; ++i) blocks += "```python\ndef g" + std::to_string(i) + "(): pass\n```\n";
  EXPECT_TRUE(extract_program(blocks, {.name = "f", .beginning = ""}));
  EXPECT_TRUE(extract_program(std::string(many, '`') + "\n" + add, {.name = "f", .beginning = ""}).has_value());
  EXPECT_FALSE(extract_program(std::string(many, ' '), {.name = "f", .beginning = ""}));
  EXPECT_FALSE(extract_program(std::string(many, '\0'), {.name = "f", .beginning = ""}));
  EXPECT_TRUE(extract_program("x" + std::string(many, ',') + " = 1", {.name = "f", .beginning = ""}));
}

}  // namespace
}  // namespace cope::answer
