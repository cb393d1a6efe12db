#include "cope/answer/ball.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace cope::answer {

namespace {

constexpr double out_of_range = 1 << 18;  // bits of a magnitude

double log_of(const Real& value) { return value.zero() ? Ball::exact : static_cast<double>(mpfr_get_exp(value.get())); }

// log2(2^a + 2^b), rounded up.
double sum(double a, double b) {
  const double high = std::max(a, b);
  const double low = std::min(a, b);
  if (high == Ball::exact) return high;
  return high - low > 8 ? high + 0.01 : high + 1;
}

double rounding(const Ball& a) { return a.magnitude() - static_cast<double>(a.bits()) + 1; }

Ball done(Ball a, double error) {
  a.error = sum(error, rounding(a));
  a.settle();
  return a;
}

Ball integer(long value, mpfr_prec_t bits) {
  Ball a(bits);
  mpfr_set_si(a.re.get(), value, MPFR_RNDN);
  return a;
}

Ball times_i(const Ball& a) {
  Ball b = a;
  std::swap(b.re, b.im);
  mpfr_neg(b.re.get(), b.re.get(), MPFR_RNDN);
  return b;
}

std::uint64_t mixed(std::uint64_t x) {  // splitmix64
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31U);
}

// MPFR keeps constants such as pi for each thread; they go with it.
struct Caches {
  ~Caches() { mpfr_free_cache2(MPFR_FREE_LOCAL_CACHE); }
};

}  // namespace

void free_caches_at_thread_end() {
  thread_local const Caches caches;
  (void)caches;
}

Ball Ball::bad(mpfr_prec_t bits) {
  Ball a(bits);
  a.failed = true;
  return a;
}

Ball Ball::rational(const mpq_class& value, mpfr_prec_t bits) { return gaussian(value, 0, bits); }

Ball Ball::gaussian(const mpq_class& real, const mpq_class& imaginary, mpfr_prec_t bits) {
  Ball a(bits);
  const int inexact =
      mpfr_set_q(a.re.get(), real.get_mpq_t(), MPFR_RNDN) | mpfr_set_q(a.im.get(), imaginary.get_mpq_t(), MPFR_RNDN);
  if (inexact != 0) a.error = rounding(a);
  a.settle();
  return a;
}

Ball Ball::pi(mpfr_prec_t bits) {
  Ball a(bits);
  mpfr_const_pi(a.re.get(), MPFR_RNDN);
  a.error = rounding(a);
  return a;
}

Ball Ball::euler(mpfr_prec_t bits) { return exp(integer(1, bits)); }

Ball Ball::random(std::uint64_t seed, mpfr_prec_t bits) {
  constexpr std::size_t words = 40;
  std::array<std::uint64_t, words> digits{};
  for (std::size_t k = 0; k < words; ++k) digits[k] = mixed(seed + k * 0xD1B54A32D192ED03U);
  mpz_class fraction;
  mpz_import(fraction.get_mpz_t(), words, 1, sizeof(std::uint64_t), 0, 0, digits.data());
  Ball a(bits);
  mpfr_set_z_2exp(a.re.get(), fraction.get_mpz_t(), -64 * static_cast<long>(words), MPFR_RNDN);
  mpfr_mul_ui(a.re.get(), a.re.get(), 4, MPFR_RNDN);
  mpfr_div_ui(a.re.get(), a.re.get(), 5, MPFR_RNDN);
  Real low(bits);
  mpfr_set_ui(low.get(), 11, MPFR_RNDN);
  mpfr_div_ui(low.get(), low.get(), 10, MPFR_RNDN);
  mpfr_add(a.re.get(), a.re.get(), low.get(), MPFR_RNDN);
  a.error = rounding(a) + 2;
  return a;
}

double Ball::magnitude() const { return std::max(log_of(re), log_of(im)); }

int Ball::sign() const { return contains_zero() ? 0 : mpfr_sgn(re.get()); }

void Ball::settle() {
  if (failed) return;
  if (mpfr_number_p(re.get()) == 0 || mpfr_number_p(im.get()) == 0 || magnitude() > out_of_range || std::isnan(error)) {
    failed = true;
    return;
  }
  if (log_of(im) <= error) mpfr_set_zero(im.get(), 1);
  if (!im.zero() && log_of(re) <= error) mpfr_set_zero(re.get(), 1);
}

Ball operator+(const Ball& a, const Ball& b) {
  if (a.failed || b.failed) return Ball::bad(a.bits());
  Ball c(a.bits());
  mpfr_add(c.re.get(), a.re.get(), b.re.get(), MPFR_RNDN);
  mpfr_add(c.im.get(), a.im.get(), b.im.get(), MPFR_RNDN);
  return done(std::move(c), sum(a.error, b.error));
}

