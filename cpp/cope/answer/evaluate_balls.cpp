#include <algorithm>
#include <cmath>

#include "cope/answer/evaluate.h"

// Values as balls, at the point and the precision that the evaluator has been set to.
namespace cope::answer {

namespace {

std::uint64_t seed_of(std::string_view name, std::uint64_t point) {
  std::uint64_t hash = 0xCBF29CE484222325U + point * 0x9E3779B97F4A7C15U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return hash;
}

}  // namespace

Ball Evaluator::at(NodeId id, int point, mpfr_prec_t bits) {
  free_caches_at_thread_end();
  point_ = point;
  bits_ = bits;
  balls_used_ = true;
  return ball(id);
}

Ball Evaluator::variable(const std::string& name) const {
  if (point_ < 3) return Ball::random(seed_of(name, static_cast<std::uint64_t>(point_)), bits_);
  if (point_ == 3) return -Ball::random(seed_of(name, 3), bits_);
  // Between 48 and 145, then between 9 and 5 million, each with its reciprocals: x - y, x - 3 and most of x - 2 y are positive at one and negative at another.
  const Ball random = Ball::random(seed_of(name, 4), bits_);
  const Ball large = point_ < 6 ? power(random, 2) * Ball::rational(40, bits_) : power(random, 24);
  return point_ % 2 == 0 ? large : Ball::rational(1, bits_) / large;
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
      return variable(tree_.name(id));
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
    case Op::application:
      return opaque("function " + tree_.name(id), id);
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

}  // namespace cope::answer
