#include <utility>

#include "cope/answer/parser.h"
#include "cope/answer/parser_class.h"

namespace cope::answer {

NodeId Parser::root() {
  NodeId degree = failed;
  if (take('[')) {
    degree = additive();
    if (degree == failed || !take(']')) return failed;
  }
  const NodeId radicand = primary();
  if (radicand == failed) return failed;
  if (degree == failed) degree = tree_.number(2);
  return tree_.make(Op::root, {radicand, degree});
}

NodeId Parser::function(const std::string& name) {
  NodeId base = failed;
  NodeId exponent = failed;
  for (;;) {
    if (peek().is('_') && base == failed) {
      next();
      base = primary();
      if (base == failed) return failed;
    } else if (peek().is('^') && exponent == failed && !is_circle(1)) {
      next();
      exponent = this->exponent();
      if (exponent == failed) return failed;
    } else {
      break;
    }
  }
  Ids arguments;
  if (peek().is('(') || peek().is('[')) {
    const char close = peek().is('(') ? ')' : ']';
    next();
    if (!list(arguments) || !take(close)) return failed;
  } else if (take("{")) {  // \sin\{x\}
    arguments.push_back(additive());
    if (arguments[0] == failed || !take("}")) return failed;
  } else {
    const NodeId bare = bare_argument();
    if (bare == failed) return failed;
    if (tree_[bare].op == Op::set)
      arguments.assign(tree_.kids(bare).begin(), tree_.kids(bare).end());
    else
      arguments.push_back(bare);
  }
  return apply(name, base, exponent, arguments);
}

// \sin 2x, \ln xy, \cos 2\pi/3: factors up to the next sign, bracket or function.
NodeId Parser::bare_argument() {
  const bool minus = take('-');
  Ids factors;
  while (starts_factor()) {
    const bool bracket = peek().is('(') || peek().is('[');
    if (!factors.empty() && (bracket || (peek().kind == Tok::command && is_function(peek().value)))) break;
    if (integral_ > 0 && differential()) continue;
    const bool group = peek().is('{');
    const NodeId factor = power();
    if (factor == failed) return failed;
    factors.push_back(factor);
    if (factors.size() > limits.nodes) return failed;
    if (group && factors.size() == 1) break;
  }
  if (factors.empty()) return failed;
  NodeId value = product(factors);
  if (peek().is('/') && integer_token(peek(1)) && (tree_[factors.back()].op == Op::pi)) {
    next();
    const NodeId below = primary();
    if (below == failed) return failed;
    value = tree_.make(Op::divide, {value, below});
  }
  return minus ? tree_.make(Op::negate, {value}) : value;
}

NodeId Parser::apply(const std::string& name, NodeId base, NodeId exponent, const Ids& arguments) {
  const bool many = name == "gcd" || name == "lcm" || name == "max" || name == "min";
  if (arguments.size() != 1 && !many && !(name == "log" && arguments.size() == 2)) return failed;
  NodeId value = failed;
  if (name == "log" || name == "ln" || name == "lg") {
    if (name == "lg" && base == failed) base = tree_.number(10);
    if (arguments.size() == 2) base = arguments[1];
    value = base == failed ? tree_.named(Op::function, "ln", {arguments[0]})
                           : tree_.make(Op::log_base, {arguments[0], base});
  } else if (base != failed) {
    return failed;
  } else if (name == "factorial") {
    value = tree_.make(Op::factorial, {arguments[0]});
  } else if (name == "cis") {
    value = tree_.make(Op::power,
                       {tree_.make(Op::euler), tree_.make(Op::multiply, {tree_.make(Op::imaginary), arguments[0]})});
  } else if (exponent != failed && is_minus_one(exponent) && !many) {  // \sin^{-1} x
    static constexpr std::string_view invertible[] = {"sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh"};
    if (std::ranges::find(invertible, name) == std::end(invertible)) return failed;
    return tree_.named(Op::function, "a" + name, {arguments[0]});
  } else {
    value = tree_.named(Op::function, name, arguments);
  }
  return exponent == failed ? value : tree_.make(Op::power, {value, exponent});
}

NodeId Parser::series(Op op) {
  std::string variable;
  NodeId from = failed;
  NodeId to = failed;
  for (int k = 0; k < 2; ++k) {
    if (take('_')) {
      if (!take('{') || (peek().kind != Tok::symbol)) return failed;
      variable = peek().value;
      next();
      if (!take('=')) return failed;
      from = additive();
      if (from == failed || !take('}')) return failed;
    } else if (take('^')) {
      to = primary();
      if (to == failed) return failed;
    }
  }
  if (from == failed || to == failed) return failed;
  const bool outer = std::exchange(index_i_, index_i_ || variable == "i");  // inside, i is the index
  const NodeId body = term();
  index_i_ = outer;
  if (body == failed) return failed;
  return tree_.named(op, variable, {from, to, body});
}

bool Parser::differential() {
  if (peek().kind != Tok::symbol || peek().value != "d") return false;
  const Token& variable = peek(1);
  if (variable.kind != Tok::symbol && !(variable.kind == Tok::command && is_greek(variable.value))) return false;
  differential_ = variable.value;
  next();
  next();
  return true;
}

NodeId Parser::integral() {
  NodeId from = failed;
  NodeId to = failed;
  for (int k = 0; k < 2; ++k) {
    const bool lower = peek().is('_');
    if (!lower && !peek().is('^')) break;
    next();
    if (peek().is('{') && peek(1).is('}')) {
      at_ += 2;
      continue;
    }
    const bool minus = take('-');
    NodeId bound = primary();
    if (bound == failed) return failed;
    if (minus) bound = tree_.make(Op::negate, {bound});
    (lower ? from : to) = bound;
  }
  const std::string outer = std::exchange(differential_, "");
  ++integral_;
  // \int da, \int {x dx}
  const NodeId body =
      peek().kind == Tok::symbol && peek().value == "d" && differential() ? tree_.number(1) : additive();
  --integral_;
  std::string variable = differential_.empty() ? "x" : differential_;
  differential_ = outer;
  if (body == failed || (from == failed) != (to == failed)) return failed;
  if (from == failed) return tree_.named(Op::integral, variable, {body});
  return tree_.named(Op::integral, variable, {from, to, body});
}

NodeId Parser::limit() {
  if (!take('_') || !take('{') || peek().kind != Tok::symbol) return failed;
  const std::string variable = peek().value;
  next();
  if (!take("to")) return failed;
  NodeId point = failed;
  int side = 0;
  const bool minus = take('-');
  (void)take('+');
  point = primary();
  if (point == failed) return failed;
  if (minus) point = tree_.make(Op::negate, {point});
  if (take('^')) {
    const bool group = take('{');
    side = peek().is('+') ? 1 : peek().is('-') ? -1 : 0;
    if (side == 0) return failed;
    next();
    if (group && !take('}')) return failed;
  }
  if (!take('}')) return failed;
  const NodeId body = term();
  return body == failed ? failed : tree_.named(Op::limit, variable, {point, body}, side);
}

}  // namespace cope::answer