Ball operator-(const Ball& a) {
  Ball c = a;
  mpfr_neg(c.re.get(), c.re.get(), MPFR_RNDN);
  mpfr_neg(c.im.get(), c.im.get(), MPFR_RNDN);
  return c;
}

Ball operator-(const Ball& a, const Ball& b) { return a + -b; }

Ball operator*(const Ball& a, const Ball& b) {
  if (a.failed || b.failed) return Ball::bad(a.bits());
  Ball c(a.bits());
  if (a.is_real() && b.is_real()) {
    mpfr_mul(c.re.get(), a.re.get(), b.re.get(), MPFR_RNDN);
  } else {
    mpfr_fmms(c.re.get(), a.re.get(), b.re.get(), a.im.get(), b.im.get(), MPFR_RNDN);
    mpfr_fmma(c.im.get(), a.re.get(), b.im.get(), a.im.get(), b.re.get(), MPFR_RNDN);
  }
  const double cross = sum(a.magnitude() + b.error, b.magnitude() + a.error);
  const double error =
      sum(sum(cross, a.error + b.error), a.magnitude() + b.magnitude() - static_cast<double>(a.bits()));
  return done(std::move(c), std::isnan(error) ? Ball::exact : error + 1);
}

Ball operator/(const Ball& a, const Ball& b) {
  if (a.failed || b.failed || b.error >= b.magnitude() - 3 || b.magnitude() == Ball::exact) return Ball::bad(a.bits());
  Ball c(a.bits());
  if (a.is_real() && b.is_real()) {
    mpfr_div(c.re.get(), a.re.get(), b.re.get(), MPFR_RNDN);
  } else {
    Real norm(a.bits());
    mpfr_fmma(norm.get(), b.re.get(), b.re.get(), b.im.get(), b.im.get(), MPFR_RNDN);
    mpfr_fmma(c.re.get(), a.re.get(), b.re.get(), a.im.get(), b.im.get(), MPFR_RNDN);
    mpfr_fmms(c.im.get(), a.im.get(), b.re.get(), a.re.get(), b.im.get(), MPFR_RNDN);
    mpfr_div(c.re.get(), c.re.get(), norm.get(), MPFR_RNDN);
    mpfr_div(c.im.get(), c.im.get(), norm.get(), MPFR_RNDN);
  }
  const double carried = sum(a.error, c.magnitude() + 1 + b.error) - b.magnitude() + 3;
  const double error = sum(carried, c.magnitude() - static_cast<double>(a.bits()) + 3);
  return done(std::move(c), std::isnan(error) ? Ball::exact : error);
}

Ball sqrt(const Ball& a) {
  if (a.failed) return a;
  if (!a.is_real()) return exp(log(a) / integer(2, a.bits()));
  Ball c(a.bits());
  Real size(a.bits());
  mpfr_abs(size.get(), a.re.get(), MPFR_RNDN);
  const double error = a.error == Ball::exact ? Ball::exact
                       : a.contains_zero()    ? a.error / 2 + 2
                                              : a.error - a.magnitude() / 2 + 2;
  const bool negative = mpfr_sgn(a.re.get()) < 0 && !a.contains_zero();
  mpfr_sqrt(negative ? c.im.get() : c.re.get(), size.get(), MPFR_RNDN);
  return done(std::move(c), error);
}

Ball exp(const Ball& a) {
  if (a.failed || a.error > 0 || a.magnitude() > 18) return Ball::bad(a.bits());
  Ball c(a.bits());
  mpfr_exp(c.re.get(), a.re.get(), MPFR_RNDN);
  double error = log_of(c.re) + a.error + 2;
  if (!a.is_real()) {
    Real sine(a.bits());
    Real cosine(a.bits());
    mpfr_sin_cos(sine.get(), cosine.get(), a.im.get(), MPFR_RNDN);
    mpfr_mul(c.im.get(), c.re.get(), sine.get(), MPFR_RNDN);
    error = sum(error, log_of(c.re) - static_cast<double>(a.bits()) + 3);
    mpfr_mul(c.re.get(), c.re.get(), cosine.get(), MPFR_RNDN);
  }
  return done(std::move(c), error);
}

Ball log(const Ball& a) {
  if (a.failed || a.contains_zero()) return Ball::bad(a.bits());
  Ball c(a.bits());
  if (a.is_real()) {
    Real size(a.bits());
    mpfr_abs(size.get(), a.re.get(), MPFR_RNDN);
    mpfr_log(c.re.get(), size.get(), MPFR_RNDN);
    if (mpfr_sgn(a.re.get()) < 0) mpfr_const_pi(c.im.get(), MPFR_RNDN);
  } else {
    mpfr_hypot(c.re.get(), a.re.get(), a.im.get(), MPFR_RNDN);
    mpfr_log(c.re.get(), c.re.get(), MPFR_RNDN);
    mpfr_atan2(c.im.get(), a.im.get(), a.re.get(), MPFR_RNDN);
  }
  return done(std::move(c), sum(a.error - a.magnitude() + 2, 2 - static_cast<double>(a.bits())));
}

