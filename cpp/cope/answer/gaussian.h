// Exact complex numbers with rational parts, and what may be done with them without growing past limits.
//
//   text_of(divide({1, 0}, {0, 1})) == "-1i"        integer_power({mpq_class(2), 0}, -3)->re == mpq_class(1, 8)
//
// Thread-safety: values and pure functions.
#pragma once

#include <gmpxx.h>

#include <cstddef>
#include <optional>
#include <string>

namespace cope::answer {

struct Gaussian {
  mpq_class re;
  mpq_class im;
  bool real() const { return sgn(im) == 0; }
};

inline bool zero(const Gaussian& a) { return sgn(a.re) == 0 && sgn(a.im) == 0; }
inline bool integral(const mpq_class& value) { return value.get_den() == 1; }

// Bits of the larger of numerator and denominator.
std::size_t height(const mpq_class& value);

// Whether both parts are within limits.
bool fits(const Gaussian& value);

std::optional<long> small_integer(const mpq_class& value);
mpz_class floor_of(const mpq_class& value);

Gaussian multiply(const Gaussian& a, const Gaussian& b);
Gaussian divide(const Gaussian& a, const Gaussian& b);  // REQUIRES: b is not zero

// The exact real root of a number that is not negative; none where it is irrational.
std::optional<mpq_class> exact_root(const mpq_class& value, unsigned long degree);

// None for 0^0, 1/0, and where the result is beyond limits.
std::optional<Gaussian> integer_power(const Gaussian& base, long exponent);

// "3/4", "2i", "1-2i"; the digest of a long one.
std::string text_of(const Gaussian& value);

}  // namespace cope::answer
