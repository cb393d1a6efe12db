#include "cope/answer/evaluate.h"

#include <algorithm>

#include "cope/answer/residue.h"

namespace cope::answer {

namespace {

constexpr mpfr_prec_t usual_bits = 384;
constexpr long usual_key_bits = 192;
constexpr std::size_t recognised_bits = 128;  // heights up to here are told from irrational numbers

}  // namespace

bool Evaluator::has_symbols(NodeId id) const {
  const Op op = tree_[id].op;
  if (op == Op::symbol)
    return std::ranges::find(dummies_, tree_.name(id)) == dummies_.end() &&
           std::ranges::find(bound_, tree_.name(id), &std::pair<std::string_view, mpq_class>::first) == bound_.end();
  if (op == Op::integral || op == Op::application) return true;
  return std::ranges::any_of(tree_.kids(id), [&](NodeId kid) { return has_symbols(kid); });
}

bool Evaluator::has_plus_minus(NodeId id) const {
  return tree_[id].op == Op::plus_minus ||
         std::ranges::any_of(tree_.kids(id), [&](NodeId kid) { return has_plus_minus(kid); });
}

bool Evaluator::mentions(NodeId id, const std::string& symbol) const {
  if (tree_[id].op == Op::symbol) return tree_.name(id) == symbol;
  return std::ranges::any_of(tree_.kids(id), [&](NodeId kid) { return mentions(kid, symbol); });
}

bool Evaluator::mentions_pi(NodeId id) const {
  return tree_[id].op == Op::pi || std::ranges::any_of(tree_.kids(id), [&](NodeId kid) { return mentions_pi(kid); });
}

std::optional<std::string> Evaluator::key_at(NodeId id, int point, std::optional<Gaussian>& rational) {
  bool zero_before = false;
  for (mpfr_prec_t bits = usual_bits; bits <= static_cast<mpfr_prec_t>(limits.precision_bits) + usual_bits; bits *= 2) {
    spread_ = 0;
    const Ball value = at(id, point, bits);
    if (meter_.exhausted()) return std::nullopt;
    if (value.failed) {
      if (bits > usual_bits) return std::nullopt;
      continue;
    }
    const long count = spread_ <= 96 ? usual_key_bits : spread_ <= 480 ? 3 * usual_key_bits : 9 * usual_key_bits;
    if (spread_ > 1500) return std::nullopt;
    if (value.contains_zero() && value.error < -100) {
      if (zero_before || value.error == Ball::exact) {
        rational = Gaussian{0, 0};
        return "0";
      }
      zero_before = true;
      continue;
    }
    const auto re = small_rational(value.re, value.error, recognised_bits);
    if (re) {
      if (const auto im = small_rational(value.im, value.error, recognised_bits)) {
        rational = Gaussian{*re, *im};
        return text_of(*rational);
      }
    }
    if (auto key = leading_bits(value, count)) return key;
  }
  return std::nullopt;
}

std::optional<std::string> Evaluator::key(NodeId id) {
  if (const auto value = exact(id)) return text_of(*value);
  if (meter_.exhausted()) return std::nullopt;
  if (auto key = ball_key(id)) return key;
  // Beyond what balls can hold, such as x^{10000} + 1 and 2^{10^9}, there are fingerprints.
  if (const auto fingerprint = residue(tree_, id, meter_)) return "residue:" + text_of(*fingerprint);
  return std::nullopt;
}

std::optional<std::string> Evaluator::ball_key(NodeId id) {
  std::optional<Gaussian> first;
  auto key = key_at(id, 0, first);
  if (!key) return std::nullopt;
  if (!has_symbols(id)) return first ? text_of(*first) : '~' + *key;
  std::optional<Gaussian> second;
  const auto other = key_at(id, 1, second);
  if (!other) return std::nullopt;
  bool constant = first && second && first->re == second->re && first->im == second->im;
  std::string whole = "~" + *key + '|' + *other;
  if (const Folds found = folds(id); found.turns || found.absolute) {
    const Ball value = constant ? Ball::gaussian(first->re, first->im, usual_bits) : Ball(usual_bits);
    for (const std::string& part : folded(id, found, Ball::rational(1, usual_bits))) {
      constant = constant && part == leading_bits(value, folded_key_bits);
      whole += '|' + part;
    }
  }
  if (meter_.exhausted()) return std::nullopt;
  return constant ? text_of(*first) : whole;
}

std::optional<int> Evaluator::compare(NodeId a, NodeId b) {
  const auto left = exact(a);
  const auto right = exact(b);
  if (left && right) {
    if (!left->real() || !right->real()) return std::nullopt;
    return cmp(left->re, right->re) < 0 ? -1 : cmp(left->re, right->re) > 0 ? 1 : 0;
  }
  if (has_symbols(a) || has_symbols(b)) return std::nullopt;
  const Ball difference = at(a, 0, usual_bits) - at(b, 0, usual_bits);
  if (difference.failed || !difference.is_real()) return std::nullopt;
  return difference.sign();
}

}  // namespace cope::answer
