// Whether an answer is right: strictly equivalent to the gold answer, or different only by what the gold answer leaves open (docs/answers.md has the table).
//
//   grade_math("\\frac43", "1.333333").correct == true     grade_math("52_8", "52_9").correct == false
//   grade_math("x=5", "5").why == "the name x is left out; gold: relation 5; answer: number 5"
//
// Leniency is directed and not transitive, so votes use keys (reading.h) instead. Equal keys always grade as correct.
//
// Thread-safety: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace cope::answer {

// What decided, cheapest first.
enum class Tier { string, rational, value, structure, text, leniency, unevaluated };

std::string_view tier_name(Tier tier);

struct Verdict {
  bool correct = false;
  Tier tier = Tier::string;
  std::string why;  // one line: the reason, and how both sides were read
};

Verdict grade_math(std::string_view gold, std::string_view answer);

}  // namespace cope::answer
