#include "cope/answer/gaussian.h"

#include <algorithm>

#include "cope/answer/limits.h"
#include "cope/base/digest.h"

namespace cope::answer {

namespace {

std::string shortened(const std::string& text) { return text.size() <= 96 ? text : '#' + sha256(text).hex(); }

}  // namespace

std::size_t height(const mpq_class& value) {
  return std::max(mpz_sizeinbase(value.get_num_mpz_t(), 2), mpz_sizeinbase(value.get_den_mpz_t(), 2));
}

bool fits(const Gaussian& value) {
  return height(value.re) <= limits.exact_bits && height(value.im) <= limits.exact_bits;
}

std::optional<long> small_integer(const mpq_class& value) {
  if (!integral(value) || !mpz_fits_slong_p(value.get_num_mpz_t())) return std::nullopt;
  return value.get_num().get_si();
}

Gaussian multiply(const Gaussian& a, const Gaussian& b) {
  if (a.real() && b.real()) return {a.re * b.re, 0};
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

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

std::string text_of(const Gaussian& value) {
  if (value.real()) return shortened(value.re.get_str());
  if (sgn(value.re) == 0) return shortened(value.im.get_str() + "i");
  return shortened(value.re.get_str() + (sgn(value.im) > 0 ? "+" : "") + value.im.get_str() + "i");
}

}  // namespace cope::answer
