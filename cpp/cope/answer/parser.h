// Tokens -> tree. Recursive descent with a limit on its depth; linear in the tokens.
//
// The signs of a relation: '=' '<' '>' 'l' (at most) 'g' (at least) 'n' (not equal) 'e' (element of) '~' (congruent).
//
// Thread-safety: pure.
#pragma once

#include <optional>
#include <vector>

#include "cope/answer/lexer.h"
#include "cope/answer/tree.h"

namespace cope::answer {

// The node of the whole answer; none where the tokens are no mathematics (then the answer is a text).
std::optional<NodeId> parse(std::vector<Token> tokens, Tree& tree);

// A number token's exact value and how many significant digits were written; none where its exponent is beyond limits.
std::optional<mpq_class> decimal_value(std::string_view digits, int& significant);

}  // namespace cope::answer
