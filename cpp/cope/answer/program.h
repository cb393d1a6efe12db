// Where the program stands in a model's reply.
//
//   extract_program("Sure!\n```python\ndef f(x):\n    return x + 1\n```\nIt adds one.", {.name = "f"})  ->  "def f(x):\n    return x + 1\n"
//   extract_program("    return x + 1\n", {.name = "f", .beginning = "def f(x):\n"})                    ->  "def f(x):\n    return x + 1\n"
//
// Candidates are the fenced blocks (``` or ~~~) that are Python or name no language; where there is none, the runs of lines that look like Python. Of
// several: the last one that defines `name`, else the last one. Earlier ones that hold nothing but definitions (helpers, imports) and do not define what the
// chosen one defines come before it. What precedes </think> is no part of the reply; a reply that never leaves its thoughts has no program.
//
// Thread-safety: a pure function, linear in the text but for the number of blocks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cope::answer {

// What the task says of the program.
struct ProgramShape {
  std::string_view name;  // the function or variable that it must define; may be empty
  std::string_view
      beginning;  // code that the prompt gave and the reply may go on from (HumanEval's signature and docstring); may be empty
};

// None where the text holds no program.
std::optional<std::string> extract_program(std::string_view text, const ProgramShape& shape);

}  // namespace cope::answer
