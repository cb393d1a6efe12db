#include <algorithm>
#include <cmath>
#include <limits>

#include "cope/answer/evaluate.h"

// Exact values of expressions: rational numbers, and complex ones with rational parts.
namespace cope::answer {

std::optional<Gaussian> Evaluator::exact(NodeId id) {
  if (!meter_.spend(1)) return std::nullopt;
  const Node& node = tree_[id];
  const auto kid = [&](std::size_t k) { return exact(tree_.kid(id, k)); };
  switch (node.op) {
    case Op::number:
      return Gaussian{tree_.value(id), 0};
    case Op::imaginary:
      return Gaussian{0, 1};
    case Op::symbol:
      for (auto it = bound_.rbegin(); it != bound_.rend(); ++it) {
        if (it->first == tree_.name(id)) return Gaussian{it->second, 0};
      }
      return std::nullopt;
    case Op::add: {
      Gaussian total{0, 0};
      for (const NodeId each : tree_.kids(id)) {
        const auto value = exact(each);
        if (!value) return std::nullopt;
        total.re += value->re;
        total.im += value->im;
        if (!fits(total)) return std::nullopt;
      }
      return total;
    }
    case Op::multiply: {
      Gaussian total{1, 0};
      for (const NodeId each : tree_.kids(id)) {
        const auto value = exact(each);
        if (!value) return std::nullopt;
        total = multiply(total, *value);
        if (!fits(total)) return std::nullopt;
      }
      return total;
    }
    case Op::negate: {
      auto value = kid(0);
      if (value) *value = {-value->re, -value->im};
      return value;
    }
    case Op::plus_minus: {
      auto value = kid(0);
      if (!value || sign_ == 0) return std::nullopt;
      if (sign_ * node.aux < 0) *value = {-value->re, -value->im};
      return value;
    }
    case Op::divide: {
      const auto above = kid(0);
      if (!above) return std::nullopt;
      const auto below = kid(1);
      if (!below || zero(*below)) return std::nullopt;
      return divide(*above, *below);
    }
    case Op::percent: {
      auto value = kid(0);
      if (value) *value = divide(*value, {100, 0});
      return value;
    }
    case Op::power:
      return exact_power(tree_.kid(id, 0), tree_.kid(id, 1));
    case Op::root: {
      const auto degree = kid(1);
      const auto radicand = kid(0);
      if (!degree || !radicand || !radicand->real() || !degree->real()) return std::nullopt;
      const auto n = small_integer(degree->re);
      if (!n || *n < 1 || *n > 1000) return std::nullopt;
      const bool negative = sgn(radicand->re) < 0;
      if (negative && *n % 2 == 0 && *n != 2) return std::nullopt;
      const auto value = exact_root(abs(radicand->re), static_cast<unsigned long>(*n));
      if (!value) return std::nullopt;
      if (!negative) return Gaussian{*value, 0};
      return *n == 2 ? Gaussian{0, *value} : Gaussian{-*value, 0};
    }
    case Op::factorial: {
      const auto value = kid(0);
      if (!value || !value->real()) return std::nullopt;
      const auto n = small_integer(value->re);
      if (!n || *n < 0 || *n > 10000 || !meter_.spend(static_cast<std::uint64_t>(*n) / 100)) return std::nullopt;
      mpz_class result;
      mpz_fac_ui(result.get_mpz_t(), static_cast<unsigned long>(*n));
      return Gaussian{result, 0};
    }
    case Op::binomial: {
      const auto n = kid(0);
      const auto k = kid(1);
      if (!n || !k || !n->real() || !k->real() || !integral(n->re)) return std::nullopt;
      const auto count = small_integer(k->re);
      if (!count || height(n->re) > 64) return std::nullopt;
      if (*count < 0) return Gaussian{0, 0};
      const mpz_class other = n->re.get_num() - *count;
      const auto small = sgn(n->re) >= 0 && other < *count ? other : mpz_class(*count);
      if (sgn(small) < 0) return Gaussian{0, 0};
      if (small > 4000 || !meter_.spend(small.get_ui() / 20)) return std::nullopt;
      mpz_class result;
      mpz_bin_ui(result.get_mpz_t(), n->re.get_num_mpz_t(), small.get_ui());
      return Gaussian{result, 0};
    }
    case Op::modulo: {
      const auto a = kid(0);
      const auto b = kid(1);
      if (!a || !b || !a->real() || !b->real() || sgn(b->re) == 0) return std::nullopt;
      const mpq_class quotient = a->re / b->re;
      return Gaussian{a->re - b->re * floor_of(quotient), 0};
    }
    case Op::function:
      return exact_function(tree_.name(id), id);
    case Op::sum:
    case Op::product:
      return exact_series(id);
    case Op::limit:
      return mentions(tree_.kid(id, 1), tree_.name(id)) ? std::nullopt : kid(1);
    default:
      return std::nullopt;
  }
}

std::optional<Gaussian> Evaluator::exact_power(NodeId base_id, NodeId exponent_id) {
  auto exponent = exact(exponent_id);
  if (!exponent || !exponent->real()) return std::nullopt;
  mpq_class e = exponent->re;
  if (tree_[base_id].op == Op::root && integral(e)) {  // (\sqrt 2)^{1000}
    const auto degree = exact(tree_.kid(base_id, 1));
    if (degree && degree->real() && integral(degree->re) && sgn(degree->re) > 0) {
      const auto radicand = exact(tree_.kid(base_id, 0));
      if (radicand && radicand->real() && sgn(radicand->re) > 0) {
        e /= degree->re;
        base_id = tree_.kid(base_id, 0);
      }
    }
  }
  const auto base = exact(base_id);
  if (!base) return std::nullopt;
  if (integral(e)) {
    if (base->real() && abs(base->re) == 1)
      return Gaussian{sgn(base->re) < 0 && mpz_odd_p(e.get_num_mpz_t()) != 0 ? -1 : 1, 0};
    if (sgn(base->re) == 0 && abs(base->im) == 1) {  // i^n
      const unsigned long turns = mpz_fdiv_ui(e.get_num_mpz_t(), 4);
      Gaussian value{1, 0};
      for (unsigned long k = 0; k < turns; ++k) value = multiply(value, *base);
      return value;
    }
    const auto n = small_integer(e);
    if (!n || *n == std::numeric_limits<long>::min()) return std::nullopt;
    if (static_cast<std::uint64_t>(std::abs(*n)) > limits.exact_bits) return std::nullopt;
    if (!meter_.spend(1 + static_cast<std::uint64_t>(std::abs(*n)) / 1000)) return std::nullopt;
    return integer_power(*base, *n);
  }
  if (!base->real() || sgn(base->re) < 0 || !mpz_fits_ulong_p(e.get_den_mpz_t()) || e.get_den() > 1000)
    return std::nullopt;
  const auto n = small_integer(mpq_class(e.get_num()));
  const auto root = exact_root(base->re, e.get_den().get_ui());
  if (!root || !n) return std::nullopt;
  return integer_power({*root, 0}, *n);
}

std::optional<Gaussian> Evaluator::exact_function(const std::string& name, NodeId id) {
  constexpr std::string_view whole[] = {"abs", "floor", "ceil", "gcd", "lcm", "max", "min"};
  if (std::ranges::find(whole, name) == std::end(whole)) return std::nullopt;
  std::vector<mpq_class> values;
  for (const NodeId each : tree_.kids(id)) {
    const auto value = exact(each);
    if (!value || !value->real()) return std::nullopt;
    values.push_back(value->re);
  }
  if (name == "abs") return Gaussian{abs(values[0]), 0};
  if (name == "floor") return Gaussian{floor_of(values[0]), 0};
  if (name == "ceil") return Gaussian{-floor_of(-values[0]), 0};
  mpq_class result = values[0];
  const bool divisors = name == "gcd" || name == "lcm";
  if (divisors && !std::ranges::all_of(values, integral)) return std::nullopt;
  for (const mpq_class& each : values) {
    if (name == "max") result = std::max(result, each);
    if (name == "min") result = std::min(result, each);
    if (name == "gcd") result = gcd(result.get_num(), each.get_num());
    if (name == "lcm") result = lcm(result.get_num(), each.get_num());
    if (height(result) > limits.exact_bits) return std::nullopt;
  }
  if (divisors) result = abs(result);
  return Gaussian{result, 0};
}

std::optional<Gaussian> Evaluator::exact_series(NodeId id) {
  const auto from = exact(tree_.kid(id, 0));
  const auto to = exact(tree_.kid(id, 1));
  if (!from || !to || !from->real() || !to->real()) return std::nullopt;
  const auto first = small_integer(from->re);
  const auto last = small_integer(to->re);
  if (!first || !last) return std::nullopt;
  const bool sum = tree_[id].op == Op::sum;
  Gaussian total{sum ? 0 : 1, 0};
  if (*last < *first) return total;
  if (static_cast<unsigned long>(*last) - static_cast<unsigned long>(*first) > limits.steps) {
    meter_.spend(limits.steps);
    return std::nullopt;
  }
  for (long k = *first; k <= *last; ++k) {
    bound_.emplace_back(tree_.name(id), k);
    const auto value = exact(tree_.kid(id, 2));
    bound_.pop_back();
    if (!value) return std::nullopt;
    if (sum) {
      total.re += value->re;
      total.im += value->im;
    } else {
      total = multiply(total, *value);
    }
    if (!fits(total) || !meter_.spend(1 + height(total.re) / 1024)) return std::nullopt;
  }
  return total;
}

}  // namespace cope::answer
