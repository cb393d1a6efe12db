// Tokens of an answer, LaTeX or plain. Everything that is only layout is gone after this: \left, \!, \displaystyle, colours and fonts, sizes, non-breaking
// spaces; Unicode signs have become commands, thousands separators have left their numbers, \dfrac is \frac.
//
//   lex("\\left(1,\\!234\\tfrac12\\right) \\text{ cm}")  ->  ( 1234 \frac 12 ) "cm"
//
// Words are kept apart from symbols: a run of letters is a function or a constant (sin, pi), a word (at least four letters, a unit after a number, or
// inside \text), else a product of one-letter symbols.
//
// Thread-safety: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cope::answer {

enum class Tok : unsigned char {
  number,   // 12, 12.5, .5, 6e-5; without separators
  symbol,   // one letter, or a decorated one: "\mathbb R"
  command,  // \frac, \alpha, sin, pi: without the backslash
  word,     // of \text or plain; as written
  sign,  // one character of + - * / ^ _ ( ) [ ] { } | , ; : = < > ! ' % & . ? and others; '{' and '}' are LaTeX's grouping
  row,    // \\ (with its [4pt])
  begin,  // of an environment: its name
  end,
  stop,
};

struct Token {
  Tok kind = Tok::stop;
  bool spaced = false;  // something blank stood before it
  bool text = false;    // came from \text or the like
  std::string value;

  bool is(char c) const { return kind == Tok::sign && value[0] == c; }
  bool is(std::string_view command) const { return kind == Tok::command && value == command; }
};

// Ends with a Tok::stop. Empty where the answer is longer than limits allow.
std::vector<Token> lex(std::string_view answer);

}  // namespace cope::answer
