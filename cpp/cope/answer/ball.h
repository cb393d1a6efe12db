// Complex balls: a midpoint of `bits` bits and a bound of its absolute error, carried through every operation. What a ball cannot decide (a division by
// something that may be zero, a result too large) makes it `bad`, and bad balls stay bad.
//
//   Ball x = Ball::rational(mpq_class(1, 3), 320);
//   Ball y = sqrt(x) * sqrt(x);        // contains 1/3; y.error() about 2^-320
//
// Bounds are kept as base-2 logarithms in doubles, rounded up generously.
//
// Thread-safety: a value; MPFR is used through thread-local state only.
#pragma once

#include <gmpxx.h>
#include <mpfr.h>

#include <cstddef>
#include <limits>
#include <optional>
#include <string>

namespace cope::answer {

class Real {  // owns an mpfr_t
 public:
  explicit Real(mpfr_prec_t bits) { mpfr_init2(value_, bits), mpfr_set_zero(value_, 1); }
  Real(const Real& other) {
    mpfr_init2(value_, mpfr_get_prec(other.value_)), mpfr_set(value_, other.value_, MPFR_RNDN);
  }
  Real(Real&& other) noexcept : Real(2) { mpfr_swap(value_, other.value_); }
  Real& operator=(const Real& other) {
    if (this != &other) mpfr_set_prec(value_, mpfr_get_prec(other.value_)), mpfr_set(value_, other.value_, MPFR_RNDN);
    return *this;
  }
  Real& operator=(Real&& other) noexcept {
    mpfr_swap(value_, other.value_);
    return *this;
  }
  ~Real() { mpfr_clear(value_); }
  mpfr_ptr get() { return value_; }
  mpfr_srcptr get() const { return value_; }
  bool zero() const { return mpfr_zero_p(value_) != 0; }

 private:
  mpfr_t value_;
};

// To be called on a thread before its first balls.
void free_caches_at_thread_end();

class Ball {
 public:
  static constexpr double exact = -std::numeric_limits<double>::infinity();

  explicit Ball(mpfr_prec_t bits) : re(bits), im(bits) {}
  static Ball bad(mpfr_prec_t bits);
  static Ball rational(const mpq_class& value, mpfr_prec_t bits);
  static Ball gaussian(const mpq_class& real, const mpq_class& imaginary, mpfr_prec_t bits);
  static Ball pi(mpfr_prec_t bits);
  static Ball euler(mpfr_prec_t bits);
  // A number in (1.1, 1.9) that the seed determines, the same at every precision.
  static Ball random(std::uint64_t seed, mpfr_prec_t bits);

  mpfr_prec_t bits() const { return mpfr_get_prec(re.get()); }
  bool is_bad() const { return failed; }
  bool is_real() const { return im.zero(); }
  double magnitude() const;  // log2 |value| <= magnitude + 1/2; -inf for 0
  bool contains_zero() const { return magnitude() <= error + 1; }
  int sign() const;  // of a real ball: 0 where it contains zero

  Real re;
  Real im;
  double error = exact;  // log2 of the bound of the absolute error
  bool failed = false;

  // Rounds what cannot be told from zero to zero, and fails on what is out of range.
  void settle();
};

Ball operator+(const Ball& a, const Ball& b);
Ball operator-(const Ball& a, const Ball& b);
Ball operator-(const Ball& a);
Ball operator*(const Ball& a, const Ball& b);
Ball operator/(const Ball& a, const Ball& b);

Ball sqrt(const Ball& a);
Ball exp(const Ball& a);
Ball log(const Ball& a);                             // principal
Ball power(const Ball& base, const Ball& exponent);  // principal
Ball power(const Ball& base, long exponent);
Ball root(const Ball& a, unsigned long degree);  // real for a negative radicand and an odd degree
Ball factorial(const Ball& a);                   // gamma(a + 1), real
Ball absolute(const Ball& a);

// sin, cos, ..., asin, ..., sinh, ..., asinh, ...; bad for other names.
Ball elementary(const std::string& name, const Ball& a);

// The one rational of small height in a real ball, where there is one: at most `height_bits` for numerator and denominator together.
std::optional<mpq_class> small_rational(const Real& value, double error, std::size_t height_bits);

// The first bits of a ball, the same for all balls of one number (but for one in about 2^60): none where the error is too large.
std::optional<std::string> leading_bits(const Ball& a, long count);

}  // namespace cope::answer
