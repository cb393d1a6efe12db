#include "cope/answer/parser.h"

#include <algorithm>
#include <utility>

#include "cope/answer/chars.h"
#include "cope/answer/names.h"

namespace cope::answer {

namespace {

constexpr NodeId failed = -1;

class Parser {
 public:
  Parser(std::vector<Token> tokens, Tree& tree) : tokens_(std::move(tokens)), tree_(tree) {}

  std::optional<NodeId> run() {
    drop_tail();
    const NodeId id = top();
    if (id == failed || tree_.full() || peek().kind != Tok::stop) return std::nullopt;
    return id;
  }

 private:
  using Ids = std::vector<NodeId>;

  // --- tokens ---
  const Token& peek(std::size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  void next() {
    if (at_ + 1 < tokens_.size()) ++at_;
  }
  bool take(char c) {
    if (!peek().is(c)) return false;
    next();
    return true;
  }
  bool take(std::string_view command) {
    if (!peek().is(command)) return false;
    next();
    return true;
  }
  bool word(std::string_view lowered, std::size_t ahead = 0) const {
    return peek(ahead).kind == Tok::word && lower(peek(ahead).value) == lowered;
  }

  // Trailing punctuation, and stray row breaks at both ends.
  void drop_tail() {
    while (tokens_.size() > 1) {
      const Token& last = tokens_[tokens_.size() - 2];
      if (!last.is('.') && !last.is(',') && !last.is(';') && !last.is(':') && last.kind != Tok::row) break;
      tokens_.erase(tokens_.end() - 2);
    }
  }

  struct Deeper {
    explicit Deeper(Parser& owner) : parser(owner) { ++parser.depth_; }
    ~Deeper() { --parser.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    bool ok() const { return parser.depth_ <= limits.depth && !parser.tree_.full(); }
    Parser& parser;
  };

  // --- lists at the top ---
  bool connector(char& kind) const {
    if (peek().is("and") || word("and"))
      kind = 'a';
    else if (peek().is("or") || word("or"))
      kind = 'o';
    else
      return false;
    return true;
  }

  NodeId top() {
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

  NodeId commas() {
    Ids items;
    char kind = ',';
    for (;;) {
      const NodeId item = statement(true);
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
    return items.size() == 1 ? items[0] : tree_.make(Op::list, items, kind);
  }

  // --- relations ---
  char relation_sign() {
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
    if (sign != 0) next();
    return sign;
  }

  // y = f(x): the head "f(x)" is a name, no product; so is the AB of a segment.
  NodeId function_head() {
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
      const Token& variable = peek(++ahead);
      if (variable.kind != Tok::symbol && !(variable.kind == Tok::command && is_greek(variable.value))) return failed;
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

  NodeId statement(bool with_units) {
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
      if (sign == 'a') {  // "\approx 0.577" adds nothing
        if (side == failed) return failed;
        continue;
      }
      signs.push_back(sign);
      sides.push_back(side);
    }
    if (sides.back() == failed) return failed;
    if (sides.size() == 1) return sides[0];
    return tree_.named(Op::relation, signs, sides);
  }

  // --- values with units ---
  NodeId item(bool with_units) {
    std::string currency;
    bool minus = false;
    if (peek().is('-') && peek(1).is("$")) {
      minus = true;
      next();
    }
    if (take("$"))
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
      return tree_.named(Op::measure, currency, {value});
    }
    if (with_units && take("$")) return tree_.named(Op::measure, "dollar", {value});
    if (!with_units) return value;
    std::string words = unit_words(value);
    return words.empty() ? value : tree_.named(Op::measure, std::move(words), {value});
  }

  // The words behind a value, as "square cm", "m / s ^2": what they mean is decided in units.h.
  std::string unit_words(NodeId value) {
    std::string words;
    const auto append = [&](std::string_view piece) {
      if (!words.empty()) words += ' ';
      words += piece;
    };
    if (tree_[value].op == Op::degree && peek().kind == Tok::symbol && (peek().value == "C" || peek().value == "F")) {
      append(peek().value == "C" ? "celsius" : "fahrenheit");
      next();
      return words;
    }
    for (;;) {
      char ignored = 0;
      const Token& token = peek();
      if (token.kind == Tok::word) {
        if (connector(ignored)) {
          // "5 feet and 3 inches" is a list; "5 cats and dogs" are words.
          if (words.empty() || peek(1).kind != Tok::word) break;
        }
        if (lower(token.value) == "in" && peek(1).kind != Tok::word && starts_value(peek(1))) break;
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

  static bool starts_value(const Token& token) {
    return token.kind != Tok::stop && token.kind != Tok::word && !token.is('.') && !token.is(',') && !token.is('^') &&
           !token.is('/');
  }

  // --- sets ---
  NodeId sets() {
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
  NodeId set_or_value() {
    const bool braces = peek().is('{');
    const NodeId id = modulo();
    return braces && id != failed && tree_[id].op == Op::number ? tree_.make(Op::set, {id}) : id;
  }

  NodeId modulo() {
    NodeId left = additive();
    while (left != failed) {
      const bool round = peek().is('(') && peek(1).is("mod");
      if (round) next();
      if (!take("mod")) break;
      const NodeId right = round ? additive() : peek().is('{') ? primary() : additive();
      if (right == failed || (round && !take(')'))) return failed;
      left = tree_.make(Op::modulo, {left, right});
    }
    return left;
  }

  // --- arithmetic ---
  NodeId additive() {
    const Deeper deeper(*this);
    if (!deeper.ok()) return failed;
    Ids terms;
    for (;;) {
      bool minus = false;
      int both = 0;
      bool sign = false;
      for (;; next()) {                                                        // 3 - -5
        if (peek().is('-') && (!peek(1).is("{") || (terms.empty() && !sign)))  // A - \{1\} is a set
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
    return terms.size() == 1 ? terms[0] : tree_.make(Op::add, terms);
  }

  bool starts_factor() const {
    const Token& token = peek();
    switch (token.kind) {
      case Tok::symbol:
      case Tok::begin:
      case Tok::number:
        return true;
      case Tok::sign:
        return token.is('(') || token.is('{') || (token.is('[') && !closes_outward()) || (token.is('|') && bars_ == 0);
      case Tok::command:
        if (token.is("vert")) return bars_ == 0;
        return starts_primary(token);
      default:
        return false;
    }
  }

  // The '[' of ]a, b[ and [a, b[: it ends what it follows.
  bool closes_outward() const {
    const Token& after = peek(1);
    return after.kind == Tok::stop || after.is(',') || after.is(')') || after.is(';') || after.is("cup") ||
           after.is("cap") || after.is("}");
  }

  static bool starts_primary(const Token& token) {
    constexpr std::string_view names[] = {"frac",  "sqrt",     "pi",       "infty", "binom",    "lfloor", "lceil",
                                          "sum",   "prod",     "int",      "lim",   "overline", "vec",    "langle",
                                          "angle", "emptyset", "triangle", "i",     "boxed",    "hat"};
    return is_function(token.value) || is_greek(token.value) ||
           std::ranges::find(names, token.value) != std::end(names);
  }

  static bool integer_token(const Token& token) { return token.kind == Tok::number && all_digits(token.value); }

  // 1\frac45, "137 1/2": an integer followed by a proper fraction of integers.
  NodeId mixed() {
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
    if (p >= q || sgn(p) == 0 || peek(used).is('^') || peek(used).is('!')) return failed;
    mpq_class value(p, q);
    value.canonicalize();
    value += mpz_class(whole, 10);
    at_ += used;
    return tree_.number(value);
  }

  NodeId term() {
    NodeId left = failed;
    bool bare_number = peek().kind == Tok::number;
    if (const NodeId both = mixed(); both != failed) {
      left = both;
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

  NodeId product(const Ids& factors) { return factors.size() == 1 ? factors[0] : tree_.make(Op::multiply, factors); }

  NodeId signed_power() {
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

  NodeId power() {
    const Deeper deeper(*this);
    if (!deeper.ok()) return failed;
    return postfix(primary());
  }

  NodeId postfix(NodeId base) {
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
        next();
        if (peek().is('{') && peek(1).is('}')) {  // x^{}
          at_ += 2;
          continue;
        }
        const Op op = tree_[base].op;
        if (op == Op::matrix && (peek().value == "T" || (peek().is('{') && peek(1).value == "T"))) {
          if (take('{')) next();
          next();
          base = transposed(base);
          continue;
        }
        const NodeId exponent = this->exponent();
        if (exponent == failed) return failed;
        base = tree_.make(Op::power, {base, exponent});
      } else if (peek().is('!')) {
        next();
        if (peek().is('!')) return failed;
        base = tree_.make(Op::factorial, {base});
      } else if (peek().is("degree") || ((word("degrees") || word("degree")) && !word("celsius", 1) &&
                                         !word("fahrenheit", 1) && !word("c", 1) && !word("f", 1))) {
        next();
        base = tree_.make(Op::degree, {base});
      } else if (const auto scale = scale_word(); scale != 0) {
        next();
        base = tree_.make(Op::multiply, {base, tree_.number(mpz_class(scale))});
      } else if (peek().is('%') || peek().is("percent") || word("percent") || word("pct") || word("percentage")) {
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

  // 1.5 million
  long scale_word() const {
    if (peek().kind != Tok::word) return 0;
    if (word("thousand")) return 1000;
    if (word("million")) return 1000000;
    return word("billion") ? 1000000000 : 0;
  }

  bool is_circle(std::size_t ahead) const {
    if (peek(ahead).is('{')) ++ahead;
    return peek(ahead).is("circ") || peek(ahead).is("degree") ||
           (peek(ahead).kind == Tok::symbol && peek(ahead).value == "o" && peek(ahead + 1).is('}'));
  }

  NodeId exponent() {
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

  NodeId transposed(NodeId matrix) {
    const auto columns = static_cast<std::size_t>(tree_[matrix].aux);
    const std::size_t rows = tree_[matrix].count / columns;
    Ids cells;
    for (std::size_t c = 0; c < columns; ++c) {
      for (std::size_t r = 0; r < rows; ++r) cells.push_back(tree_.kid(matrix, r * columns + c));
    }
    return tree_.make(Op::matrix, cells, static_cast<int>(rows));
  }

  NodeId base_numeral(NodeId digits) {
    const mpq_class& value = tree_.value(digits);
    if (value.get_den() != 1 || sgn(value) < 0) return failed;
    next();
    const bool braces = take('{');
    if (!integer_token(peek()) || peek().value.size() > 2) return failed;
    const int base = std::stoi(peek().value);
    next();
    if (braces && !take('}')) return failed;
    if (base < 2 || base > 36) return failed;
    return tree_.named(Op::base_numeral, value.get_num().get_str(), {}, base);
  }

  // One argument of \frac, \binom: a group, or ONE token, where a number gives its first digit only.
  NodeId argument() {
    if (peek().kind == Tok::number && peek().value.size() > 1 && is_digit(peek().value[0])) {
      Token& token = tokens_[at_];
      const NodeId digit = tree_.number(mpq_class(token.value[0] - '0'));
      token.value.erase(0, 1);
      return digit;
    }
    return primary();
  }

  NodeId group(char close) {
    const Deeper deeper(*this);
    if (!deeper.ok()) return failed;
    const int bars = std::exchange(bars_, 0);
    const NodeId id = group_inside(close);
    bars_ = bars;
    return id;
  }

  // What stands in round or square brackets, past the opening one: a value, a tuple, an interval.
  NodeId group_inside(char open) {
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
  NodeId set_inside() {
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
  NodeId braces() {
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

  NodeId primary() {
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
        if (const int value = number_word(lower(token.value)); value >= 0) {
          next();
          return tree_.number(value);
        }
        return failed;
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
    if (token.is('[')) return group('[');
    if (token.is(']')) return group(']');
    if (token.is('{')) return braces();
    if (token.is('|')) return absolute();
    if (token.is('<')) return angle('>');
    return failed;
  }

  NodeId literal(const Token& token) {
    int significant = 0;
    auto value = decimal_value(token.value, significant);
    if (!value) return failed;
    // 0.1\overline{6}
    if (peek().is("overline") || peek().is("dot")) {
      if (token.value.find('.') == std::string::npos || token.value.find('e') != std::string::npos) return failed;
      next();
      const bool group = take('{');
      if (!integer_token(peek())) return failed;
      const std::string digits = peek().value;
      next();
      if (group && !take('}')) return failed;
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

  NodeId symbol(std::string name) {
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
    if (name == "i" && !index_i_) return tree_.make(Op::imaginary);
    if (name == "e") return tree_.make(Op::euler);
    return tree_.named(Op::symbol, std::move(name));
  }

  NodeId absolute() {
    ++bars_;
    const NodeId inside = additive();
    --bars_;
    if (inside == failed || (!take('|') && !take("vert"))) return failed;
    return tree_.named(Op::function, "abs", {inside});
  }

  NodeId angle(char close) {
    Ids items;
    do {
      const NodeId item = additive();
      if (item == failed) return failed;
      items.push_back(item);
      if (items.size() > limits.cells) return failed;
    } while (take(','));
    if (!(close == '>' ? take('>') || take("gt") : take("rangle")) || items.size() < 2) return failed;
    return tree_.make(Op::tuple, items);
  }

  NodeId environment(const std::string& name) {
    const bool equations = name == "cases" || name.starts_with("align") || name == "gathered" || name == "split" ||
                           name == "equation" || name == "gather";
    const bool matrix = name.ends_with("matrix") || name == "array" || name == "tabular";
    if (!equations && !matrix) return failed;
    const Deeper deeper(*this);
    if (!deeper.ok()) return failed;
    const int bars = std::exchange(bars_, 0);
    Ids cells;
    std::size_t columns = 0;
    std::size_t width = 0;
    while (peek().kind != Tok::end && peek().kind != Tok::stop) {
      if (peek().kind == Tok::row) {
        next();
        if (width == 0) continue;
        if (columns == 0) columns = width;
        if (width != columns && matrix) return failed;
        width = 0;
        continue;
      }
      if (equations) {
        while (take('&')) {
        }
        if (peek().kind == Tok::row || peek().kind == Tok::end) continue;
      }
      const NodeId cell = statement(false);
      if (cell == failed) return failed;
      cells.push_back(cell);
      ++width;
      if (cells.size() > limits.cells) return failed;
      if (equations) (void)take(',');
      if (!take('&') && peek().kind != Tok::row && peek().kind != Tok::end && !equations) return failed;
    }
    bars_ = bars;
    if (peek().kind != Tok::end || cells.empty()) return failed;
    next();
    if (equations) return cells.size() == 1 ? cells[0] : tree_.make(Op::cases, cells);
    if (width != 0) {
      if (columns == 0) columns = width;
      if (width != columns) return failed;
    }
    const NodeId id = tree_.make(Op::matrix, cells, static_cast<int>(columns));
    return name.starts_with('v') || name.starts_with('V') ? tree_.named(Op::function, "det", {id}) : id;
  }

  NodeId command(const Token& token) {
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
  NodeId figure(const std::string& kind) {
    std::string name = kind + ' ';
    const bool group = take('{');
    while (peek().kind == Tok::symbol) {
      name += peek().value;
      next();
    }
    if (group && !take('}')) return failed;
    if (name.size() == kind.size() + 1) return failed;
    return tree_.named(Op::symbol, name);
  }

  NodeId root() {
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

  NodeId function(const std::string& name) {
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
      const int bars = std::exchange(bars_, 0);
      do {
        const NodeId each = additive();
        if (each == failed || arguments.size() > limits.cells) return failed;
        arguments.push_back(each);
      } while (take(','));
      bars_ = bars;
      if (!take(close)) return failed;
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
  NodeId bare_argument() {
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

  NodeId apply(const std::string& name, NodeId base, NodeId exponent, const Ids& arguments) {
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
      static constexpr std::string_view invertible[] = {"sin", "cos",  "tan",  "cot", "sec",
                                                        "csc", "sinh", "cosh", "tanh"};
      if (std::ranges::find(invertible, name) == std::end(invertible)) return failed;
      return tree_.named(Op::function, "a" + name, {arguments[0]});
    } else {
      value = tree_.named(Op::function, name, arguments);
    }
    return exponent == failed ? value : tree_.make(Op::power, {value, exponent});
  }

  bool is_minus_one(NodeId id) const {
    return tree_[id].op == Op::negate && tree_[tree_.kid(id, 0)].op == Op::number && tree_.value(tree_.kid(id, 0)) == 1;
  }

  NodeId series(Op op) {
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

  bool differential() {
    if (peek().kind != Tok::symbol || peek().value != "d") return false;
    const Token& variable = peek(1);
    if (variable.kind != Tok::symbol && !(variable.kind == Tok::command && is_greek(variable.value))) return false;
    differential_ = variable.value;
    next();
    next();
    return true;
  }

  NodeId integral() {
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

  NodeId limit() {
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

  std::vector<Token> tokens_;
  Tree& tree_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int bars_ = 0;      // open |: the next one closes
  int integral_ = 0;  // inside an integral "dx" is its differential
  bool index_i_ = false;
  std::string differential_;
};

}  // namespace

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
