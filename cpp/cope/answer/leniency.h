// Why an answer is right although its key is another than the gold answer's: what gold leaves out it may add, and the like.
//
//   gold 15 cm, answer 15  ->  "the unit is left out: cm"
//
// Thread-safety: pure functions, on readings of one call.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cope/answer/reading.h"

namespace cope::answer {

using Reason = std::optional<std::string>;  // none: the answer is wrong

Reason leniency(Reading& gold, Reading& answer);

// The letter of a choice: (C), \text{C}, C., "Choice C"; `alone`: and nothing behind it, as in "(C) 12".
std::optional<char> choice_letter(const std::vector<Token>& tokens, bool alone);

}  // namespace cope::answer
