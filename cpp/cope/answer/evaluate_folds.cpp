#include <algorithm>
#include <map>

#include "cope/answer/evaluate.h"

// Where absolute values and even roots fold the line: |x - 3| and \sqrt{(x - 3)^2} are x - 3 or 3 - x, by the value of x.
namespace cope::answer {

namespace {

using Monomial = std::map<std::string, int>;  // the exponents of letters
using Polynomial = std::map<Monomial, mpq_class>;

constexpr std::size_t most_terms = 24;
constexpr int highest_power = 12;

std::optional<Polynomial> product(const Polynomial& a, const Polynomial& b, Meter& meter) {
  if (a.size() * b.size() > most_terms * most_terms / 4 || !meter.spend(1 + a.size() * b.size() / 4))
    return std::nullopt;
  Polynomial all;
  for (const auto& [left, x] : a) {
    for (const auto& [right, y] : b) {
      Monomial both = left;
      for (const auto& [letter, power] : right) both[letter] += power;
      all[both] += x * y;
    }
  }
  std::erase_if(all, [](const auto& term) { return sgn(term.second) == 0; });
  return all.size() > most_terms ? std::nullopt : std::optional(all);
}

// An expression multiplied out; none where it is no small polynomial with rational coefficients in letters, pi, e and roots of numbers.
std::optional<Polynomial> multiplied_out(const Tree& tree, NodeId id, Meter& meter) {
  if (!meter.spend(1)) return std::nullopt;
  const auto kid = [&](std::size_t k) { return multiplied_out(tree, tree.kid(id, k), meter); };
  const auto letter = [](std::string name) { return Polynomial{{{{std::move(name), 1}}, 1}}; };
  switch (tree[id].op) {
    case Op::number:
      if (sgn(tree.value(id)) == 0) return Polynomial{};
      return Polynomial{{{}, tree.value(id)}};
    case Op::symbol:
      return letter(tree.name(id));
    case Op::pi:
      return letter("the number pi");
    case Op::euler:
      return letter("the number e");
    case Op::root: {
      const NodeId radicand = tree.kid(id, 0);
      const NodeId degree = tree.kid(id, 1);
      if (tree[radicand].op != Op::number || tree[degree].op != Op::number || sgn(tree.value(radicand)) <= 0)
        return std::nullopt;
      return letter("the root " + tree.value(degree).get_str() + " of " + tree.value(radicand).get_str());
    }
    case Op::negate: {
      const auto inside = kid(0);
      return inside ? product(*inside, {{{}, -1}}, meter) : std::nullopt;
    }
    case Op::add: {
      Polynomial sum;
      for (std::size_t k = 0; k < tree[id].count; ++k) {
        const auto part = kid(k);
        if (!part) return std::nullopt;
        for (const auto& [monomial, coefficient] : *part) sum[monomial] += coefficient;
      }
      std::erase_if(sum, [](const auto& term) { return sgn(term.second) == 0; });
      return sum.size() > most_terms ? std::nullopt : std::optional(sum);
    }
    case Op::multiply: {
      std::optional<Polynomial> all = Polynomial{{{}, 1}};
      for (std::size_t k = 0; k < tree[id].count && all; ++k) {
        const auto part = kid(k);
        all = part ? product(*all, *part, meter) : std::nullopt;
      }
      return all;
    }
    case Op::divide: {
      const auto above = kid(0);
      const NodeId below = tree.kid(id, 1);
      if (!above || tree[below].op != Op::number || sgn(tree.value(below)) == 0) return std::nullopt;
      return product(*above, {{{}, 1 / tree.value(below)}}, meter);
    }
    case Op::power: {
      const NodeId exponent = tree.kid(id, 1);
      if (tree[exponent].op != Op::number || tree.value(exponent).get_den() != 1 ||
          tree.value(exponent) > highest_power)
        return std::nullopt;
      const auto base = kid(0);
      std::optional<Polynomial> all = Polynomial{{{}, 1}};
      for (mpz_class k = 0; base && all && k < tree.value(exponent).get_num(); ++k) all = product(*all, *base, meter);
      return base ? all : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

// Of the inside of a fold. However a polynomial is written it has one sign: that of all of its coefficients. `even`: and so has it of all real numbers.
Evaluator::Sign Evaluator::sign_inside(NodeId id, Sign written, bool& even) {
  even = is_square(id);
  const auto whole = multiplied_out(tree_, id, meter_);
  if (!whole || whole->empty()) return written;
  const int sign = sgn(whole->begin()->second);
  const bool one = std::ranges::all_of(*whole, [&](const auto& term) { return sgn(term.second) == sign; });
  if (!one) return Sign::unknown;
  even = even || (sign > 0 && std::ranges::all_of(*whole, [](const auto& term) {
                    return std::ranges::all_of(term.first, [](const auto& each) { return each.second % 2 == 0; });
                  }));
  return sign > 0 ? Sign::positive : Sign::negative;
}

bool Evaluator::is_square(NodeId id) const {
  if (tree_[id].op != Op::power) return false;
  const NodeId exponent = tree_.kid(id, 1);
  return tree_[exponent].op == Op::number && tree_.value(exponent).get_den() == 1 &&
         mpz_even_p(tree_.value(exponent).get_num_mpz_t()) != 0;
}

bool Evaluator::even_root(NodeId id) {
  const Op op = tree_[id].op;
  if (op != Op::root && op != Op::power) return false;
  const NodeId of = tree_.kid(id, 1);
  if (tree_[of].op == Op::symbol || (op == Op::power && tree_[of].op == Op::number && tree_.value(of).get_den() == 1))
    return false;
  const auto value = exact(of);
  if (!value || !value->real()) return false;
  const mpz_class& degree = op == Op::root ? value->re.get_num() : value->re.get_den();
  return mpz_even_p(degree.get_mpz_t()) != 0;
}

bool Evaluator::has_folds(NodeId id) {
  const bool absolute = tree_[id].op == Op::function && tree_.name(id) == "abs";
  if ((absolute || even_root(id)) && has_symbols(tree_.kid(id, 0))) return true;
  return std::ranges::any_of(tree_.kids(id), [&](NodeId kid) { return has_folds(kid); });
}

Evaluator::Folds Evaluator::folds(NodeId id) {
  Folds found;
  if (has_folds(id)) (void)range(id, found, false);
  return found;
}

// `squared`: it is squared where it stands, which undoes |u| and a square root.
Evaluator::Range Evaluator::range(NodeId id, Folds& folds, bool squared) {
  if (!meter_.spend(1)) return {};
  std::vector<Range> kids;
  Range here;
  for (const NodeId kid : tree_.kids(id)) {
    kids.push_back(range(kid, folds, is_square(id)));
    here.variable = here.variable || kids.back().variable;
  }
  const Op op = tree_[id].op;
  here.variable = here.variable || op == Op::symbol || op == Op::application || op == Op::integral;
  const bool absolute = op == Op::function && tree_.name(id) == "abs";
  const bool square_root =
      op == Op::root && tree_[tree_.kid(id, 1)].op == Op::number && tree_.value(tree_.kid(id, 1)) == 2;
  const bool undone = squared && (absolute || square_root);
  if (!kids.empty() && kids[0].variable && !undone && (absolute || even_root(id))) {
    bool even = false;
    const Sign inside = sign_inside(tree_.kid(id, 0), kids[0].sign, even);
    const bool steady = inside == Sign::positive || inside == Sign::negative || (absolute && even);
    folds.turns = folds.turns || !steady;
    folds.absolute = folds.absolute || (absolute && steady && !even);
  }
  here.sign = sign_of(id, kids);
  if (here.sign == Sign::unknown && !here.variable) {
    const Ball value = at(id, 0, 128);
    if (!value.failed && value.is_real() && value.sign() != 0)
      here.sign = value.sign() > 0 ? Sign::positive : Sign::negative;
  }
  return here;
}

Evaluator::Sign Evaluator::sign_of(NodeId id, const std::vector<Range>& kids) {
  const auto product = [](Sign a, Sign b) {
    if (a == Sign::unknown || b == Sign::unknown) return Sign::unknown;
    if (a == Sign::negative && b == Sign::negative) return Sign::positive;
    if (a == Sign::positive) return b;
    if (b == Sign::positive) return a;
    return a == b ? a : Sign::unknown;
  };
  switch (tree_[id].op) {
    case Op::number:
      return sgn(tree_.value(id)) > 0 ? Sign::positive : Sign::never_negative;
    case Op::symbol:
    case Op::pi:
    case Op::euler:
      return Sign::positive;
    case Op::percent:
    case Op::degree:
      return kids[0].sign;
    case Op::negate:
      return product(Sign::negative, kids[0].sign);
    case Op::add: {
      Sign sum = Sign::never_negative;  // of nothing: 0
      for (std::size_t k = 0; k < kids.size(); ++k) {
        const Sign next = kids[k].sign;
        if (next == Sign::unknown) return Sign::unknown;
        const bool agree = k == 0 || next == sum || (next != Sign::negative && sum != Sign::negative);
        if (!agree) return Sign::unknown;
        if (k == 0 || next == Sign::positive) sum = next;
      }
      return sum;
    }
    case Op::multiply:
    case Op::divide: {
      Sign all = Sign::positive;
      for (const Range& kid : kids) all = product(all, kid.sign);
      return all;
    }
    case Op::power: {
      if (kids[0].sign == Sign::positive) return Sign::positive;
      const auto exponent = exact(tree_.kid(id, 1));
      if (!exponent || !exponent->real() || exponent->re.get_den() != 1) return Sign::unknown;
      const bool even = mpz_even_p(exponent->re.get_num().get_mpz_t()) != 0;
      if (kids[0].sign == Sign::unknown) return even ? Sign::never_negative : Sign::unknown;
      return even && kids[0].sign == Sign::negative ? Sign::positive : kids[0].sign;
    }
    case Op::root:
      return kids[0].sign == Sign::positive ? Sign::positive : Sign::unknown;
    case Op::function:
      if (tree_.name(id) != "abs") return Sign::unknown;
      return kids[0].sign == Sign::positive || kids[0].sign == Sign::negative ? Sign::positive : Sign::never_negative;
    default:
      return Sign::unknown;
  }
}

std::vector<std::string> Evaluator::folded(NodeId id, Folds folds, const Ball& over) {
  constexpr mpfr_prec_t bits = 320;
  std::vector<std::string> parts;
  for (int point = folds.absolute ? 3 : 4; point < (folds.turns ? 8 : 4); ++point) {
    const Ball value = at(id, point, bits) / over;
    // What is not real among positive numbers is not defined there: its sign is a convention of roots.
    const bool defined = point == 3 || value.failed || value.is_real();
    parts.push_back(defined ? leading_bits(value, folded_key_bits).value_or("?") : "i");
  }
  return parts;
}

}  // namespace cope::answer
