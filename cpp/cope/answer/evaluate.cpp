#include "cope/answer/evaluate.h"

#include <algorithm>
#include <cmath>

#include "cope/answer/residue.h"
#include "cope/base/digest.h"

namespace cope::answer {

namespace {

constexpr mpfr_prec_t usual_bits = 384;
constexpr long usual_key_bits = 192;
constexpr std::size_t recognised_bits = 128;  // heights up to here are told from irrational numbers

std::size_t height(const mpq_class& value) {
  return std::max(mpz_sizeinbase(value.get_num_mpz_t(), 2), mpz_sizeinbase(value.get_den_mpz_t(), 2));
}

bool fits(const Gaussian& value) {
  return height(value.re) <= limits.exact_bits && height(value.im) <= limits.exact_bits;
}

bool integral(const mpq_class& value) { return value.get_den() == 1; }

std::optional<long> small_integer(const mpq_class& value) {
  if (!integral(value) || !mpz_fits_slong_p(value.get_num_mpz_t())) return std::nullopt;
  return value.get_num().get_si();
}

Gaussian multiply(const Gaussian& a, const Gaussian& b) {
  if (a.real() && b.real()) return {a.re * b.re, 0};
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

bool zero(const Gaussian& a) { return sgn(a.re) == 0 && sgn(a.im) == 0; }

Gaussian divide(const Gaussian& a, const Gaussian& b) {  // REQUIRES: b is not zero
  if (a.real() && b.real()) return {a.re / b.re, 0};
  const mpq_class norm = b.re * b.re + b.im * b.im;
  return {(a.re * b.re + a.im * b.im) / norm, (a.im * b.re - a.re * b.im) / norm};
}

mpz_class floor_of(const mpq_class& value) {
  mpz_class whole;
  mpz_fdiv_q(whole.get_mpz_t(), value.get_num_mpz_t(), value.get_den_mpz_t());
  return whole;
}

// The exact real root of a number that is not negative.
std::optional<mpq_class> exact_root(const mpq_class& value, unsigned long degree) {
  mpz_class top;
  mpz_class bottom;
  if (mpz_root(top.get_mpz_t(), value.get_num_mpz_t(), degree) == 0) return std::nullopt;
  if (mpz_root(bottom.get_mpz_t(), value.get_den_mpz_t(), degree) == 0) return std::nullopt;
  return mpq_class(top, bottom);
}

std::optional<Gaussian> integer_power(const Gaussian& base, long exponent) {
  if (exponent == 0) return zero(base) ? std::nullopt : std::optional<Gaussian>({1, 0});
  if (zero(base)) return exponent > 0 ? std::optional(base) : std::nullopt;
  const auto count = static_cast<unsigned long>(exponent < 0 ? -exponent : exponent);
  const std::size_t bits = std::max(height(base.re), height(base.im));
  if (bits > 1 && count > limits.exact_bits / (bits - 1)) return std::nullopt;
  Gaussian result{1, 0};
  if (base.real()) {
    mpz_pow_ui(result.re.get_num_mpz_t(), base.re.get_num_mpz_t(), count);
    mpz_pow_ui(result.re.get_den_mpz_t(), base.re.get_den_mpz_t(), count);
  } else {
    if (count > limits.exact_bits) {  // i^10^20 and the like stay within the cycle of i
      return std::nullopt;
    }
    Gaussian square = base;
    for (unsigned long left = count; left != 0; left >>= 1U) {
      if ((left & 1U) != 0) result = multiply(result, square);
      if (left > 1) square = multiply(square, square);
      if (!fits(result) || !fits(square)) return std::nullopt;
    }
  }
  if (exponent < 0) result = divide({1, 0}, result);
  return result;
}

std::uint64_t seed_of(std::string_view name, std::uint64_t point) {
  std::uint64_t hash = 0xCBF29CE484222325U + point * 0x9E3779B97F4A7C15U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return hash;
}

std::string shortened(const std::string& text) { return text.size() <= 96 ? text : '#' + sha256(text).hex(); }

}  // namespace

std::string text_of(const Gaussian& value) {
  if (value.real()) return shortened(value.re.get_str());
  if (sgn(value.re) == 0) return shortened(value.im.get_str() + "i");
  return shortened(value.re.get_str() + (sgn(value.im) > 0 ? "+" : "") + value.im.get_str() + "i");
}

bool Evaluator::has_symbols(NodeId id) const {
  const Op op = tree_[id].op;
  if (op == Op::symbol)
    return std::ranges::find(dummies_, tree_.name(id)) == dummies_.end() &&
           std::ranges::find(bound_, tree_.name(id), &std::pair<std::string_view, mpq_class>::first) == bound_.end();
  if (op == Op::integral) return true;
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

bool Evaluator::has_absolute(NodeId id) const {
  if (tree_[id].op == Op::function && tree_.name(id) == "abs" && has_symbols(id)) return true;
  return std::ranges::any_of(tree_.kids(id), [&](NodeId kid) { return has_absolute(kid); });
}

// --- exact ----------------------------------------------------------------------------------------

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

// --- balls ----------------------------------------------------------------------------------------

Ball Evaluator::at(NodeId id, int point, mpfr_prec_t bits) {
  free_caches_at_thread_end();
  point_ = point;
  bits_ = bits;
  balls_used_ = true;
  return ball(id);
}

Ball Evaluator::ball(NodeId id) {
  const auto cost = static_cast<std::uint64_t>(bits_ / 128);
  if (!meter_.spend(cost)) return Ball::bad(bits_);
  const Node& node = tree_[id];
  const auto kid = [&](std::size_t k) { return ball(tree_.kid(id, k)); };
  switch (node.op) {
    case Op::number:
      return Ball::rational(tree_.value(id), bits_);
    case Op::imaginary:
      return Ball::gaussian(0, 1, bits_);
    case Op::pi:
      return Ball::pi(bits_);
    case Op::euler:
      return Ball::euler(bits_);
    case Op::symbol:
      for (auto it = bound_.rbegin(); it != bound_.rend(); ++it) {
        if (it->first == tree_.name(id)) return Ball::rational(it->second, bits_);
      }
      for (std::size_t k = 0; k < dummies_.size(); ++k) {
        if (dummies_[k] == tree_.name(id))
          return Ball::random(seed_of("dummy " + std::to_string(k), static_cast<std::uint64_t>(point_)), bits_);
      }
      return point_ == 3 ? -Ball::random(seed_of(tree_.name(id), 3), bits_)
                         : Ball::random(seed_of(tree_.name(id), static_cast<std::uint64_t>(point_)), bits_);
    case Op::add: {
      Ball total(bits_);
      double high = Ball::exact;
      double low = -Ball::exact;
      for (const NodeId each : tree_.kids(id)) {
        const Ball value = ball(each);
        const double magnitude = value.magnitude();
        if (magnitude != Ball::exact) {
          high = std::max(high, magnitude);
          low = std::min(low, magnitude);
        }
        total = total + value;
        if (total.failed) return total;
      }
      if (high > low) spread_ = std::max(spread_, high - low);
      return total;
    }
    case Op::multiply: {
      Ball total = kid(0);
      for (std::size_t k = 1; k < node.count && !total.failed; ++k) total = total * kid(k);
      return total;
    }
    case Op::negate:
      return -kid(0);
    case Op::plus_minus: {
      if (sign_ == 0) return Ball::bad(bits_);
      const Ball value = kid(0);
      return sign_ * node.aux < 0 ? -value : value;
    }
    case Op::divide: {
      const Ball above = kid(0);
      return above.failed ? above : above / kid(1);
    }
    case Op::percent:
      return kid(0) / Ball::rational(100, bits_);
    case Op::degree:
      return kid(0) * Ball::pi(bits_) / Ball::rational(180, bits_);
    case Op::power: {
      if (tree_[tree_.kid(id, 0)].op == Op::euler) return exp(kid(1));
      const Ball base = kid(0);
      if (base.failed || !meter_.spend(4 * cost)) return Ball::bad(bits_);
      if (const auto exponent = exact(tree_.kid(id, 1)); exponent && exponent->real()) {
        if (const auto n = small_integer(exponent->re); n && std::abs(*n) <= 100000) return power(base, *n);
        const auto p = small_integer(mpq_class(exponent->re.get_num()));
        const auto q = small_integer(mpq_class(exponent->re.get_den()));
        if (p && q && std::abs(*p) <= 1000 && *q <= 1000 && base.is_real() && base.sign() != 0) {
          // Of a constant the principal power, of a function the real one: (x^2 - 2)^{1/3} is the cube root.
          if (base.sign() > 0 || (*q % 2 == 1 && has_symbols(tree_.kid(id, 0))))
            return power(root(base, static_cast<unsigned long>(*q)), *p);
        }
        return power(base, Ball::rational(exponent->re, bits_));
      }
      return power(base, kid(1));
    }
    case Op::root: {
      const Ball radicand = kid(0);
      if (radicand.failed || !meter_.spend(2 * cost)) return Ball::bad(bits_);
      if (const auto degree = exact(tree_.kid(id, 1)); degree && degree->real()) {
        if (const auto n = small_integer(degree->re); n && *n > 0 && *n <= 100000)
          return root(radicand, static_cast<unsigned long>(*n));
      }
      return power(radicand, Ball::rational(1, bits_) / kid(1));
    }
    case Op::log_base:
      return meter_.spend(8 * cost) ? log(kid(0)) / log(kid(1)) : Ball::bad(bits_);
    case Op::factorial:
      if (!meter_.spend(64 * cost)) return Ball::bad(bits_);
      return has_symbols(id) ? factorial(kid(0)) : Ball::bad(bits_);
    case Op::binomial: {
      if (!meter_.spend(192 * cost)) return Ball::bad(bits_);
      const Ball n = kid(0);
      const Ball k = kid(1);
      return factorial(n) / (factorial(k) * factorial(n - k));
    }
    case Op::modulo:
      return opaque("mod", id);
    case Op::function:
      return ball_function(id);
    case Op::sum:
    case Op::product:
      return ball_series(id);
    case Op::limit:
    case Op::integral: {
      if (node.op == Op::limit && !mentions(tree_.kid(id, 1), tree_.name(id))) return kid(1);
      const bool bounded = node.op == Op::limit || node.count == 3;
      std::vector<Ball> parts;
      if (bounded) {
        const NodeId point = tree_.kid(id, 0);
        if (tree_[point].op == Op::infinity)
          parts.push_back(Ball::random(1, bits_));
        else if (tree_[point].op == Op::negate && tree_[tree_.kid(point, 0)].op == Op::infinity)
          parts.push_back(Ball::random(2, bits_));
        else
          parts.push_back(kid(0));
        if (node.count == 3) parts.push_back(kid(1));
        dummies_.push_back(tree_.name(id));
      }
      parts.push_back(kid(node.count - 1));
      if (bounded) dummies_.pop_back();
      return opaque(node.op == Op::limit ? "limit " + std::to_string(node.aux)
                    : bounded            ? "integral"
                                         : "integral of " + tree_.name(id),
                    parts);
    }
    default:
      return Ball::bad(bits_);
  }
}

Ball Evaluator::ball_function(NodeId id) {
  const std::string& name = tree_.name(id);
  if (!meter_.spend(static_cast<std::uint64_t>(bits_ / 16))) return Ball::bad(bits_);
  if (name == "det") return ball_determinant(tree_.kid(id, 0));
  const bool variable = has_symbols(id);
  if (name == "abs") return absolute(ball(tree_.kid(id, 0)));
  if (name == "floor" || name == "ceil") {
    if (variable) return opaque(name, id);
    const Ball value = ball(tree_.kid(id, 0));
    if (value.failed || !value.is_real() || value.error > -64) return Ball::bad(bits_);
    Ball whole(bits_);
    mpfr_round(whole.re.get(), value.re.get());
    if ((value - whole).contains_zero()) return whole;
    name == "floor" ? mpfr_floor(whole.re.get(), value.re.get()) : mpfr_ceil(whole.re.get(), value.re.get());
    return whole;
  }
  if (name == "max" || name == "min") {
    if (variable) return opaque(name, id);
    Ball best = ball(tree_.kid(id, 0));
    for (const NodeId each : tree_.kids(id).subspan(1)) {
      const Ball value = ball(each);
      if (value.failed || !value.is_real() || !best.is_real()) return Ball::bad(bits_);
      if ((value - best).sign() == (name == "max" ? 1 : -1)) best = value;
    }
    return best;
  }
  if (name == "gcd" || name == "lcm" || name == "arg" || name == "Re" || name == "Im") return opaque(name, id);
  const Ball argument = ball(tree_.kid(id, 0));
  return argument.failed ? argument : elementary(name, argument);
}

Ball Evaluator::ball_determinant(NodeId matrix) {
  if (tree_[matrix].op != Op::matrix) return Ball::bad(bits_);
  const auto n = static_cast<std::size_t>(tree_[matrix].aux);
  if (tree_[matrix].count != n * n || n > 3) return Ball::bad(bits_);
  const auto cell = [&](std::size_t r, std::size_t c) { return ball(tree_.kid(matrix, r * n + c)); };
  if (n == 1) return cell(0, 0);
  const auto minor = [&](std::size_t r, std::size_t c, std::size_t d) {
    return cell(r, c) * cell(r + 1, d) - cell(r, d) * cell(r + 1, c);
  };
  if (n == 2) return minor(0, 0, 1);
  return cell(0, 0) * minor(1, 1, 2) - cell(0, 1) * minor(1, 0, 2) + cell(0, 2) * minor(1, 0, 1);
}

Ball Evaluator::ball_series(NodeId id) {
  const auto from = exact(tree_.kid(id, 0));
  const auto to = exact(tree_.kid(id, 1));
  const bool sum = tree_[id].op == Op::sum;
  if (from && to && from->real() && to->real()) {
    const auto first = small_integer(from->re);
    const auto last = small_integer(to->re);
    if (first && last) {
      if (*last >= *first && static_cast<unsigned long>(*last) - static_cast<unsigned long>(*first) > limits.steps) {
        meter_.spend(limits.steps);
        return Ball::bad(bits_);
      }
      Ball total = Ball::rational(sum ? 0 : 1, bits_);
      for (long k = *first; k <= *last && !total.failed; ++k) {
        bound_.emplace_back(tree_.name(id), k);
        const Ball value = ball(tree_.kid(id, 2));
        bound_.pop_back();
        total = sum ? total + value : total * value;
      }
      return total;
    }
  }
  std::vector<Ball> parts;
  for (const std::size_t k : {0U, 1U}) {
    parts.push_back(tree_[tree_.kid(id, k)].op == Op::infinity ? Ball::random(1, bits_) : ball(tree_.kid(id, k)));
  }
  dummies_.push_back(tree_.name(id));
  parts.push_back(ball(tree_.kid(id, 2)));
  dummies_.pop_back();
  return opaque(sum ? "sum" : "product", parts);
}

Ball Evaluator::opaque(std::string_view name, NodeId id) {
  std::vector<Ball> parts;
  for (const NodeId each : tree_.kids(id)) parts.push_back(ball(each));
  return opaque(name, parts);
}

// A function that is not evaluated: a random number that its name and its arguments' values determine.
Ball Evaluator::opaque(std::string_view name, const std::vector<Ball>& parts) const {
  std::vector<std::string> keys;
  for (const Ball& part : parts) {
    auto key = leading_bits(part, 128);
    if (!key) return Ball::bad(bits_);
    keys.push_back(std::move(*key));
  }
  if (name == "max" || name == "min" || name == "gcd" || name == "lcm") std::ranges::sort(keys);
  std::string text(name);
  for (const std::string& key : keys) text += '(' + key;
  return Ball::random(seed_of(text, static_cast<std::uint64_t>(point_)), bits_);
}

// --- keys -----------------------------------------------------------------------------------------

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
  if (first && second && first->re == second->re && first->im == second->im) return text_of(*first);
  if (!has_absolute(id)) return "~" + *key + '|' + *other;
  const auto negative = key_at(id, 3, second);  // |x| is no x
  if (!negative) return std::nullopt;
  return "~" + *key + '|' + *other + '|' + *negative;
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
