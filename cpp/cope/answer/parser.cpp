#include "cope/answer/parser.h"

#include "cope/answer/parser_class.h"
#include "cope/answer/units.h"

namespace cope::answer {

std::optional<NodeId> Parser::run() {
  drop_tail();
  const NodeId id = top();
  if (id == failed || tree_.full() || peek().kind != Tok::stop) return std::nullopt;
  return id;
}

bool Parser::take(char c) {
  if (!peek().is(c)) return false;
  next();
  return true;
}

bool Parser::take(std::string_view command) {
  if (!peek().is(command)) return false;
  next();
  return true;
}

// Trailing punctuation, and stray row breaks at both ends.
void Parser::drop_tail() {
  while (tokens_.size() > 1) {
    const Token& last = tokens_[tokens_.size() - 2];
    if (!last.is('.') && !last.is(',') && !last.is(';') && !last.is(':') && last.kind != Tok::row) break;
    tokens_.erase(tokens_.end() - 2);
  }
}

// --- lists at the top ---
bool Parser::connector(char& kind) const {
  if (peek().is("and") || word("and"))
    kind = 'a';
  else if (peek().is("or") || word("or"))
    kind = 'o';
  else
    return false;
  return true;
}

NodeId Parser::top() {
  Ids groups;
  char kind = ';';
  do {
    if (peek().kind == Tok::stop && !groups.empty()) break;
    const NodeId group = commas();
    if (group == failed) return failed;
    groups.push_back(group);
    if (groups.size() > limits.cells) return failed;
  } while (take(';'));
  if (groups.size() == 1) return groups[0];
  for (NodeId& group : groups) {  // p = 5, q = 2; p = 7, q = 2
    if (tree_[group].op == Op::list)
      group = tree_.make(Op::tuple, std::vector<NodeId>(tree_.kids(group).begin(), tree_.kids(group).end()));
  }
  return tree_.make(Op::list, groups, kind);
}

// 5 feet 3 inches, 2 hours and 30 minutes: one quantity, in its larger unit; failed where the units do not go together so.
NodeId Parser::compound(NodeId large, NodeId small) {
  if (tree_[large].op != Op::measure || tree_[small].op != Op::measure) return failed;
  const Measure a = measure_of(tree_.name(large));
  const Measure b = measure_of(tree_.name(small));
  if (a.kind != Measure::Kind::known || b.kind != a.kind || a.dimension != b.dimension || a.factor <= b.factor)
    return failed;
  const NodeId ratio = tree_.number(mpq_class(b.factor / a.factor));
  const NodeId part = tree_.make(Op::multiply, {tree_.kid(small, 0), ratio});
  return tree_.named(Op::measure, tree_.name(large), {tree_.make(Op::add, {tree_.kid(large, 0), part})});
}

NodeId Parser::commas() {
  Ids items;
  char kind = ',';
  for (;;) {
    NodeId item = statement(true);
    while (item != failed && tree_[item].op == Op::measure && peek().kind == Tok::number) {  // 2 hours 30 minutes
      const NodeId part = statement(true);
      item = part == failed ? failed : compound(item, part);
    }
    if (item == failed) return failed;
    items.push_back(item);
    if (items.size() > limits.cells) return failed;
    if (take(',')) {
      char ignored = 0;
      if (connector(ignored)) {
        kind = ignored;
        next();
      }
      continue;
    }
    if (connector(kind)) {
      next();
      if (word("either")) next();
      continue;
    }
    break;
  }
  if (kind == 'a' && items.size() == 2) {
    if (const NodeId sum = compound(items[0], items[1]); sum != failed) return sum;
  }
  return items.size() == 1 ? items[0] : tree_.make(Op::list, items, kind);
}

// --- relations ---
char Parser::relation_sign() {
  if (peek().is('&') && peek(1).is('=')) next();  // of lines that are aligned
  const Token& token = peek();
  char sign = 0;
  if (token.is('='))
    sign = '=';
  else if (token.is('<') || token.is("lt"))
    sign = '<';
  else if (token.is('>') || token.is("gt"))
    sign = '>';
  else if (token.is("le"))
    sign = 'l';
  else if (token.is("ge"))
    sign = 'g';
  else if (token.is("neq"))
    sign = 'n';
  else if (token.is("in") || word("in"))
    sign = 'e';
  else if (token.is("equiv"))
    sign = '~';
  else if (token.is("approx"))
    sign = 'a';
  if (sign != 0) {
    next();
    if (peek().is('&')) next();
  }
  return sign;
}

// y = f(x): the head "f(x)" is a name, no product; so is the AB of a segment.
NodeId Parser::function_head() {
  if (peek().kind != Tok::symbol) return failed;
  std::size_t ahead = 0;
  std::string figure;
  while (peek(ahead).kind == Tok::symbol && is_upper(peek(ahead).value[0])) figure += peek(ahead++).value;
  if (figure.size() >= 2 && figure.size() == ahead && peek(ahead).is('=')) {
    at_ += ahead;
    return tree_.named(Op::symbol, figure);
  }
  ahead = 1;
  std::string name = peek().value;
  while (peek(ahead).is('\'')) {
    name += '\'';
    ++ahead;
  }
  if (peek(ahead).is('^') && peek(ahead + 1).is('{') && peek(ahead + 2).is('-') && peek(ahead + 3).value == "1" &&
      peek(ahead + 4).is('}')) {
    name += "^{-1}";
    ahead += 5;
  }
  if (!peek(ahead).is('(')) return failed;
  name += '(';
  for (;;) {
    if (peek(ahead + 1).is('-')) name += peek(++ahead).value;
    const Token& variable = peek(++ahead);
    if (variable.kind != Tok::symbol && variable.kind != Tok::number &&
        !(variable.kind == Tok::command && is_greek(variable.value)))
      return failed;
    name += variable.value;
    const Token& after = peek(++ahead);
    name += after.value;
    if (after.is(')')) break;
    if (!after.is(',')) return failed;
  }
  if (!peek(ahead + 1).is('=')) return failed;
  at_ += ahead + 1;
  return tree_.named(Op::symbol, name);
}

// The f(x) of 2x + 1 = f(x), as function_head() names it; itself where it is applied to more than a variable or a number.
NodeId Parser::named_application(NodeId id) {
  std::string name = tree_.name(id);
  for (const NodeId kid : tree_.kids(id)) {
    const bool number = tree_[kid].op == Op::number && tree_.value(kid).get_den() == 1;
    if (!number && tree_[kid].op != Op::symbol) return id;
    name += name.find('(') == std::string::npos ? '(' : ',';
    name += number ? tree_.value(kid).get_str() : tree_.name(kid);
  }
  return tree_.named(Op::symbol, name + ')');
}

NodeId Parser::statement(bool with_units) {
  const Deeper deeper(*this);
  if (!deeper.ok()) return failed;
  Ids sides;
  std::string signs;
  if (const NodeId head = function_head(); head != failed) {
    sides.push_back(head);
  } else {
    sides.push_back(item(with_units));
  }
  while (sides.back() != failed) {
    const char sign = relation_sign();
    if (sign == 0) break;
    const NodeId side = item(with_units);
    if (side == failed) return failed;
    const bool names = sides.size() == 1 && tree_[sides[0]].op == Op::symbol;  // x \approx 5
    if (sign == 'a' && !names) {                                               // "\approx 0.577" adds nothing
      tree_.claim(sides.back(), side);
      continue;
    }
    signs.push_back(sign == 'a' ? '=' : sign);
    const bool of_numbers = sign == 'e' && tree_[side].op == Op::symbol && tree_.name(side).size() == 1 &&
                            std::string_view("RZNQC").find(tree_.name(side)[0]) != std::string_view::npos;
    sides.push_back(of_numbers ? tree_.named(Op::symbol, "mathbb " + tree_.name(side)) : side);
  }
  if (sides.back() == failed) return failed;
  if (sides.size() == 1) return sides[0];
  if (signs == "=" && tree_[sides[0]].op != Op::symbol && tree_[sides[1]].op == Op::application)
    sides[1] = named_application(sides[1]);
  return tree_.named(Op::relation, signs, sides);
}

// --- values with units ---
NodeId Parser::item(bool with_units) {
  std::string currency;
  bool minus = false;
  if (peek().is('-') && peek(1).is("$")) {
    minus = true;
    next();
  }
  const bool code = (word("usd") || (word("us") && peek(1).is("$"))) && starts_value(peek(1));
  if (code) {
    if (word("us")) next();
    next();
    currency = "dollar";
  } else if (take("$"))
    currency = "dollar";
  else if (take("euro"))
    currency = "euro";
  else if (take("pounds"))
    currency = "pound sterling";
  else if (take("yen"))
    currency = "yen";
  NodeId value = sets();
  if (value == failed) return failed;
  if (minus) value = tree_.make(Op::negate, {value});
  if (!currency.empty()) {
    (void)take("$");
    while (word("dollars") || word("dollar") || word("usd")) next();
    if (with_units && (word("per") || word("each") || peek().is('/')))
      currency += ' ' + unit_words();  // $4.50 per pound
    return tree_.named(Op::measure, currency, {value});
  }
  if (with_units && take("$")) return tree_.named(Op::measure, "dollar", {value});
  if (!with_units) return value;
  std::string words = unit_words();
  return words.empty() ? value : tree_.named(Op::measure, std::move(words), {value});
}

// Takes \frac{\text{miles}}{\text{hour}}, \frac{\text{m}}{\text{s}^2} as "m / s ^2"; empty where none stands here.
std::string Parser::unit_fraction() {
  if (!peek().is("frac")) return "";
  std::string words;
  std::size_t ahead = 1;
  for (const std::string_view sign : {"", " / "}) {
    if (!peek(ahead).is('{') || peek(ahead + 1).kind != Tok::word) return "";
    words.append(sign).append(peek(ahead + 1).value);
    ahead += 2;
    if (peek(ahead).is('^')) {
      const std::size_t braces = peek(ahead + 1).is('{') ? 1 : 0;
      if (!integer_token(peek(ahead + 1 + braces)) || (braces == 1 && !peek(ahead + 3).is('}'))) return "";
      words.append(" ^").append(peek(ahead + 1 + braces).value);
      ahead += 2 + 2 * braces;
    }
    if (!peek(ahead++).is('}')) return "";
  }
  at_ += ahead;
  return words;
}

// The words behind a value, as "square cm", "m / s ^2": what they mean is decided in units.h.
std::string Parser::unit_words() {
  std::string words;
  const auto append = [&](std::string_view piece) {
    if (!words.empty()) words += ' ';
    words += piece;
  };
  for (;;) {
    char ignored = 0;
    const Token& token = peek();
    if (token.kind == Tok::word) {
      if (connector(ignored)) {
        // "5 feet and 3 inches" is a list; "5 cats and dogs" are words.
        if (words.empty() || peek(1).kind != Tok::word) break;
      }
      if (number_word(lower(token.value)) >= 0) break;  // "two hundred five" is no 200 of some unit
      const std::string named = lower(token.value);
      if ((named == "degree" || named == "degrees") && peek(1).kind == Tok::word) {  // celsius
        next();
        continue;
      }
      if (named == "in" && peek(1).kind != Tok::word && starts_value(peek(1))) break;
      append(token.value);
      next();
    } else if (!words.empty() && token.is('^')) {
      next();
      const bool braces = take('{');
      std::string power = "^";
      if (take('-')) power += '-';
      if (peek().kind != Tok::number || !all_digits(peek().value)) return words + " ?";
      power += peek().value;
      next();
      if (braces && !take('}')) return words + " ?";
      append(power);
    } else if ((token.is('/') || token.is("cdot")) && peek(1).kind == Tok::word) {
      append(token.is('/') ? "/" : ".");
      next();
    } else if (!words.empty() && token.is('/') && peek(1).kind == Tok::symbol && find_unit(peek(1).value)) {
      append("/ " + peek(1).value);  // in/s
      at_ += 2;
    } else if (const std::string fraction = words.empty() ? unit_fraction() : ""; !fraction.empty()) {
      append(fraction);
    } else if (!words.empty() && (token.is('.') || token.is('\'') || token.is('"'))) {
      next();  // a.m.
    } else if (!words.empty() && token.text &&
               (token.kind == Tok::number || token.is('-') || token.is('(') || token.is(')') || token.is(','))) {
      if (token.is(',') && !token.text) break;
      append(token.value);
      next();
    } else {
      break;
    }
  }
  return words;
}

// --- sets ---
NodeId Parser::sets() {
  NodeId left = modulo();
  while (left != failed) {
    Op op{};
    if (peek().is("cup"))
      op = Op::unite;
    else if (peek().is("cap"))
      op = Op::intersect;
    else if (peek().is("setminus") || (peek().is('-') && peek(1).is("{")))
      op = Op::subtract_set;
    else
      break;
    next();
    const NodeId right = set_or_value();
    if (right == failed) return failed;
    left = tree_.make(op, {left, right});
  }
  return left;
}

// After \cup, \setminus or \in: {0.5} is a set whose backslashes were lost.
NodeId Parser::set_or_value() {
  const bool braces = peek().is('{');
  const NodeId id = modulo();
  return braces && id != failed && tree_[id].op == Op::number ? tree_.make(Op::set, {id}) : id;
}

NodeId Parser::modulo() {
  NodeId left = additive();
  while (left != failed) {
    const bool round = opens_modulus();
    if (round) next();
    if (word("mod"))
      next();
    else if (!take("mod"))
      break;
    const NodeId right = round ? additive() : peek().is('{') ? primary() : additive();
    if (right == failed || (round && !take(')'))) return failed;
    left = tree_.make(Op::modulo, {left, right});
  }
  return left;
}

std::optional<mpq_class> decimal_value(std::string_view digits, int& significant) {
  significant = 0;
  std::string_view exponent;
  if (const std::size_t e = digits.find('e'); e != std::string_view::npos) {
    exponent = digits.substr(e + 1);
    digits = digits.substr(0, e);
  }
  std::string plain;
  long scale = 0;
  bool point = false;
  for (const char c : digits) {
    if (c == '.') {
      point = true;
      continue;
    }
    plain.push_back(c);
    if (point) --scale;
  }
  if (plain.empty() || plain.size() > limits.answer_bytes) return std::nullopt;
  if (!exponent.empty()) {
    long power = 0;
    for (const char c : exponent) {
      if (is_digit(c)) power = std::min(10 * power + (c - '0'), 1000000L);
    }
    scale += exponent[0] == '-' ? -power : power;
  }
  if (scale > 30000 || scale < -30000) return std::nullopt;
  if (point || !exponent.empty()) {
    const std::size_t lead = plain.find_first_not_of('0');
    significant = lead == std::string::npos ? 1 : static_cast<int>(plain.size() - lead);
  }
  mpq_class value{mpz_class(plain, 10)};
  mpz_class power;
  mpz_ui_pow_ui(power.get_mpz_t(), 10, static_cast<unsigned long>(scale < 0 ? -scale : scale));
  if (scale < 0) {
    value /= power;
  } else if (scale > 0) {
    value *= power;
  }
  return value;
}

std::optional<NodeId> parse(std::vector<Token> tokens, Tree& tree) {
  if (tokens.size() <= 1) return std::nullopt;
  return Parser(std::move(tokens), tree).run();
}
}  // namespace cope::answer
