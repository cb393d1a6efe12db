#include "cope/answer/parser.h"
#include "cope/answer/parser_class.h"

namespace cope::answer {

// --- arithmetic ---
NodeId Parser::additive() {
  const Deeper deeper(*this);
  if (!deeper.ok()) return failed;
  Ids terms;
  for (;;) {
    bool minus = false;
    int both = 0;
    bool sign = false;
    for (;; next()) {                                                           // 3 - -5
      const bool set_difference = peek(1).is("{") && (!terms.empty() || sign);  // A - \{1\}
      if ((peek().is('-') && !set_difference) || minus_word())
        minus = !minus;
      else if (peek().is("pm"))
        both = 1;
      else if (peek().is("mp"))
        both = -1;
      else if (!peek().is('+') || (peek(1).is('-') && peek(2).kind == Tok::stop))
        break;
      sign = true;
    }
    if (!sign && !terms.empty()) break;
    NodeId term = this->term();
    if (term == failed) return failed;
    if (minus) term = tree_.make(Op::negate, {term});
    if (both != 0) term = tree_.make(Op::plus_minus, {term}, both);
    terms.push_back(term);
    if (terms.size() > limits.nodes) return failed;
  }
  const NodeId sum = terms.size() == 1 ? terms[0] : tree_.make(Op::add, terms);
  if (!take("over")) return sum;
  const NodeId below = additive();
  return below == failed ? failed : tree_.make(Op::divide, {sum, below});
}

// minus 7, negative seven, 7 minus 2
bool Parser::minus_word() const {
  if (!word("minus") && !word("negative")) return false;
  const Token& after = peek(1);
  return after.kind == Tok::number || after.kind == Tok::symbol || after.is("frac") || after.is("sqrt") ||
         (after.kind == Tok::word && number_word(lower(after.value)) >= 0);
}

bool Parser::starts_factor() const {
  const Token& token = peek();
  if (token.is("frac") && peek(1).is('{') && peek(2).kind == Tok::word) return false;  // miles over hours: a unit
  switch (token.kind) {
    case Tok::symbol:
    case Tok::begin:
    case Tok::number:
      return true;
    case Tok::sign:
      return (token.is('(') && !opens_modulus()) || token.is('{') || (token.is('[') && !closes_outward()) ||
             (token.is('|') && bars_ == 0);
    case Tok::command:
      if (token.is("vert")) return bars_ == 0;
      return starts_primary(token);
    default:
      return false;
  }
}

// The '[' of ]a, b[ and [a, b[: it ends what it follows.
bool Parser::closes_outward() const {
  const Token& after = peek(1);
  return after.kind == Tok::stop || after.is(',') || after.is(')') || after.is(';') || after.is("cup") ||
         after.is("cap") || after.is("}");
}

bool Parser::starts_primary(const Token& token) {
  constexpr std::string_view names[] = {"frac",  "sqrt",     "pi",       "infty", "binom",    "lfloor", "lceil",
                                        "sum",   "prod",     "int",      "lim",   "overline", "vec",    "langle",
                                        "angle", "emptyset", "triangle", "i",     "boxed",    "hat"};
  return is_function(token.value) || is_greek(token.value) || std::ranges::find(names, token.value) != std::end(names);
}

// 1\frac45, "137 1/2": an integer followed by a proper fraction of integers.
NodeId Parser::mixed() {
  if (!integer_token(peek())) return failed;
  const std::string whole = peek().value;
  std::string top;
  std::string bottom;
  std::size_t used = 0;
  if (peek(1).is("frac")) {
    std::size_t ahead = 2;
    for (std::string* part : {&top, &bottom}) {
      if (peek(ahead).is('{')) {
        if (!integer_token(peek(ahead + 1)) || !peek(ahead + 2).is('}')) return failed;
        *part = peek(ahead + 1).value;
        ahead += 3;
      } else if (integer_token(peek(ahead))) {
        const std::string& digits = peek(ahead).value;
        if (part == &top && digits.size() == 2) {
          top = digits.substr(0, 1);
          bottom = digits.substr(1);
          ++ahead;
          break;
        }
        if (digits.size() != 1) return failed;
        *part = digits;
        ++ahead;
      } else {
        return failed;
      }
    }
    used = ahead;
  } else if (integer_token(peek(1)) && peek(1).spaced && peek(2).is('/') && integer_token(peek(3))) {
    top = peek(1).value;
    bottom = peek(3).value;
    used = 4;
  } else {
    return failed;
  }
  const mpz_class p(top, 10);
  const mpz_class q(bottom, 10);
  if (p >= q || sgn(p) == 0 || (peek(used).is('^') && !is_circle(used + 1)) || peek(used).is('!')) return failed;
  mpq_class value(p, q);
  value.canonicalize();
  value += mpz_class(whole, 10);
  at_ += used;
  return tree_.number(value);
}

NodeId Parser::term() {
  NodeId left = failed;
  bool bare_number = peek().kind == Tok::number;
  if (const NodeId both = mixed(); both != failed) {
    left = postfix(both);  // 12\frac12\%
  } else {
    left = power();
    bare_number = bare_number && left != failed && tree_[left].op == Op::number;
  }
  Ids factors{left};
  while (factors.back() != failed) {
    if (factors.size() > limits.nodes) return failed;
    const Token& token = peek();
    if (token.is('*') || token.is("cdot") || token.is("times")) {
      next();
      factors.push_back(integral_ > 0 && differential() ? tree_.number(1) : signed_power());
    } else if (token.is('/') || token.is("div")) {
      if (token.is('/') && peek(1).kind == Tok::word) break;  // km/h
      next();
      const NodeId below = signed_power();
      if (below == failed) return failed;
      factors.back() = tree_.make(Op::divide, {product(factors), below});
      factors = {factors.back()};
    } else if (token.is("choose")) {
      next();
      const NodeId below = power();
      if (below == failed) return failed;
      factors = {tree_.make(Op::binomial, {product(factors), below})};
    } else if (integral_ > 0 && differential()) {
      continue;
    } else if (starts_factor()) {
      if (token.kind == Tok::number && bare_number) return failed;  // "2 3" is no product
      bare_number = token.kind == Tok::number;
      const NodeId factor = power();
      bare_number = bare_number && factor != failed && tree_[factor].op == Op::number;
      factors.push_back(factor);
      continue;
    } else {
      break;
    }
    bare_number = false;
  }
  if (factors.back() == failed) return failed;
  return product(factors);
}

NodeId Parser::signed_power() {
  bool minus = false;
  for (;; next()) {
    if (peek().is('-'))
      minus = !minus;
    else if (!peek().is('+'))
      break;
  }
  const NodeId value = power();
  return minus && value != failed ? tree_.make(Op::negate, {value}) : value;
}

NodeId Parser::power() {
  const Deeper deeper(*this);
  if (!deeper.ok()) return failed;
  return postfix(primary());
}

NodeId Parser::postfix(NodeId base) {
  while (base != failed) {
    if (peek().is('^')) {
      if (is_circle(1)) {
        next();
        const bool braces = take('{');
        next();
        if (braces) (void)take('}');
        base = tree_.make(Op::degree, {base});
        continue;
      }
      if (const std::size_t length = ordinal(1); length != 0 && tree_[base].op == Op::number) {  // 17^{\text{th}}
        base = tree_.named(Op::measure, "th", {base});
        at_ += 1 + length;
        continue;
      }
      next();
      if (peek().is('{') && peek(1).is('}')) {  // x^{}
        at_ += 2;
        continue;
      }
      const Op op = tree_[base].op;
      if ((op == Op::matrix || op == Op::bracket) &&
          (peek().value == "T" || (peek().is('{') && peek(1).value == "T"))) {
        if (take('{')) next();
        next();
        base = op == Op::matrix ? transposed(base) : column_of(base);
        continue;
      }
      const NodeId exponent = this->exponent();
      if (exponent == failed) return failed;
      base = tree_.make(Op::power, {base, exponent});
    } else if (peek().is('!')) {
      next();
      if (peek().is('!')) return failed;
      base = tree_.make(Op::factorial, {base});
    } else if (peek().is("degree") || ((word("degrees") || word("degree") || word("deg")) && !word("celsius", 1) &&
                                       !word("fahrenheit", 1) && !word("c", 1) && !word("f", 1))) {
      next();
      base = tree_.make(Op::degree, {base});
    } else if (const auto scale = scale_word(); scale != 0) {
      next();
      base = tree_.make(Op::multiply, {base, tree_.number(mpz_class(scale))});
    } else if (tree_[base].op == Op::number && word("and") && (word("a", 1) || peek(1).value == "a") &&
               peek(2).kind == Tok::word && fraction_word(lower(peek(2).value)) != 0) {  // three and a half
      base = tree_.number(tree_.value(base) + mpq_class(1) / fraction_word(lower(peek(2).value)));
      at_ += 3;
    } else if (tree_[base].op == Op::number && peek().kind == Tok::word && fraction_word(lower(peek().value)) != 0) {
      base = tree_.make(Op::divide, {base, tree_.number(fraction_word(lower(peek().value)))});  // three fourths
      next();
    } else if (peek().is('%') || peek().is("percent") || word("percent") || word("pct") || word("percentage") ||
               (word("per") && peek(1).kind == Tok::word && lower(peek(1).value) == "cent")) {
      if (word("per")) next();
      next();
      base = tree_.make(Op::percent, {base});
    } else if (peek().is('_') && (tree_[base].op == Op::number)) {
      base = base_numeral(base);
    } else {
      break;
    }
  }
  return base;
}

// How many tokens make st, nd, rd or th, in braces or not; 0 where none do.
std::size_t Parser::ordinal(std::size_t ahead) const {
  const std::size_t first = ahead;
  const bool braces = peek(ahead).is('{');
  if (braces) ++ahead;
  std::string letters;
  while (letters.size() < 2 && (peek(ahead).kind == Tok::word || peek(ahead).kind == Tok::symbol))
    letters += lower(peek(ahead++).value);
  if (letters != "st" && letters != "nd" && letters != "rd" && letters != "th") return 0;
  if (braces && !peek(ahead++).is('}')) return 0;
  return ahead - first;
}

// 1.5 million
long Parser::scale_word() const {
  if (peek().kind != Tok::word) return 0;
  if (word("hundred")) return 100;
  if (word("thousand")) return 1000;
  if (word("million")) return 1000000;
  return word("billion") ? 1000000000 : 0;
}

bool Parser::is_circle(std::size_t ahead) const {
  if (peek(ahead).is('{')) ++ahead;
  return peek(ahead).is("circ") || peek(ahead).is("degree") ||
         (peek(ahead).kind == Tok::symbol && peek(ahead).value == "o" &&
          (peek(ahead + 1).is('}') || peek(ahead + 1).kind == Tok::stop));
}

NodeId Parser::exponent() {
  if (peek().is('-') || peek().is('+')) {
    const bool minus = peek().is('-');
    next();
    const NodeId value = power();
    return minus && value != failed ? tree_.make(Op::negate, {value}) : value;
  }
  const bool braces = peek().is('{');
  const NodeId value = primary();
  if (value == failed || braces) return value;
  if (peek().is('^')) {  // 2^3^2
    next();
    const NodeId above = exponent();
    return above == failed ? failed : tree_.make(Op::power, {value, above});
  }
  return value;
}

// [1, 2, 3]^T
NodeId Parser::column_of(NodeId bracket) {
  return tree_.make(Op::matrix, Ids(tree_.kids(bracket).begin(), tree_.kids(bracket).end()), 1);
}

NodeId Parser::transposed(NodeId matrix) {
  const auto columns = static_cast<std::size_t>(tree_[matrix].aux);
  const std::size_t rows = tree_[matrix].count / columns;
  Ids cells;
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t r = 0; r < rows; ++r) cells.push_back(tree_.kid(matrix, r * columns + c));
  }
  return tree_.make(Op::matrix, cells, static_cast<int>(rows));
}

NodeId Parser::base_numeral(NodeId digits) {
  const mpq_class& value = tree_.value(digits);
  if (value.get_den() != 1 || sgn(value) < 0) return failed;
  next();
  const bool braces = take('{');
  const bool round = braces && take('(');
  if (this->word("base")) next();
  const bool word = peek().kind == Tok::word;  // 101_{\text{two}}
  if (!word && (!integer_token(peek()) || peek().value.size() > 2)) return failed;
  const int base = word ? number_word(lower(peek().value)) : std::stoi(peek().value);
  next();
  if (round && !take(')')) return failed;
  if (braces && !take('}')) return failed;
  if (base < 2 || base > 36) return failed;
  if (base == 10) return tree_.make(Op::add, {digits});  // the number, but no numeral whose base is left out
  return tree_.named(Op::base_numeral, value.get_num().get_str(), {}, base);
}

}  // namespace cope::answer