Ball power(const Ball& base, long exponent) {
  if (base.failed) return base;
  Ball result = integer(1, base.bits());
  Ball square = base;
  for (auto left = static_cast<unsigned long>(exponent < 0 ? -exponent : exponent); left != 0; left >>= 1U) {
    if ((left & 1U) != 0) result = result * square;
    if (left > 1) square = square * square;
    if (result.failed) return result;
  }
  return exponent < 0 ? integer(1, base.bits()) / result : result;
}

Ball power(const Ball& base, const Ball& exponent) {
  if (base.failed || exponent.failed) return Ball::bad(base.bits());
  if (exponent.is_real() && exponent.error == Ball::exact && mpfr_integer_p(exponent.re.get()) != 0 &&
      mpfr_cmpabs_ui(exponent.re.get(), 4096) <= 0) {
    return power(base, mpfr_get_si(exponent.re.get(), MPFR_RNDN));
  }
  if (base.magnitude() == Ball::exact && base.error == Ball::exact)
    return exponent.is_real() && exponent.sign() > 0 ? base : Ball::bad(base.bits());
  return exp(exponent * log(base));
}

Ball root(const Ball& a, unsigned long degree) {
  if (a.failed || degree == 0) return Ball::bad(a.bits());
  if (degree == 1) return a;
  if (degree == 2) return sqrt(a);
  if (a.magnitude() == Ball::exact && a.error == Ball::exact) return a;
  const bool flip = a.is_real() && a.sign() < 0 && degree % 2 == 1;
  const Ball result = exp(log(flip ? -a : a) / integer(static_cast<long>(degree), a.bits()));
  return flip ? -result : result;
}

Ball factorial(const Ball& a) {
  if (a.failed || !a.is_real() || a.magnitude() > 14 || mpfr_cmp_si(a.re.get(), -1) <= 0) return Ball::bad(a.bits());
  Ball c(a.bits());
  mpfr_add_ui(c.re.get(), a.re.get(), 1, MPFR_RNDN);
  mpfr_gamma(c.re.get(), c.re.get(), MPFR_RNDN);
  const double error = c.magnitude() + sum(a.error, -static_cast<double>(a.bits())) + 16;
  return done(std::move(c), error);
}

Ball absolute(const Ball& a) {
  if (a.failed) return a;
  Ball c(a.bits());
  if (a.is_real()) {
    mpfr_abs(c.re.get(), a.re.get(), MPFR_RNDN);
  } else {
    mpfr_hypot(c.re.get(), a.re.get(), a.im.get(), MPFR_RNDN);
  }
  return done(std::move(c), a.error);
}

namespace {

Ball sine(const Ball& a) {
  if (a.failed || a.magnitude() > 64 || a.error > 0) return Ball::bad(a.bits());
  if (!a.is_real()) {
    const Ball forward = exp(times_i(a));
    const Ball backward = exp(-times_i(a));
    return -times_i((forward - backward) / integer(2, a.bits()));
  }
  Ball c(a.bits());
  mpfr_sin(c.re.get(), a.re.get(), MPFR_RNDN);
  return done(std::move(c), a.error + 1);
}

Ball cosine(const Ball& a) {
  if (a.failed || a.magnitude() > 64 || a.error > 0) return Ball::bad(a.bits());
  if (!a.is_real()) return (exp(times_i(a)) + exp(-times_i(a))) / integer(2, a.bits());
  Ball c(a.bits());
  mpfr_cos(c.re.get(), a.re.get(), MPFR_RNDN);
  return done(std::move(c), a.error + 1);
}

Ball arcsine(const Ball& a) {
  if (a.failed) return a;
  const Ball one = integer(1, a.bits());
  const Ball rest = one - a * a;
  if (a.is_real() && mpfr_cmpabs(a.re.get(), one.re.get()) <= 0) {
    Ball c(a.bits());
    mpfr_asin(c.re.get(), a.re.get(), MPFR_RNDN);
    if (a.error == Ball::exact) return done(std::move(c), Ball::exact);
    return done(std::move(c), rest.contains_zero() ? a.error / 2 + 3 : a.error - rest.magnitude() / 2 + 2);
  }
  return -times_i(log(times_i(a) + sqrt(rest)));
}

Ball arctangent(const Ball& a) {
  if (a.failed) return a;
  if (a.is_real()) {
    Ball c(a.bits());
    mpfr_atan(c.re.get(), a.re.get(), MPFR_RNDN);
    return done(std::move(c), a.error + 1);
  }
  const Ball one = integer(1, a.bits());
  return times_i(log(one - times_i(a)) - log(one + times_i(a))) / integer(2, a.bits());
}

}  // namespace

