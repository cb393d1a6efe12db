#include "cope/answer/parser.h"
#include "cope/answer/parser_class.h"

namespace cope::answer {

// One argument of \frac, \binom: a group, or ONE token, where a number gives its first digit only.
NodeId Parser::argument() {
  if (peek().kind == Tok::number && peek().value.size() > 1 && is_digit(peek().value[0])) {
    Token& token = tokens_[at_];
    const NodeId digit = tree_.number(mpq_class(token.value[0] - '0'));
    token.value.erase(0, 1);
    return digit;
  }
  return primary();
}

NodeId Parser::group(char close) {
  const Deeper deeper(*this);
  if (!deeper.ok()) return failed;
  const int bars = std::exchange(bars_, 0);
  const NodeId id = group_inside(close);
  bars_ = bars;
  return id;
}

// What stands in round or square brackets, past the opening one: a value, a tuple, an interval.
NodeId Parser::group_inside(char open) {
  Ids items;
  for (;;) {
    if (items.empty() && (peek().is(')') || peek().is(']'))) break;
    const NodeId item = statement(true);
    if (item == failed) return failed;
    items.push_back(item);
    if (items.size() > limits.cells) return failed;
    if (!take(',') && !take(';')) break;
    if (peek().is(')') && items.size() == 1) break;  // (0,)
  }
  const bool closed_right = peek().is(']');
  if (!closed_right && !peek().is(')') && !(peek().is('[') && open != '(')) return failed;
  const bool open_right = !closed_right;
  next();
  const bool closed_left = open == '[';
  if (items.empty()) return tree_.make(closed_left ? Op::bracket : Op::tuple);
  if (open == '(' && open_right) return items.size() == 1 ? items[0] : tree_.make(Op::tuple, items);
  if (open == '[' && closed_right)
    return items.size() == 1 && tree_[items[0]].op != Op::number && tree_[items[0]].op != Op::bracket
               ? items[0]
               : tree_.make(Op::bracket, items);
  if (items.size() != 2) return failed;
  return tree_.make(Op::interval, items, (closed_left ? 1 : 0) + (closed_right ? 2 : 0));
}

// Past the opening brace. { x | x > 2 } is its condition.
NodeId Parser::set_inside() {
  Ids items;
  const int bars = std::exchange(bars_, 0);
  while (!peek().is("}") && !peek().is('}')) {
    if (items.empty()) ++bars_;  // a bar ends the first item
    const NodeId item = statement(true);
    if (items.empty()) --bars_;
    if (item == failed) return failed;
    if (items.empty() && (peek().is('|') || peek().is("vert") || peek().is(':'))) {
      const Op op = tree_[item].op;
      if (op != Op::symbol && !(op == Op::relation && tree_.name(item) == "e")) return failed;
      next();
      const NodeId condition = commas();
      bars_ = bars;
      return condition != failed && (take("}") || take('}')) ? condition : failed;
    }
    items.push_back(item);
    if (items.size() > limits.cells) return failed;
    if (!take(',') && !take(';')) break;
  }
  bars_ = bars;
  if (!take("}") && !take('}')) return failed;
  return items.empty() ? tree_.make(Op::empty_set) : tree_.make(Op::set, items);
}

// LaTeX's grouping braces; with commas inside they are a set whose backslashes were lost.
NodeId Parser::braces() {
  const Deeper deeper(*this);
  if (!deeper.ok()) return failed;
  const int bars = std::exchange(bars_, 0);
  Ids items;
  for (;;) {
    const NodeId item = statement(true);
    if (item == failed) return failed;
    items.push_back(item);
    if (items.size() > limits.cells) return failed;
    if (!take(',')) break;
  }
  bars_ = bars;
  if (!take('}')) return failed;
  return items.size() == 1 ? items[0] : tree_.make(Op::set, items);
}

NodeId Parser::primary() {
  const Deeper deeper(*this);
  if (!deeper.ok()) return failed;
  const Token token = peek();
  switch (token.kind) {
    case Tok::number:
      next();
      return literal(token);
    case Tok::symbol:
      next();
      return symbol(token.value);
    case Tok::begin:
      next();
      return environment(token.value);
    case Tok::word:
      return spelled(lower(token.value));
    case Tok::command:
      return command(token);
    case Tok::sign:
      break;
    default:
      return failed;
  }
  next();
  if (token.is('(')) {
    return group('(');
  }
  if ((token.is('_') || token.is('^')) || (token.is('{') && peek().is('}') && (peek(1).is('_') || peek(1).is('^'))))
    return combinations(token.is('{'));
  if (token.is('[')) return group('[');
  if (token.is(']')) return group(']');
  if (token.is('{')) return braces();
  if (token.is('|')) return absolute();
  if (token.is('<')) return angle('>');
  return failed;
}

// {}_{10}C_4, ^{10}P_4, past their first sign.
NodeId Parser::combinations(bool braces) {
  if (braces) at_ += 2;
  const NodeId n = primary();
  const std::string kind = peek().value;
  if (n == failed || (kind != "C" && kind != "P") || !peek(1).is('_')) return failed;
  at_ += 2;
  const NodeId k = primary();
  if (k == failed) return failed;
  const NodeId chosen = tree_.make(Op::binomial, {n, k});
  return kind == "C" ? chosen : tree_.make(Op::multiply, {chosen, tree_.make(Op::factorial, {k})});
}

// The value of a decimal that goes on as its last digits show: 0.333 (one digit, three times), 0.142857142857 (several, twice); none where they show
// nothing, as those of 3.14159.
std::optional<mpq_class> repeating_value(std::string_view digits, const mpq_class& value) {
  const std::size_t point = digits.find('.');
  if (point == std::string_view::npos || !all_digits(digits.substr(point + 1))) return std::nullopt;
  const std::string_view tail = digits.substr(point + 1);
  if (tail.size() > 64) return std::nullopt;
  for (std::size_t period = 1; 2 * period <= tail.size(); ++period) {
    const std::size_t shown = period == 1 ? 3 : 2 * period;
    if (shown > tail.size()) continue;
    const std::string_view last = tail.substr(tail.size() - shown);
    bool repeats = true;
    for (std::size_t k = period; k < shown; ++k) repeats = repeats && last[k] == last[k - period];
    if (!repeats) continue;
    mpz_class nines;
    mpz_ui_pow_ui(nines.get_mpz_t(), 10, period);
    mpz_class scale;
    mpz_ui_pow_ui(scale.get_mpz_t(), 10, tail.size());
    mpq_class more(mpz_class(std::string(last.substr(0, period)), 10), (nines - 1) * scale);
    more.canonicalize();
    return value + more;
  }
  return std::nullopt;
}

// three, forty-two, forty two, three-fourths; "three fourths" is left to postfix().
NodeId Parser::spelled(std::string word) {
  next();
  if (peek().is('-') && peek(1).kind == Tok::word) {
    word += '-' + lower(peek(1).value);
    at_ += 2;
  } else if (const int ten = number_word(word); ten >= 20 && ten % 10 == 0 && peek().kind == Tok::word) {
    const std::string both = word + '-' + lower(peek().value);
    if (number_word(both) >= 0) {
      word = both;
      next();
    }
  }
  if (const int value = number_word(word); value >= 0) return tree_.number(value);
  const std::size_t hyphen = word.find('-');
  if (hyphen == std::string::npos) return failed;
  const int above = number_word(word.substr(0, hyphen));
  const int below = fraction_word(word.substr(hyphen + 1));
  return above < 0 || below == 0 ? failed : tree_.number(mpq_class(above) / below);
}

NodeId Parser::literal(const Token& token) {
  int significant = 0;
  auto value = decimal_value(token.value, significant);
  if (!value) return failed;
  if (peek().is("dots")) {  // 0.1666...
    const auto repeated = repeating_value(token.value, *value);
    if (!repeated) return failed;
    next();
    return tree_.number(*repeated);
  }
  // 0.1\overline{6}
  if (peek().is("overline") || peek().is("dot")) {
    if (token.value.find('.') == std::string::npos || token.value.find('e') != std::string::npos) return failed;
    const bool dots = peek().is("dot");
    next();
    std::string digits;
    const auto take_digits = [&] {
      const bool group = take('{');
      if (!integer_token(peek())) return false;
      digits += peek().value;
      next();
      return !group || take('}');
    };
    if (!take_digits()) return failed;
    if (dots && (peek().is("dot") || (integer_token(peek()) && peek(1).is("dot")))) {  // 0.\dot{1}4285\dot{7}
      if (integer_token(peek()) && !take_digits()) return failed;
      next();
      if (!take_digits()) return failed;
    }
    const std::size_t after_point = token.value.size() - token.value.find('.') - 1;
    if (digits.size() > 64 || after_point > 64) return failed;
    mpz_class nines;
    mpz_ui_pow_ui(nines.get_mpz_t(), 10, digits.size());
    mpz_class scale;
    mpz_ui_pow_ui(scale.get_mpz_t(), 10, after_point);
    mpq_class tail(mpz_class(digits, 10), (nines - 1) * scale);
    tail.canonicalize();
    return tree_.number(*value + tail);
  }
  return tree_.number(std::move(*value), significant);
}

NodeId Parser::symbol(std::string name) {
  while (peek().is('\'')) {
    name += '\'';
    next();
  }
  if (peek().is('_')) {
    next();
    name += '_';
    if (take('{')) {
      int depth = 1;
      for (; peek().kind != Tok::stop; next()) {
        if (peek().is('{')) ++depth;
        if (peek().is('}') && --depth == 0) break;
        name += peek().value;
        if (name.size() > 64) return failed;
      }
      if (!take('}')) return failed;
    } else {
      name += peek().value;
      next();
    }
    while (peek().is('\'')) {
      name += '\'';
      next();
    }
  }
  if (is_applied(name)) return application(std::move(name));
  if (name == "i" && !index_i_) return tree_.make(Op::imaginary);
  if (name == "e") return tree_.make(Op::euler);
  return tree_.named(Op::symbol, std::move(name));
}

// f(2), g'(x), h_1(t), f^{-1}(3): applied to its arguments, no product. But h(2r - h) and h(a + b) multiply a height: no function is its own argument,
// and a sum of two variables is rather a length.
bool Parser::is_applied(const std::string& name) const {
  if (name[0] != 'f' && name[0] != 'g' && name[0] != 'h') return false;
  std::size_t ahead = inverse_mark() ? 5 : 0;
  if (!peek(ahead).is('(')) return false;
  constexpr std::size_t farthest = 64;
  bool sum = false;
  std::string variables;
  int depth = 0;
  for (; ahead < farthest && peek(ahead).kind != Tok::stop; ++ahead) {
    const Token& token = peek(ahead);
    if (token.is('(')) ++depth;
    if (token.is(')') && --depth == 0) break;
    sum = sum || token.is('+') || token.is('-');
    if (token.kind != Tok::symbol) continue;
    if (token.value == name && !peek(ahead + 1).is('(')) return false;
    if (variables.find(token.value) == std::string::npos) variables += token.value;
  }
  return name[0] != 'h' || !sum || variables.size() < 2;
}

bool Parser::inverse_mark() const {
  return peek().is('^') && peek(1).is('{') && peek(2).is('-') && peek(3).value == "1" && peek(4).is('}');
}

NodeId Parser::application(std::string name) {
  if (inverse_mark()) {
    name += "^{-1}";
    at_ += 5;
  }
  next();
  const Deeper deeper(*this);
  Ids arguments;
  if (!deeper.ok() || !list(arguments) || !take(')')) return failed;
  return tree_.named(Op::application, std::move(name), arguments);
}

// One or more expressions with commas between them, inside brackets that the caller has opened and closes.
bool Parser::list(Ids& items) {
  const int bars = std::exchange(bars_, 0);
  do {
    const NodeId each = additive();
    if (each == failed || items.size() > limits.cells) return false;
    items.push_back(each);
  } while (take(','));
  bars_ = bars;
  return true;
}

NodeId Parser::absolute() {
  ++bars_;
  const NodeId inside = additive();
  --bars_;
  if (inside == failed || (!take('|') && !take("vert"))) return failed;
  return tree_.named(Op::function, "abs", {inside});
}

NodeId Parser::angle(char close) {
  Ids items;
  if (!list(items)) return failed;
  if (!(close == '>' ? take('>') || take("gt") : take("rangle")) || items.size() < 2) return failed;
  return tree_.make(Op::tuple, items);
}

// Past "if" and the like, and past the & in front of them: where the condition of a line of cases begins.
bool Parser::before_condition() {
  bool any = false;
  while (take('&')) any = true;
  while (word("if") || word("for") || word("when") || word("where")) {
    next();
    any = true;
  }
  return any;
}

// The lines of equations and of cases, past their beginning: statements that hold together. Of cases, a line that is parted is a value and its condition,
// or equations that hold together in this case.
NodeId Parser::lines(bool cases) {
  Ids lines;
  Ids line;
  bool parted = false;
  const auto equation = [&](NodeId id) { return tree_[id].op == Op::relation && tree_.name(id) == "="; };
  for (;;) {
    if (peek().kind == Tok::row || peek().kind == Tok::end || peek().kind == Tok::stop) {
      if (parted && line.size() > 1) {
        const bool together = std::ranges::all_of(line, equation);
        lines.push_back(tree_.make(Op::cases, line, together ? 0 : 1));
      } else {
        lines.insert(lines.end(), line.begin(), line.end());
      }
      line.clear();
      parted = false;
      if (peek().kind != Tok::row) break;
      next();
      continue;
    }
    if (before_condition()) {
      parted = parted || (cases && !line.empty());
      continue;
    }
    if (!lines.empty() && line.empty() && take('=')) {  // a line that goes on with the one above
      const NodeId side = item(false);
      if (side == failed) return failed;
      const bool chain = tree_[lines.back()].op == Op::relation;
      const auto above = tree_.kids(lines.back());
      Ids sides = chain ? Ids(above.begin(), above.end()) : Ids{lines.back()};
      std::string signs = chain ? tree_.name(lines.back()) : "";
      sides.push_back(side);
      line.push_back(tree_.named(Op::relation, signs + '=', sides));
      lines.pop_back();
    } else if (cases && (word("otherwise") || word("else"))) {
      next();
      line.push_back(tree_.named(Op::symbol, "otherwise"));
    } else {
      const NodeId cell = statement(false);
      if (cell == failed) return failed;
      line.push_back(cell);
    }
    if (lines.size() + line.size() > limits.cells) return failed;
    while (take(',') || take(';') || take('.')) {
    }
  }
  if (lines.empty()) return failed;
  return lines.size() == 1 ? lines[0] : tree_.make(Op::cases, lines);
}

NodeId Parser::environment(const std::string& name) {
  const bool equations = name == "cases" || name.starts_with("align") || name == "gathered" || name == "split" ||
                         name == "equation" || name == "gather";
  const bool matrix = name.ends_with("matrix") || name == "array" || name == "tabular";
  if (!equations && !matrix) return failed;
  const Deeper deeper(*this);
  if (!deeper.ok()) return failed;
  const int bars = std::exchange(bars_, 0);
  if (equations) {
    const NodeId id = lines(name == "cases");
    bars_ = bars;
    if (id == failed || peek().kind != Tok::end) return failed;
    next();
    return id;
  }
  Ids cells;
  std::size_t columns = 0;
  std::size_t width = 0;
  while (peek().kind != Tok::end && peek().kind != Tok::stop) {
    if (peek().kind == Tok::row) {
      next();
      if (width == 0) continue;
      if (columns == 0) columns = width;
      if (width != columns) return failed;
      width = 0;
      continue;
    }
    const NodeId cell = statement(false);
    if (cell == failed) return failed;
    cells.push_back(cell);
    ++width;
    if (cells.size() > limits.cells) return failed;
    if (!take('&') && peek().kind != Tok::row && peek().kind != Tok::end) return failed;
  }
  bars_ = bars;
  if (peek().kind != Tok::end || cells.empty()) return failed;
  next();
  if (width != 0) {
    if (columns == 0) columns = width;
    if (width != columns) return failed;
  }
  const NodeId id = tree_.make(Op::matrix, cells, static_cast<int>(columns));
  return name.starts_with('v') || name.starts_with('V') ? tree_.named(Op::function, "det", {id}) : id;
}

NodeId Parser::command(const Token& token) {
  const std::string& name = token.value;
  next();
  if (name == "frac") {
    const NodeId above = argument();
    const NodeId below = above == failed ? failed : argument();
    return below == failed ? failed : tree_.make(Op::divide, {above, below});
  }
  if (name == "binom") {
    if (take('(')) {  // binomial(n, k)
      const NodeId n = additive();
      if (n == failed || !take(',')) return failed;
      const NodeId k = additive();
      if (k == failed || !take(')')) return failed;
      return tree_.make(Op::binomial, {n, k});
    }
    const NodeId above = argument();
    const NodeId below = above == failed ? failed : argument();
    return below == failed ? failed : tree_.make(Op::binomial, {above, below});
  }
  if (name == "sqrt") return root();
  if (name == "cbrt") {
    const NodeId radicand = primary();
    return radicand == failed ? failed : tree_.make(Op::root, {radicand, tree_.number(3)});
  }
  if (name == "pi") return tree_.make(Op::pi);
  if (name == "i") return tree_.make(Op::imaginary);
  if (name == "infty") return tree_.make(Op::infinity);
  if (name == "emptyset") return tree_.make(Op::empty_set);
  if (name == "{") {
    const NodeId id = set_inside();  // \int \{x dx\}: round brackets are meant
    return id != failed && integral_ > 0 && tree_[id].op == Op::set && tree_[id].count == 1 ? tree_.kid(id, 0) : id;
  }
  if (name == "vert") return absolute();
  if (name == "langle") return angle(')');
  if (name == "lfloor" || name == "lceil") {
    const NodeId inside = additive();
    if (inside == failed || !take(name == "lfloor" ? "rfloor" : "rceil")) return failed;
    return tree_.named(Op::function, name == "lfloor" ? "floor" : "ceil", {inside});
  }
  if (name == "angle" || name == "triangle" || name == "overline" || name == "vec" || name == "hat")
    return figure(name);
  if (name == "boxed") return primary();
  if (name == "sum" || name == "prod") return series(name == "sum" ? Op::sum : Op::product);
  if (name == "int") return integral();
  if (name == "lim") return limit();
  if (is_function(name)) return function(name);
  if (is_greek(name)) return symbol(name);
  return failed;
}

// \angle ABC, \overline{AB}: a name.
NodeId Parser::figure(const std::string& kind) {
  std::string name = kind + ' ';
  const bool group = take('{');
  while (peek().kind == Tok::symbol) {
    name += peek().value.starts_with(kind + ' ') ? peek().value.substr(kind.size() + 1) : peek().value;
    next();
  }
  if (group && !take('}')) return failed;
  if (name.size() == kind.size() + 1) return failed;
  return tree_.named(Op::symbol, name);
}

}  // namespace cope::answer
