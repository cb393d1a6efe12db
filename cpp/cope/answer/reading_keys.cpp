#include <algorithm>

#include "cope/answer/reading.h"
#include "cope/answer/units.h"

// The canonical keys of what was read, by what it is.
namespace cope::answer {

namespace {

// The different variables of a tree, at most a few.
std::vector<std::string> symbols_in(const Tree& tree, NodeId root) {
  constexpr std::size_t most = 8;
  std::vector<std::string> names;
  std::vector<NodeId> open{root};
  while (!open.empty()) {
    const NodeId id = open.back();
    open.pop_back();
    if (tree[id].op == Op::symbol && std::ranges::find(names, tree.name(id)) == names.end()) {
      if (names.size() == most) return {};
      names.push_back(tree.name(id));
    }
    open.insert(open.end(), tree.kids(id).begin(), tree.kids(id).end());
  }
  std::ranges::sort(names);
  return names;
}

// The lowest power of a variable among the terms of an expression, as it is written; 0 where it is inside of what is no sum, product, quotient or power.
int lowest_power(const Tree& tree, NodeId id, const std::string& symbol) {
  constexpr int farthest = 1000;
  const auto kids = tree.kids(id);
  const auto within = [](long value) { return static_cast<int>(std::clamp<long>(value, -farthest, farthest)); };
  switch (tree[id].op) {
    case Op::symbol:
      return tree.name(id) == symbol ? 1 : 0;
    case Op::negate:
      return lowest_power(tree, kids[0], symbol);
    case Op::add: {
      int least = lowest_power(tree, kids[0], symbol);
      for (const NodeId kid : kids) least = std::min(least, lowest_power(tree, kid, symbol));
      return least;
    }
    case Op::multiply: {
      long total = 0;
      for (const NodeId kid : kids) total += lowest_power(tree, kid, symbol);
      return within(total);
    }
    case Op::divide:
      return within(static_cast<long>(lowest_power(tree, kids[0], symbol)) - lowest_power(tree, kids[1], symbol));
    case Op::power: {
      NodeId exponent = kids[1];
      const bool minus = tree[exponent].op == Op::negate;
      if (minus) exponent = tree.kid(exponent, 0);
      if (tree[exponent].op != Op::number || tree.value(exponent).get_den() != 1 || tree.value(exponent) > farthest)
        return 0;
      const long count = tree.value(exponent).get_num().get_si();
      return within((minus ? -count : count) * lowest_power(tree, kids[0], symbol));
    }
    default:
      return 0;
  }
}

}  // namespace

std::optional<std::string> Reading::scaled_key(NodeId id, const mpq_class& factor) {
  if (factor == 1) return key_of(id);
  return key_of(tree_.make(Op::multiply, {tree_.number(factor), id}));
}

std::optional<std::string> Reading::key_of(NodeId id) {
  struct Level {
    int& depth;
    explicit Level(int& value) : depth(++value) {}
    ~Level() { --depth; }
  };
  const Level level(depth_);
  if (depth_ > limits.depth || tree_.full() || !meter_.spend(1)) return std::nullopt;
  const Node node = tree_[id];
  const std::vector<NodeId> kids(tree_.kids(id).begin(), tree_.kids(id).end());
  switch (node.op) {
    case Op::list:
      return list_key(id);
    case Op::cases:
      if (node.aux == 1) return ordered(kids, "when(", ")");
      return unordered(kids);
    case Op::set:
      return unordered(kids);
    case Op::empty_set:
      return "{}";
    case Op::tuple:
      return ordered(kids, "(", ")");
    case Op::bracket: {
      if (const auto matrix = as_matrix(id)) return key_of(*matrix);
      return ordered(kids, "[", "]");
    }
    case Op::interval:
      return ordered(kids, (node.aux & 1) != 0 ? "[" : "(", (node.aux & 2) != 0 ? "]" : ")");
    case Op::unite:
    case Op::intersect:
    case Op::subtract_set: {
      if (const auto region = regions_.of(id)) return region_key(*region);
      const auto left = key_of(kids[0]);
      const auto right = key_of(kids[1]);
      if (!left || !right) return std::nullopt;
      if (node.op == Op::subtract_set) return "minus(" + *left + ";" + *right + ")";
      return (node.op == Op::unite ? "union(" : "meet(") + std::min(*left, *right) + ";" + std::max(*left, *right) +
             ")";
    }
    case Op::relation:
      return relation_key(id);
    case Op::base_numeral:
      return "base:" + tree_.name(id) + "_" + std::to_string(node.aux);
    case Op::measure:
      return measure_key(id);
    default:
      break;
  }
  int sign = 0;
  if (Regions::is_infinity(tree_, id, sign)) return sign > 0 ? "oo" : "-oo";
  if (node.op == Op::add && kids.size() == 1) return key_of(kids[0]);
  if (node.op == Op::symbol && tree_.name(id) == "mathbb R") return "(-oo;oo)";
  if (node.op == Op::symbol && tree_.name(id).starts_with("mathbb")) return tree_.name(id);
  if (const auto matrix = as_matrix(id)) {
    std::vector<NodeId> cells(tree_.kids(*matrix).begin(), tree_.kids(*matrix).end());
    return ordered(cells, "M" + std::to_string(tree_[*matrix].aux) + "[", "]");
  }
  return scalar_key(id);
}

std::optional<std::string> Reading::scalar_key(NodeId id) {
  if (!evaluator_.has_plus_minus(id)) return evaluator_.key(id);
  const auto both = both_signs(id);
  if (!both) return std::nullopt;
  if (both->size() == 1) return (*both)[0];
  return "{" + (*both)[0] + ";" + (*both)[1] + "}";
}

std::optional<std::vector<std::string>> Reading::both_signs(NodeId id) {
  std::vector<std::string> keys;
  for (const int sign : {1, -1}) {
    evaluator_.choose(sign);
    auto key = evaluator_.key(id);
    evaluator_.choose(0);
    if (!key) return std::nullopt;
    keys.push_back(std::move(*key));
  }
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

std::optional<std::string> Reading::ordered(std::span<const NodeId> kids, std::string_view open,
                                            std::string_view close) {
  std::string key(open);
  for (const NodeId kid : kids) {
    if (key.size() > open.size()) key += ';';
    const auto part = key_of(kid);
    if (!part) return std::nullopt;
    key += *part;
  }
  return key.append(close);
}

// A set: sorted, each once, +- expanded; `repeated`: a list, whose items count as often as they stand there (1, 1, 2 is no 1, 2, 2).
std::optional<std::string> Reading::unordered(std::span<const NodeId> kids, bool repeated) {
  std::vector<std::string> keys;
  for (const NodeId kid : kids) {
    const Op op = tree_[kid].op;
    const bool scalar = op != Op::relation && op != Op::tuple && op != Op::list && op != Op::set && op != Op::bracket &&
                        op != Op::interval && op != Op::cases;
    if (scalar && evaluator_.has_plus_minus(kid)) {
      const auto both = both_signs(kid);
      if (!both) return std::nullopt;
      keys.insert(keys.end(), both->begin(), both->end());
      continue;
    }
    auto key = key_of(kid);
    if (!key) return std::nullopt;
    keys.push_back(std::move(*key));
  }
  std::ranges::sort(keys);
  if (!repeated) keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  std::string key = "{";
  for (const std::string& each : keys) {
    if (key.size() > 1) key += ';';
    key += each;
  }
  return key + '}';
}

bool Reading::has_infinity(NodeId id) const {
  int sign = 0;
  return std::ranges::any_of(tree_.kids(id), [&](NodeId kid) { return Regions::is_infinity(tree_, kid, sign); });
}

std::optional<std::string> Reading::list_key(NodeId id) {
  std::vector<NodeId> kids(tree_.kids(id).begin(), tree_.kids(id).end());
  const char separator = static_cast<char>(tree_[id].aux);
  // x < 2 or x > 3; x > 2 and x < 5
  std::string variable;
  std::optional<Region> region;
  for (const NodeId kid : kids) {
    const auto part = regions_.of_inequality(kid, variable);
    if (!part) {
      region.reset();
      break;
    }
    region = !region ? part : separator == 'o' ? regions_.unite(*region, *part) : regions_.intersect(*region, *part);
    if (!region) break;
  }
  // x < -8, x > 8: one or the other, where both cannot be; (-oo, 1), (2, oo): intervals, since points are not at infinity.
  const bool intervals = !region && std::ranges::any_of(kids, [&](NodeId kid) {
    return tree_[kid].op == Op::interval || (tree_[kid].op == Op::tuple && has_infinity(kid));
  });
  if (intervals || (separator != 'a' && (!region || region->empty()))) {
    std::optional<Region> all = intervals || region ? std::optional(Region{}) : std::nullopt;
    for (const NodeId kid : kids) {
      const auto part = !all ? std::nullopt : intervals ? regions_.of(kid) : regions_.of_inequality(kid, variable);
      all = part ? regions_.unite(*all, *part) : std::nullopt;
    }
    if (all) region = all;
    if (intervals && region) variable = "x";
  }
  if (region) {
    const auto key = region_key(*region);
    if (!key) return std::nullopt;
    return variable == "x" ? *key : variable + " in " + *key;
  }
  // x = 2, x = -3; x = 2, -3
  std::string name;
  std::vector<NodeId> values;
  for (const NodeId kid : kids) {
    const bool named =
        tree_[kid].op == Op::relation && tree_.name(kid) == "=" && tree_[tree_.kid(kid, 0)].op == Op::symbol;
    if (!named && (tree_[kid].op == Op::relation || values.empty())) break;
    if (named && !values.empty() && tree_.name(tree_.kid(kid, 0)) != name) break;
    if (named) name = tree_.name(tree_.kid(kid, 0));
    values.push_back(named ? tree_.kid(kid, 1) : kid);
  }
  if (values.size() == kids.size()) {
    const auto key = unordered(values, true);
    if (!key) return std::nullopt;
    return name == "x" ? *key : name + "=" + *key;
  }
  // (1, 2) u ... as items stay sets of items; "5 feet, 3 inches" too.
  return unordered(kids, true);
}

std::optional<std::string> Reading::relation_key(NodeId id) {
  const std::string signs = tree_.name(id);
  std::string variable;
  if (const auto region = regions_.of_inequality(id, variable)) {
    const auto key = region_key(*region);
    if (!key) return std::nullopt;
    return variable == "x" ? *key : variable + " in " + *key;
  }
  NodeId left = tree_.kid(id, 0);
  NodeId right = tree_.kid(id, tree_[id].count - 1);
  if (std::ranges::all_of(signs, [](char sign) { return sign == '=' || sign == 'e'; })) {
    if (signs.size() > 1 && !names_something(tree_, left)) return key_of(right);  // 6/8 = 3/4
    if (!names_something(tree_, left) && names_something(tree_, right)) std::swap(left, right);
    if (names_something(tree_, left) &&
        (tree_[left].op == Op::tuple || !evaluator_.has_symbols(right) || tree_[right].op == Op::set ||
         tree_[right].op == Op::interval || tree_[right].op == Op::bracket)) {
      const auto key = key_of(right);
      if (!key) return std::nullopt;
      const std::string name = name_of(tree_, left);
      return name == "x" || name == "(x,y," || name == "(x,y,z," ? *key : name + "=" + *key;
    }
    if (signs == "=" && !evaluator_.has_symbols(left) && !evaluator_.has_symbols(right)) {  // 6 * 7 = 42
      const auto first = key_of(left);
      if (first && first == key_of(right)) return first;
    }
    if (signs == "=") return equation_key(left, right, "eq:", false);
  }
  if (signs == "~" && tree_[right].op == Op::modulo) {  // n = 3 (mod 7): the modulus counts
    const auto a = key_of(left);
    const auto b = key_of(right);
    const auto modulus = key_of(tree_.kid(right, 1));
    if (!a || !b || !modulus) return std::nullopt;
    return "cong:" + *a + "~" + *b + " mod " + *modulus;
  }
  if (signs.size() == 1) {
    switch (signs[0]) {
      case '<':
        return equation_key(right, left, "gt:", true);
      case '>':
        return equation_key(left, right, "gt:", true);
      case 'l':
        return equation_key(right, left, "ge:", true);
      case 'g':
        return equation_key(left, right, "ge:", true);
      case 'n':
        return equation_key(left, right, "ne:", false);
      default:
        break;
    }
  }
  std::string key = "rel:";
  for (std::size_t k = 0; k < tree_[id].count; ++k) {
    const auto part = key_of(tree_.kid(id, k));
    if (!part) return std::nullopt;
    key += *part;
    if (k < signs.size()) key += signs[k];
  }
  return key;
}

// left - right up to a factor: the ratios of its values at three points; directed: up to a positive factor.
std::optional<std::string> Reading::equation_key(NodeId left, NodeId right, std::string_view kind, bool directed) {
  if (tree_[left].op == Op::measure) left = tree_.kid(left, 0);
  if (tree_[right].op == Op::measure) right = tree_.kid(right, 0);
  if (evaluator_.has_plus_minus(left) || evaluator_.has_plus_minus(right)) {
    std::vector<std::string> keys;
    for (const int sign : {1, -1}) {
      evaluator_.choose(sign);
      const NodeId difference = tree_.make(Op::add, {left, tree_.make(Op::negate, {right})});
      const Ball a = evaluator_.at(difference, 0, 384);
      const Ball b = evaluator_.at(difference, 1, 384);
      evaluator_.choose(0);
      const auto ratio = leading_bits(b / a, 192);
      if (!ratio) return std::nullopt;
      keys.push_back(*ratio);
    }
    std::ranges::sort(keys);
    return std::string(kind) + "+-" + keys[0] + "," + keys[1];
  }
  for (const NodeId side : {left, right}) {  // sets, tuples, matrices: both sides as they are
    const Op op = tree_[side].op;
    if (op == Op::tuple || op == Op::set || op == Op::matrix || op == Op::interval || op == Op::bracket ||
        op == Op::base_numeral || op == Op::unite || op == Op::cases) {
      const auto a = key_of(left);
      const auto b = key_of(right);
      if (!a || !b) return std::nullopt;
      return std::string(kind) + *a + "=" + *b;
    }
  }
  const NodeId whole = tree_.make(Op::add, {left, tree_.make(Op::negate, {right})});
  const NodeId difference = directed ? whole : without_denominators(whole);
  const Evaluator::Folds folds = evaluator_.folds(difference);
  const bool folded = folds.turns || folds.absolute;
  for (const mpfr_prec_t bits : {384, 768}) {
    const Ball a = evaluator_.at(difference, 0, bits);
    const Ball b = evaluator_.at(difference, 1, bits);
    const Ball c = evaluator_.at(difference, 2, bits);
    if (a.failed || b.failed || c.failed) continue;
    if (a.contains_zero() && b.contains_zero() && !folded) return std::string(kind) + "identity";
    if (a.contains_zero()) continue;
    const auto first = leading_bits(b / a, 192);
    const auto second = leading_bits(c / a, 192);
    if (!first || !second) continue;
    if (*first == *second && !folded) {  // no variables: nothing is said about any
      return std::string(kind) + "constant";
    }
    std::string key = std::string(kind) + *first + "|" + *second;
    for (const std::string& part : evaluator_.folded(difference, folds, a)) key += '|' + part;
    if (meter_.exhausted()) return std::nullopt;
    if (directed) {
      if (!a.is_real()) return std::nullopt;
      key += a.sign() > 0 ? "+" : "-";
    }
    return key;
  }
  return std::nullopt;
}

// y - 1/x times x: variables below the line are multiplied out, so that y = 1/x and xy = 1 are one equation.
NodeId Reading::without_denominators(NodeId sum) {
  std::vector<NodeId> factors{sum};
  for (const std::string& name : symbols_in(tree_, sum)) {
    const int power = lowest_power(tree_, sum, name);
    if (power >= 0 || power < -64) continue;
    const NodeId symbol = tree_.named(Op::symbol, name);
    factors.push_back(tree_.make(Op::power, {symbol, tree_.number(-power)}));
  }
  return factors.size() == 1 ? sum : tree_.make(Op::multiply, factors);
}

std::optional<std::string> Reading::end_key(NodeId id) { return key_of(id); }

std::optional<std::string> Reading::region_key(const Region& region) {
  if (region.empty()) return "{}";
  std::string key;
  std::vector<NodeId> points;
  for (const Piece& piece : region) {
    const auto order = piece.low.infinite == 0 && piece.high.infinite == 0
                           ? evaluator_.compare(piece.low.node, piece.high.node)
                           : std::optional(-1);
    if (!order) return std::nullopt;
    if (*order == 0) points.push_back(piece.low.node);
    const auto low = piece.low.infinite != 0 ? std::optional<std::string>(piece.low.infinite < 0 ? "-oo" : "oo")
                                             : end_key(piece.low.node);
    const auto high = piece.high.infinite != 0 ? std::optional<std::string>(piece.high.infinite < 0 ? "-oo" : "oo")
                                               : end_key(piece.high.node);
    if (!low || !high) return std::nullopt;
    if (!key.empty()) key += 'u';
    if (*order == 0) {
      key += "{" + *low + "}";
    } else {
      key += (piece.low.closed ? "[" : "(") + *low + ";" + *high + (piece.high.closed ? "]" : ")");
    }
  }
  if (points.size() == region.size()) return unordered(points);
  return key;
}

std::optional<std::string> Reading::measure_key(NodeId id) {
  const Measure measure = measure_of(tree_.name(id));
  auto key = scaled_key(tree_.kid(id, 0), measure.factor);
  if (!key || measure.kind == Measure::Kind::none) return key;
  return *key + " " + measure.dimension;
}

// A matrix, or a sum, a multiple, a product of such, carried out; [[1, 2], [3, 4]] too.
std::optional<NodeId> Reading::as_matrix(NodeId id) {
  const Node node = tree_[id];
  const std::vector<NodeId> kids(tree_.kids(id).begin(), tree_.kids(id).end());
  if (depth_ > limits.depth || tree_.full()) return std::nullopt;
  switch (node.op) {
    case Op::matrix:
      return id;
    case Op::bracket: {
      std::vector<NodeId> cells;
      for (const NodeId row : kids) {
        if (tree_[row].op != Op::bracket || tree_[row].count != tree_[kids[0]].count || tree_[row].count == 0)
          return std::nullopt;
        for (std::size_t k = 0; k < tree_[row].count; ++k) cells.push_back(tree_.kid(row, k));
      }
      if (cells.empty()) return std::nullopt;
      return tree_.make(Op::matrix, cells, static_cast<int>(tree_[kids[0]].count));
    }
    case Op::negate: {
      const auto matrix = as_matrix(kids[0]);
      if (!matrix) return std::nullopt;
      std::vector<NodeId> cells(tree_.kids(*matrix).begin(), tree_.kids(*matrix).end());
      for (NodeId& cell : cells) cell = tree_.make(Op::negate, {cell});
      return tree_.make(Op::matrix, cells, tree_[*matrix].aux);
    }
    case Op::divide: {
      const auto matrix = as_matrix(kids[0]);
      if (!matrix) return std::nullopt;
      std::vector<NodeId> cells(tree_.kids(*matrix).begin(), tree_.kids(*matrix).end());
      for (NodeId& cell : cells) cell = tree_.make(Op::divide, {cell, kids[1]});
      return tree_.make(Op::matrix, cells, tree_[*matrix].aux);
    }
    case Op::add: {
      std::vector<NodeId> total;
      int columns = 0;
      for (const NodeId kid : kids) {
        const auto matrix = as_matrix(kid);
        if (!matrix) return std::nullopt;
        const std::vector<NodeId> cells(tree_.kids(*matrix).begin(), tree_.kids(*matrix).end());
        if (total.empty()) {
          total = cells;
          columns = tree_[*matrix].aux;
          continue;
        }
        if (cells.size() != total.size() || columns != tree_[*matrix].aux) return std::nullopt;
        for (std::size_t k = 0; k < cells.size(); ++k) total[k] = tree_.make(Op::add, {total[k], cells[k]});
      }
      return tree_.make(Op::matrix, total, columns);
    }
    case Op::multiply: {
      std::optional<NodeId> matrix;
      std::vector<NodeId> factors;
      for (const NodeId kid : kids) {
        const auto found = as_matrix(kid);
        if (found && matrix) return std::nullopt;  // products of matrices are not carried out
        if (found)
          matrix = found;
        else
          factors.push_back(kid);
      }
      if (!matrix) return std::nullopt;
      std::vector<NodeId> cells(tree_.kids(*matrix).begin(), tree_.kids(*matrix).end());
      for (NodeId& cell : cells) {
        factors.push_back(cell);
        cell = tree_.make(Op::multiply, factors);
        factors.pop_back();
        if (tree_.full()) return std::nullopt;
      }
      return tree_.make(Op::matrix, cells, tree_[*matrix].aux);
    }
    default:
      return std::nullopt;
  }
}

}  // namespace cope::answer