Ball elementary(const std::string& name, const Ball& a) {
  const mpfr_prec_t bits = a.bits();
  const Ball one = integer(1, bits);
  const Ball two = integer(2, bits);
  if (name == "sin") return sine(a);
  if (name == "cos") return cosine(a);
  if (name == "tan") return sine(a) / cosine(a);
  if (name == "cot") return cosine(a) / sine(a);
  if (name == "sec") return one / cosine(a);
  if (name == "csc") return one / sine(a);
  if (name == "ln") return log(a);
  if (name == "exp") return exp(a);
  if (name == "asin") return arcsine(a);
  if (name == "acos") return Ball::pi(bits) / two - arcsine(a);
  if (name == "atan") return arctangent(a);
  if (name == "acot") return Ball::pi(bits) / two - arctangent(a);
  if (name == "asec") return Ball::pi(bits) / two - arcsine(one / a);
  if (name == "acsc") return arcsine(one / a);
  if (name == "sinh") return (exp(a) - exp(-a)) / two;
  if (name == "cosh") return (exp(a) + exp(-a)) / two;
  if (name == "tanh") return (exp(a) - exp(-a)) / (exp(a) + exp(-a));
  if (name == "coth") return (exp(a) + exp(-a)) / (exp(a) - exp(-a));
  if (name == "sech") return two / (exp(a) + exp(-a));
  if (name == "csch") return two / (exp(a) - exp(-a));
  if (name == "asinh") return log(a + sqrt(a * a + one));
  if (name == "acosh") return log(a + sqrt(a + one) * sqrt(a - one));
  if (name == "atanh") return (log(one + a) - log(one - a)) / two;
  return Ball::bad(bits);
}

std::optional<mpq_class> small_rational(const Real& value, double error, std::size_t height_bits) {
  if (value.zero()) return mpq_class(0);
  const double magnitude = log_of(value);
  const double accuracy = magnitude - error;  // bits that are right
  if (std::abs(magnitude) > static_cast<double>(height_bits) || accuracy < 2.0 * static_cast<double>(height_bits))
    return std::nullopt;
  mpq_class rest;
  mpfr_get_q(rest.get_mpq_t(), value.get());
  const mpq_class whole = rest;
  // Convergents p / q of the continued fraction, until one is as close as the error.
  mpz_class p0 = 0;
  mpz_class p = 1;
  mpz_class q0 = 1;
  mpz_class q = 0;
  for (int step = 0; step < 256; ++step) {
    mpz_class digit;
    mpz_fdiv_q(digit.get_mpz_t(), rest.get_num_mpz_t(), rest.get_den_mpz_t());
    mpz_class p2 = digit * p + p0;
    mpz_class q2 = digit * q + q0;
    p0 = p;
    q0 = q;
    p = p2;
    q = q2;
    if (mpz_sizeinbase(p.get_mpz_t(), 2) + mpz_sizeinbase(q.get_mpz_t(), 2) > height_bits + 2) return std::nullopt;
    rest -= digit;
    mpq_class candidate(p, q);
    mpq_class distance = whole - candidate;
    if (sgn(distance) == 0) return candidate;
    const auto size = static_cast<double>(mpz_sizeinbase(distance.get_num_mpz_t(), 2)) -
                      static_cast<double>(mpz_sizeinbase(distance.get_den_mpz_t(), 2));
    if (size <= error + 2) return candidate;
    if (sgn(rest) == 0) return std::nullopt;
    rest = 1 / rest;
  }
  return std::nullopt;
}

std::optional<std::string> leading_bits(const Ball& a, long count) {
  if (a.failed) return std::nullopt;
  const double magnitude = a.magnitude();
  if (magnitude == Ball::exact) return "0";
  if (a.error > magnitude - static_cast<double>(count) - 60) return std::nullopt;
  // An offset that no number of interest falls on: floor(x / quantum + offset) is then never at an edge.
  constexpr double offset = 0.3183098861837907;
  std::string out = std::to_string(static_cast<long>(magnitude));
  for (const Real* part : {&a.re, &a.im}) {
    Real scaled(a.bits());
    mpfr_mul_2si(scaled.get(), part->get(), count - static_cast<long>(magnitude), MPFR_RNDN);
    mpfr_add_d(scaled.get(), scaled.get(), offset, MPFR_RNDN);
    mpz_class digits;
    mpfr_get_z(digits.get_mpz_t(), scaled.get(), MPFR_RNDD);
    out += ':';
    out += digits.get_str(62);
  }
  return out;
}

}  // namespace cope::answer
