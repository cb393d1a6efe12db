// Answers of mathematical problems, in their simple form: where the answer stands in a text, and its canonical form. Two answers are the same class
// when their canonical forms are equal; numbers are compared exactly, everything else after normalising how LaTeX writes it.
//
//   extract_math("... so \\boxed{\\frac{6}{8}}")      ->  "\\frac{6}{8}"
//   canonical_math("\\frac{6}{8}") == "3/4"            canonical_math("1,250.0") == "1250"
//   equivalent_math("0.75", "\\frac{3}{4}")           ->  true
//
// Texts from models are untrusted: every function is linear in its input and recurses nowhere.
// Thread-safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cope {

// After the last "</think>": the last complete \boxed{...} or \fbox{...}, else what follows the last "####", else the last number. None where there is
// nothing of the kind.
std::optional<std::string> extract_math(std::string_view text);

std::string canonical_math(std::string_view answer);

bool equivalent_math(std::string_view gold, std::string_view answer);

}  // namespace cope
