#include "cope/answer/region.h"

#include <algorithm>

namespace cope::answer {

namespace {

constexpr End minus_infinity{-1, -1, false};
constexpr End plus_infinity{1, -1, false};

char turned(char sign) {  // a < b is b > a
  switch (sign) {
    case '<':
      return '>';
    case '>':
      return '<';
    case 'l':
      return 'g';
    case 'g':
      return 'l';
    default:
      return sign;
  }
}

}  // namespace

bool Regions::is_infinity(const Tree& tree, NodeId id, int& sign) {
  sign = 1;
  while (tree[id].op == Op::negate) {
    sign = -sign;
    id = tree.kid(id, 0);
  }
  return tree[id].op == Op::infinity;
}

std::optional<End> Regions::end(NodeId id, bool closed) const {
  int sign = 0;
  if (is_infinity(tree_, id, sign)) return sign > 0 ? plus_infinity : minus_infinity;
  return End{0, id, closed};
}

std::optional<int> Regions::compare(const End& a, const End& b) {
  if (a.infinite != 0 || b.infinite != 0) return a.infinite < b.infinite ? -1 : a.infinite > b.infinite ? 1 : 0;
  return evaluator_.compare(a.node, b.node);
}

std::optional<Region> Regions::of(NodeId id) {
  const Node& node = tree_[id];
  switch (node.op) {
    case Op::empty_set:
      return Region{};
    case Op::tuple:
    case Op::bracket:
    case Op::interval: {
      if (node.count != 2) return std::nullopt;
      const int closed = node.op == Op::bracket ? 3 : node.op == Op::tuple ? 0 : node.aux;
      const auto low = end(tree_.kid(id, 0), (closed & 1) != 0);
      const auto high = end(tree_.kid(id, 1), (closed & 2) != 0);
      const auto order = compare(*low, *high);
      if (!order || *order > 0) return std::nullopt;
      if (*order == 0 && !(low->closed && high->closed)) return Region{};
      return Region{{*low, *high}};
    }
    case Op::set: {
      Region region;
      for (const NodeId each : tree_.kids(id)) {
        const End point{0, each, true};
        if (!compare(point, point)) return std::nullopt;
        auto more = unite(std::move(region), {{point, point}});
        if (!more) return std::nullopt;
        region = std::move(*more);
      }
      return region;
    }
    case Op::unite:
    case Op::intersect:
    case Op::subtract_set: {
      const Op op = node.op;
      const auto left = of(tree_.kid(id, 0));
      const auto right = of(tree_.kid(id, 1));
      if (!left || !right) return std::nullopt;
      return op == Op::unite       ? unite(*left, *right)
             : op == Op::intersect ? intersect(*left, *right)
                                   : without(*left, *right);
    }
    case Op::symbol:
      if (tree_.name(id) == "mathbb R") return Region{{minus_infinity, plus_infinity}};
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<Region> Regions::unite(Region a, const Region& b) {
  if (a.size() + b.size() > 64) return std::nullopt;
  a.insert(a.end(), b.begin(), b.end());
  // Insertion sort by the low end, then merge: comparisons may fail, so no std::sort.
  for (std::size_t i = 1; i < a.size(); ++i) {
    for (std::size_t j = i; j > 0; --j) {
      const auto order = compare(a[j].low, a[j - 1].low);
      if (!order) return std::nullopt;
      if (*order > 0 || (*order == 0 && (a[j - 1].low.closed || !a[j].low.closed))) break;
      std::swap(a[j], a[j - 1]);
    }
  }
  Region merged;
  for (const Piece& piece : a) {
    if (!merged.empty()) {
      End& last = merged.back().high;
      const auto gap = compare(last, piece.low);
      if (!gap) return std::nullopt;
      if (*gap > 0 || (*gap == 0 && (last.closed || piece.low.closed))) {
        const auto order = compare(piece.high, last);
        if (!order) return std::nullopt;
        if (*order > 0) last = piece.high;
        if (*order == 0) last.closed = last.closed || piece.high.closed;
        continue;
      }
    }
    merged.push_back(piece);
  }
  return merged;
}

std::optional<Region> Regions::intersect(const Region& a, const Region& b) {
  Region result;
  for (const Piece& left : a) {
    for (const Piece& right : b) {
      if (result.size() > 64) return std::nullopt;
      const auto lows = compare(left.low, right.low);
      const auto highs = compare(left.high, right.high);
      if (!lows || !highs) return std::nullopt;
      End low = *lows >= 0 ? left.low : right.low;
      if (*lows == 0) low.closed = left.low.closed && right.low.closed;
      End high = *highs <= 0 ? left.high : right.high;
      if (*highs == 0) high.closed = left.high.closed && right.high.closed;
      const auto order = compare(low, high);
      if (!order) return std::nullopt;
      if (*order < 0 || (*order == 0 && low.closed && high.closed)) result.push_back({low, high});
    }
  }
  return result;
}

std::optional<Region> Regions::complement(const Region& a) {
  Region result;
  End low = minus_infinity;
  for (const Piece& piece : a) {
    if (piece.low.infinite == 0) result.push_back({low, {0, piece.low.node, !piece.low.closed}});
    low = piece.high.infinite != 0 ? plus_infinity : End{0, piece.high.node, !piece.high.closed};
  }
  if (low.infinite <= 0) result.push_back({low, plus_infinity});
  return result;
}

std::optional<Region> Regions::without(const Region& a, const Region& b) {
  const auto rest = complement(b);
  return rest ? intersect(a, *rest) : std::nullopt;
}

// a x + b of a sum, a difference, a multiple; none where it is no such, of two variables, or of long numbers. A constant has no variable.
std::optional<Regions::Line> Regions::line(NodeId id) {
  constexpr std::size_t most_bits = 512;
  const Op op = tree_[id].op;
  if (op == Op::symbol) return Line{tree_.name(id), 1, 0};
  if (op == Op::negate) {
    auto inside = line(tree_.kid(id, 0));
    if (inside) inside->slope = -inside->slope, inside->start = -inside->start;
    return inside;
  }
  if (op != Op::add && op != Op::multiply && op != Op::divide) {
    const auto value = evaluator_.has_symbols(id) ? std::nullopt : evaluator_.exact(id);
    if (!value || !value->real() || height(value->re) > most_bits) return std::nullopt;
    return Line{"", 0, value->re};
  }
  auto all = line(tree_.kid(id, 0));
  for (std::size_t k = 1; k < tree_[id].count && all; ++k) {
    auto next = line(tree_.kid(id, k));
    if (!next) return std::nullopt;
    if (op == Op::add) {
      if (!all->variable.empty() && !next->variable.empty() && all->variable != next->variable) return std::nullopt;
      if (all->variable.empty()) all->variable = next->variable;
      all->slope += next->slope;
      all->start += next->start;
    } else {
      if (op == Op::multiply && all->variable.empty()) std::swap(*all, *next);
      if (!next->variable.empty() || (op == Op::divide && sgn(next->start) == 0)) return std::nullopt;
      const mpq_class factor = op == Op::divide ? mpq_class(1 / next->start) : next->start;
      all->slope *= factor;
      all->start *= factor;
    }
    if (height(all->slope) > most_bits || height(all->start) > most_bits) return std::nullopt;
  }
  return all;
}

// Where a x + b is a bound.
NodeId Regions::solved(const Line& line, NodeId bound) {
  if (line.slope == 1 && sgn(line.start) == 0) return bound;
  const NodeId rest = tree_.make(Op::add, {bound, tree_.number(-line.start)});
  return tree_.make(Op::multiply, {rest, tree_.number(1 / line.slope)});
}

// line `sign` bound, or its absolute value.
std::optional<Region> Regions::bounded_by(const Line& line, bool absolute, char sign, NodeId bound) {
  const bool closed = sign == 'l' || sign == 'g';
  const auto limit = end(bound, closed);
  if (!limit || (limit->infinite == 0 && !compare(*limit, *limit))) return std::nullopt;
  if (limit->infinite != 0 && (absolute || line.slope != 1 || sgn(line.start) != 0)) return std::nullopt;
  const bool below = sign == '<' || sign == 'l';
  const End high = limit->infinite != 0 ? *limit : End{0, solved(line, bound), closed};
  if (!absolute) {
    if (sign == 'n') return Region{{minus_infinity, {0, high.node, false}}, {{0, high.node, false}, plus_infinity}};
    return below ? Region{{minus_infinity, high}} : Region{{high, plus_infinity}};
  }
  // |x| < a
  if (sign == 'n') return std::nullopt;
  const End low{0, solved(line, tree_.make(Op::negate, {bound})), closed};
  const auto order = compare(low, high);
  if (!order || *order > 0) return std::nullopt;
  if (below) return Region{{low, high}};
  return Region{{minus_infinity, low}, {high, plus_infinity}};
}

std::optional<Region> Regions::of_inequality(NodeId relation, std::string& variable) {
  if (tree_[relation].op != Op::relation) return std::nullopt;
  const std::string signs = tree_.name(relation);
  std::optional<Region> region;
  for (std::size_t k = 0; k < signs.size(); ++k) {
    char sign = signs[k];
    if (sign == 'e' && signs.size() == 1 && tree_[tree_.kid(relation, 0)].op == Op::symbol) {  // x \in R, with others
      const std::string& name = tree_.name(tree_.kid(relation, 0));
      if (!variable.empty() && variable != name) return std::nullopt;
      variable = name;
      return of(tree_.kid(relation, 1));
    }
    if (sign != '<' && sign != '>' && sign != 'l' && sign != 'g' && sign != 'n') return std::nullopt;
    NodeId side = tree_.kid(relation, k);
    NodeId bound = tree_.kid(relation, k + 1);
    if (!evaluator_.has_symbols(side)) {
      std::swap(side, bound);
      sign = turned(sign);
    }
    if (tree_.full()) return std::nullopt;
    const bool absolute = tree_[side].op == Op::function && tree_.name(side) == "abs";
    if (!absolute && evaluator_.has_symbols(bound)) {  // 2 x < x + 3
      side = tree_.make(Op::add, {side, tree_.make(Op::negate, {bound})});
      bound = tree_.number(0);
    }
    auto found = line(absolute ? tree_.kid(side, 0) : side);
    if (!found || sgn(found->slope) == 0 || (!variable.empty() && variable != found->variable)) return std::nullopt;
    if (sgn(found->slope) < 0) {
      found->slope = -found->slope;
      found->start = -found->start;
      if (!absolute) {
        bound = tree_.make(Op::negate, {bound});
        sign = turned(sign);
      }
    }
    variable = found->variable;
    const auto half = bounded_by(*found, absolute, sign, bound);
    if (!half) return std::nullopt;
    region = region ? intersect(*region, *half) : half;
    if (!region) return std::nullopt;
  }
  return region;
}

}  // namespace cope::answer
