#include "cope/answer/phrases.h"

#include <gmpxx.h>

#include <algorithm>

#include "cope/answer/chars.h"
#include "cope/answer/names.h"

namespace cope::answer {

namespace {

bool two_digits(const Token& token) {
  return token.kind == Tok::number && token.value.size() <= 2 && all_digits(token.value);
}

constexpr std::size_t most_digits = 64;

bool is_base(int base) { return base >= 2 && base <= 36 && base != 10; }

// 3:4, 3 to 4
bool is_ratio(const std::vector<Token>& tokens) {
  if (tokens.size() < 4 || tokens.size() % 2 != 0) return false;
  for (std::size_t k = 0; k + 1 < tokens.size(); ++k) {
    const Token& token = tokens[k];
    const bool to = token.is(':') || token.is("to") || (token.kind == Tok::word && lower(token.value) == "to");
    if (k % 2 == 0 ? token.kind != Tok::number : !to) return false;
  }
  return true;
}

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

// 0x2A5, 0b101, 0o17
std::optional<Numeral> prefixed_numeral(const std::vector<Token>& tokens) {
  std::string whole;
  for (const Token& token : tokens) {
    if (token.kind == Tok::stop) break;
    const bool plain = token.kind == Tok::number || token.kind == Tok::symbol || token.kind == Tok::word;
    if (!plain || (token.spaced && !whole.empty()) || whole.size() > most_digits) return std::nullopt;
    whole += token.value;
  }
  if (whole.size() < 3 || whole[0] != '0') return std::nullopt;
  Numeral numeral{"", whole[1] == 'x' ? 16 : whole[1] == 'o' ? 8 : whole[1] == 'b' ? 2 : 0};
  for (const char c : std::string_view(whole).substr(2)) {
    const char digit = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
    const int value = is_digit(digit) ? digit - '0' : is_upper(digit) ? digit - 'A' + 10 : 36;
    if (value >= numeral.base) return std::nullopt;
    numeral.digits += digit;
  }
  numeral.digits.erase(0, std::min(numeral.digits.find_first_not_of('0'), numeral.digits.size() - 1));
  return numeral;
}

// 6:8 -> 3 : 4; numbers that are not whole stay as they are.
std::string reduced(const std::vector<std::string>& terms) {
  mpz_class divisor = 0;
  for (const std::string& term : terms) {
    if (term.size() > most_digits || !all_digits(term)) {
      divisor = 0;
      break;
    }
    divisor = gcd(divisor, mpz_class(term, 10));
  }
  std::string ratio;
  for (const std::string& term : terms) {
    if (!ratio.empty()) ratio += " : ";
    ratio += divisor > 0 ? mpz_class(mpz_class(term, 10) / divisor).get_str() : term;
  }
  return ratio;
}

// The first of some words, taken off.
std::string_view first_word(std::string_view& words) {
  const std::size_t stop = std::min(words.find(' '), words.size());
  const std::string_view word = words.substr(0, stop);
  words.remove_prefix(std::min(stop + 1, words.size()));
  return word;
}

}  // namespace

std::optional<Clock> clock_of(const std::vector<Token>& tokens) {
  const bool word = tokens.size() == 2 && tokens[0].kind == Tok::word;
  if (word && lower(tokens[0].value) == "noon") return Clock{12 * 3600, true, false};
  if (word && lower(tokens[0].value) == "midnight") return Clock{0, true, false};
  if (tokens.size() < 3 || tokens.size() > 16 || !two_digits(tokens[0])) return std::nullopt;
  int parts[3] = {std::stoi(tokens[0].value), 0, 0};
  std::size_t at = 1;
  int count = 1;
  while (count < 3 && at + 1 < tokens.size() && tokens[at].is(':') && two_digits(tokens[at + 1]) &&
         tokens[at + 1].value.size() == 2) {
    parts[count++] = std::stoi(tokens[at + 1].value);
    at += 2;
  }
  std::string tail;
  for (; at < tokens.size(); ++at) {
    if (tokens[at].is('.') || tokens[at].is('{') || tokens[at].is('}')) continue;
    tail += lower(tokens[at].value);
  }
  const int minutes = 60 * parts[1] + parts[2];
  if ((tail == "noon" || tail == "midnight") && parts[0] == 12 && minutes == 0)
    return Clock{tail == "noon" ? 12 * 3600 : 0, true, false};
  const bool marked = tail == "am" || tail == "pm";
  if (!marked && (!tail.empty() || count == 1)) return std::nullopt;
  if (parts[0] > 24 || parts[1] > 59 || parts[2] > 59 || (marked && (parts[0] > 12 || parts[0] == 0))) {
    if (!(marked && tail == "pm" && parts[0] > 12 && parts[0] < 24)) return std::nullopt;
    return Clock{3600 * parts[0] + minutes, true, false};
  }
  int hour = parts[0];
  if (marked) hour = hour % 12 + (tail == "pm" ? 12 : 0);
  return Clock{3600 * hour + minutes, marked, !marked && (hour == 0 || hour > 12)};
}

std::optional<Numeral> numeral_of(const std::vector<Token>& tokens) {
  if (auto numeral = prefixed_numeral(tokens)) return numeral;
  if (tokens.size() < 4 || tokens.size() > most_digits) return std::nullopt;
  std::size_t at = 0;
  const auto skip = [&](bool found) {
    if (found) ++at;
    return found;
  };
  const auto take = [&](char c) { return skip(tokens[at].is(c)); };
  const auto take_word = [&](std::string_view word) {
    return skip(tokens[at].kind == Tok::word && lower(tokens[at].value) == word);
  };
  Numeral numeral;
  int letters = 0;
  int largest = 0;
  const bool round = take('(');
  for (; tokens[at].kind == Tok::number || tokens[at].kind == Tok::symbol || tokens[at].kind == Tok::word; ++at) {
    if (tokens[at].kind == Tok::word && one_of(lower(tokens[at].value), {"base", "in"})) break;
    for (const char c : tokens[at].value) {
      if (!is_digit(c) && !is_upper(c)) return std::nullopt;
      letters += is_upper(c) ? 1 : 0;
      largest = std::max(largest, is_digit(c) ? c - '0' : c - 'A' + 10);
    }
    numeral.digits += tokens[at].value;
  }
  const bool digits = letters < static_cast<int>(numeral.digits.size());
  if (numeral.digits.empty() || numeral.digits.size() > most_digits || (!digits && letters < 2))
    return std::nullopt;  // A_{12}
  if (round && !take(')')) return std::nullopt;
  const bool below = take('_');
  const bool braces = below && take('{');
  const bool bracket = take('(');
  (void)take_word("in");
  if (!take_word("base") && !below) return std::nullopt;
  const Token& base = tokens[at];
  if (base.kind == Tok::word)
    numeral.base = number_word(lower(base.value));
  else if (base.kind == Tok::number && all_digits(base.value) && base.value.size() <= 2)
    numeral.base = std::stoi(base.value);
  if (!is_base(numeral.base)) return std::nullopt;
  ++at;
  if ((bracket && !take(')')) || (braces && !take('}')) || tokens[at].kind != Tok::stop) return std::nullopt;
  if (letters > 0 && largest >= numeral.base) return std::nullopt;
  numeral.digits.erase(0, std::min(numeral.digits.find_first_not_of('0'), numeral.digits.size() - 1));
  return numeral;
}

std::string words_of(const std::vector<Token>& tokens) {
  if (is_ratio(tokens)) {
    std::vector<std::string> terms;
    for (const Token& token : tokens) {
      if (token.kind == Tok::number) terms.push_back(token.value);
    }
    return reduced(terms);
  }
  const bool prose = std::ranges::any_of(tokens, [](const Token& token) { return token.kind == Tok::word; });
  std::string words;
  bool numbered = false;
  for (std::size_t k = 0; k < tokens.size() && tokens[k].kind != Tok::stop; ++k) {
    const Token& token = tokens[k];
    std::string word = token.kind == Tok::word      ? lower(token.value)
                       : token.is("vert")           ? "|"
                       : token.kind == Tok::command ? '\\' + token.value
                                                    : token.value;
    if (prose) {
      const bool before_word =
          k + 1 < tokens.size() && tokens[k + 1].kind == Tok::word && tokens[k + 1].value.size() > 1;
      if ((word == "a" && before_word) || word == "an" || word == "the") continue;  // but not the A of "A, C, D"
      if (token.kind == Tok::sign && std::string_view(".,;:?!'\"{}()*_`").find(word[0]) != std::string_view::npos)
        continue;
      if (token.is('-') && (k + 1 == tokens.size() || tokens[k + 1].kind != Tok::number)) continue;
      if (token.kind == Tok::word) std::ranges::replace(word, '-', ' ');  // x-axis
      if (token.kind == Tok::symbol && token.text) word = lower(word);
      if (numbered && (word == "st" || word == "nd" || word == "rd" || word == "th")) word.clear();  // June 20th
      numbered = token.kind == Tok::number;
      if (word.empty()) continue;
    }
    if (!words.empty()) words += ' ';
    words += word;
  }
  return words;
}

std::size_t labelled(const std::vector<Token>& tokens, bool& named) {
  int depth = 0;
  bool words = false;
  for (std::size_t k = 0; k + 2 < tokens.size(); ++k) {
    const Token& token = tokens[k];
    if (token.is('(') || token.is('{') || token.is('[')) ++depth;
    if (token.is(')') || token.is('}') || token.is(']')) --depth;
    words = words || (token.kind == Tok::word && !is_connector(token.value) && number_word(lower(token.value)) < 0);
    if (depth != 0 || token.is(',')) {
      if (token.is(',')) return 0;
      continue;
    }
    named = token.is('=');
    if (named || token.is("approx") || token.is(':')) return words ? k + 1 : 0;
  }
  return 0;
}

bool is_word(std::string_view text) {
  if (text.size() >= 2 && text.find_first_not_of("IVX") == std::string_view::npos)
    return true;  // Roman numerals: IV is no VI
  if (text.size() < 3 || text.size() > 3 || !std::ranges::all_of(text, is_letter)) return false;
  const std::string small = lower(text);
  if (small.find_first_of("aeiou") == std::string::npos) return false;
  return !(small[1] == small[0] + 1 && small[2] == small[1] + 1) && plain_command(text).empty();
}

bool says_all_reals(std::string_view words) {
  std::string_view word = first_word(words);
  if (one_of(word, {"for", "set"})) word = first_word(words);
  if (word == "of") word = first_word(words);
  const bool all = one_of(word, {"all", "every", "any"});
  if (all) word = first_word(words);
  if (one_of(word, {"real", "reals"}) && (all || words == "numbers")) {
    if (one_of(words.substr(0, words.find(' ')), {"numbers", "number", "values", "value"})) (void)first_word(words);
    if (words.starts_with("of ")) (void)first_word(words);
    return words.empty() || words == "x";
  }
  return false;
}

bool says_all_integers(std::string_view words) { return one_of(words, {"all integers", "set of all integers"}); }

bool says_none(std::string_view words, bool real) {
  if (!real && one_of(words, {"none", "empty set"})) return true;
  std::string_view word = first_word(words);
  while (one_of(word, {"there", "is", "are", "has", "equation", "it", "system"})) word = first_word(words);
  if (word != "no") return false;
  word = first_word(words);
  if ((word == "real") != real) return false;
  if (real) word = first_word(words);
  if (!one_of(word, {"solution", "solutions"})) return false;
  return words.empty() || one_of(words, {"exist", "exists"});
}

std::vector<Token> with_units(const std::vector<Token>& tokens, bool plain) {
  std::vector<Token> out = tokens;
  const auto sign = std::find_if(out.rbegin(), out.rend(), [](const Token& token) { return token.is('='); });
  std::size_t at = static_cast<std::size_t>(out.rend() - sign);
  const std::size_t begin = at;
  for (; out[at].kind != Tok::symbol; ++at) {
    const Tok kind = out[at].kind;
    const bool value = kind == Tok::number || out[at].is("frac") || out[at].is("sqrt") || out[at].is("pi") ||
                       out[at].is('{') || out[at].is('}') || out[at].is('-') || out[at].is('.') || out[at].is('/');
    if (!value) return {};
  }
  if (at == begin || (out[at - 1].kind != Tok::number && !out[at - 1].is('}') && !out[at - 1].is("pi"))) return {};
  if (plain && !out[at].spaced) return {};
  const std::size_t first = at;
  bool below = false;
  for (;;) {
    if (out[at].kind != Tok::symbol || !one_of(out[at].value, {"m", "g", "s", "h", "L", "l"})) return {};
    out[at].kind = Tok::word;
    ++at;
    if (out[at].is('^')) {
      const std::size_t length = out[at + 1].is('{') ? 4 : 2;
      if (at + length >= out.size() || out[at + length / 2].kind != Tok::number) return {};
      at += length;
    }
    if (out[at].kind == Tok::stop) break;
    if (!out[at].is('/') || below || at - first > 8) return {};
    below = true;
    ++at;
  }
  return plain && !below ? std::vector<Token>() : out;
}

bool take_remark(std::vector<Token>& tokens) {
  const std::size_t count = tokens.size();
  if (count != 5 || tokens[0].kind != Tok::number || !tokens[1].is('(') || tokens[2].kind != Tok::word ||
      !tokens[3].is(')'))
    return true;
  const int said = number_word(lower(tokens[2].value));
  if (said < 0) return true;
  if (tokens[0].value != std::to_string(said)) return false;
  tokens.erase(tokens.begin() + 1, tokens.begin() + 4);
  return true;
}

std::size_t exceptions(const std::vector<Token>& tokens) {
  std::string said;
  for (std::size_t k = 0; k + 1 < tokens.size() && k < 12; ++k) {
    if (tokens[k].kind != Tok::word && tokens[k].kind != Tok::symbol) continue;
    const std::string word = lower(tokens[k].value);
    if (one_of(word, {"except", "excluding", "but", "besides"})) {
      if (!says_all_reals(said)) return 0;
      ++k;
      if (tokens[k].kind == Tok::word && lower(tokens[k].value) == "for") ++k;
      return tokens[k].kind == Tok::stop ? 0 : k;
    }
    if (one_of(word, {"the", "a"})) continue;
    said += (said.empty() ? "" : " ") + word;
  }
  return 0;
}

}  // namespace cope::answer
