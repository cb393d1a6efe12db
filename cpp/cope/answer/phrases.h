// Answers that are read as a whole, from their tokens: times of day, numerals of other bases, labels, and what words say of sets.
//
//   20:34, 12 noon            1011 (base 2), 2A5_{16}            Speed = 5            all real numbers except 2, no solution
//
// Thread-safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cope/answer/lexer.h"

namespace cope::answer {

struct Clock {
  int seconds = 0;        // since midnight
  bool marked = false;    // a.m., p.m., noon or midnight was written
  bool full_day = false;  // not marked, and so only on a clock of 24 hours
};

std::optional<Clock> clock_of(const std::vector<Token>& tokens);

struct Numeral {
  std::string digits;  // upper case, without leading zeros
  int base = 0;        // 2 to 36, not 10
};

std::optional<Numeral> numeral_of(const std::vector<Token>& tokens);

// The words of a text without case, articles and punctuation; what is no word stays as it was written.
std::string words_of(const std::vector<Token>& tokens);

// Past "Speed =", "\text{Domain:}", "\text{Area of } ABC =": where the value begins that words name; 0 where none do. `named`: by an equals sign.
std::size_t labelled(const std::vector<Token>& tokens, bool& named);

// A single run of letters that is no product: cat, but not abc or xyz.
bool is_word(std::string_view text);

// Of the words of a text: "all real numbers", "all integers", "there is no solution"; `real`: "no real solutions".
bool says_all_reals(std::string_view words);
bool says_all_integers(std::string_view words);
bool says_none(std::string_view words, bool real = false);

// The tokens of 12 m, 9.8 m/s^2 with words for the letters of units; empty where there are none. `plain`: only where they can hardly be variables, since a
// blank stands before the first and another is below the line.
std::vector<Token> with_units(const std::vector<Token>& tokens, bool plain);

// Takes the remark off "12 (twelve)"; false where it says another number: 12 (thirteen).
bool take_remark(std::vector<Token>& tokens);

// Past "all real numbers except": where the exceptions begin; 0 where the text is none such.
std::size_t exceptions(const std::vector<Token>& tokens);

}  // namespace cope::answer
