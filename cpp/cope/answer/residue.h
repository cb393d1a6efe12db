// Fingerprints of expressions: their value in F_{p^2} for two primes p of 61 bits, after Schwartz and Zippel, and Gonnet. Exact where balls are not: variables,
// pi and e are fixed pseudo-random elements; i and the square roots of integers exist there, one root chosen for each prime, so that sqrt(2) sqrt(3) = sqrt(6).
//
//   residue("x^2-1") == residue("(x-1)(x+1)")        residue("x^{10000}") != residue("x^{10000}+1")
//
// Different fingerprints prove different values; equal ones mean equal values but for a chance of about degree / 2^122.
//
// Thread-safety: pure functions of their arguments.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "cope/answer/limits.h"
#include "cope/answer/tree.h"

namespace cope::answer {

struct Residue {
  // a + b t in F_p[t] / (t^2 - g) for each of the two primes.
  std::array<std::uint64_t, 2> a{};
  std::array<std::uint64_t, 2> b{};
  bool operator==(const Residue&) const = default;
};

// None for what has no fingerprint (sines, logarithms, nested roots, sets) and where the meter is spent.
std::optional<Residue> residue(const Tree& tree, NodeId id, Meter& meter);

std::string text_of(const Residue& residue);

}  // namespace cope::answer
