#include "cope/answer/residue.h"

#include <gmpxx.h>

#include <string_view>

namespace cope::answer {

namespace {

__extension__ using Wide = unsigned __int128;

struct Field {
  std::uint64_t p;  // prime, 1 modulo 4
  std::uint64_t g;  // a generator's stand-in: no square modulo p
  std::uint64_t i;  // a square root of -1
};

constexpr std::array<Field, 2> fields{
    {{2305843009213693921U, 7, 583529827753931384U}, {2305843009213693693U, 2, 966685122347009555U}}};

constexpr std::uint64_t largest_factor = 1 << 12;  // primes up to here are taken out of radicands by division

std::uint64_t plus(std::uint64_t x, std::uint64_t y, std::uint64_t p) {
  const std::uint64_t sum = x + y;
  return sum >= p ? sum - p : sum;
}

std::uint64_t times(std::uint64_t x, std::uint64_t y, std::uint64_t p) {
  return static_cast<std::uint64_t>(static_cast<Wide>(x) * y % p);
}

std::uint64_t power(std::uint64_t x, std::uint64_t n, std::uint64_t p) {
  std::uint64_t result = 1;
  for (; n != 0; n >>= 1U) {
    if ((n & 1U) != 0) result = times(result, x, p);
    x = times(x, x, p);
  }
  return result;
}

// A square root of a square, after Tonelli and Shanks.
std::uint64_t root_of_square(std::uint64_t x, const Field& field) {
  const std::uint64_t p = field.p;
  std::uint64_t odd = p - 1;
  unsigned twos = 0;
  for (; odd % 2 == 0; odd /= 2) ++twos;
  std::uint64_t c = power(field.g, odd, p);
  std::uint64_t t = power(x, odd, p);
  std::uint64_t root = power(x, (odd + 1) / 2, p);
  while (t > 1) {
    unsigned order = 0;
    for (std::uint64_t u = t; u != 1; u = times(u, u, p)) ++order;
    std::uint64_t step = c;
    for (unsigned k = 0; k + order + 1 < twos; ++k) step = times(step, step, p);
    root = times(root, step, p);
    c = times(step, step, p);
    t = times(t, c, p);
    twos = order;
  }
  return root;
}

std::uint64_t hashed(std::string_view name, std::uint64_t p) {
  std::uint64_t hash = 0xCBF29CE484222325U ^ p;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  hash = (hash ^ (hash >> 31U)) * 0x94D049BB133111EBU;
  return (hash ^ (hash >> 29U)) % p;
}

Residue constant(std::uint64_t x) { return {{x % fields[0].p, x % fields[1].p}, {}}; }

Residue constant(const mpz_class& value) {
  Residue result;
  for (std::size_t k = 0; k < 2; ++k) result.a[k] = mpz_fdiv_ui(value.get_mpz_t(), fields[k].p);
  return result;
}

Residue add(const Residue& x, const Residue& y) {
  Residue z;
  for (std::size_t k = 0; k < 2; ++k) {
    z.a[k] = plus(x.a[k], y.a[k], fields[k].p);
    z.b[k] = plus(x.b[k], y.b[k], fields[k].p);
  }
  return z;
}

Residue negate(const Residue& x) {
  Residue z;
  for (std::size_t k = 0; k < 2; ++k) {
    z.a[k] = x.a[k] == 0 ? 0 : fields[k].p - x.a[k];
    z.b[k] = x.b[k] == 0 ? 0 : fields[k].p - x.b[k];
  }
  return z;
}

Residue multiply(const Residue& x, const Residue& y) {
  Residue z;
  for (std::size_t k = 0; k < 2; ++k) {
    const auto& [p, g, i] = fields[k];
    z.a[k] = plus(times(x.a[k], y.a[k], p), times(g, times(x.b[k], y.b[k], p), p), p);
    z.b[k] = plus(times(x.a[k], y.b[k], p), times(x.b[k], y.a[k], p), p);
  }
  return z;
}

std::optional<Residue> inverse(const Residue& x) {
  Residue z;
  for (std::size_t k = 0; k < 2; ++k) {
    const auto& [p, g, i] = fields[k];
    const std::uint64_t square = times(g, times(x.b[k], x.b[k], p), p);
    const std::uint64_t norm = plus(times(x.a[k], x.a[k], p), square == 0 ? 0 : p - square, p);
    if (norm == 0) return std::nullopt;
    const std::uint64_t inverted = power(norm, p - 2, p);
    z.a[k] = times(x.a[k], inverted, p);
    z.b[k] = x.b[k] == 0 ? 0 : times(p - x.b[k], inverted, p);
  }
  return z;
}

std::optional<Residue> power(const Residue& base, const mpz_class& exponent) {
  if (mpz_sizeinbase(exponent.get_mpz_t(), 2) > 256) return std::nullopt;
  if (sgn(exponent) == 0 && base == Residue{}) return std::nullopt;
  Residue result = constant(1);
  Residue square = base;
  const mpz_class count = abs(exponent);
  for (std::size_t bit = 0; bit < mpz_sizeinbase(count.get_mpz_t(), 2); ++bit) {
    if (mpz_tstbit(count.get_mpz_t(), bit) != 0) result = multiply(result, square);
    square = multiply(square, square);
  }
  return sgn(exponent) < 0 ? inverse(result) : result;
}

Residue imaginary() { return {{fields[0].i, fields[1].i}, {}}; }

// The chosen square root of a prime: of a square in F_p, else of prime / g, times t.
Residue root_of_prime(std::uint64_t prime) {
  Residue z;
  for (std::size_t k = 0; k < 2; ++k) {
    const Field& field = fields[k];
    const std::uint64_t x = prime % field.p;
    if (power(x, (field.p - 1) / 2, field.p) == 1) {
      z.a[k] = root_of_square(x, field);
    } else {
      z.b[k] = root_of_square(times(x, power(field.g, field.p - 2, field.p), field.p), field);
    }
  }
  return z;
}

// Of an integer whose prime factors are found by division; the product of its primes' roots.
std::optional<Residue> root_of_integer(mpz_class n, Meter& meter) {
  if (!meter.spend(64) || mpz_sizeinbase(n.get_mpz_t(), 2) > 128) return std::nullopt;
  Residue result = constant(1);
  if (sgn(n) == 0) return Residue{};
  if (sgn(n) < 0) {
    result = imaginary();
    n = -n;
  }
  for (std::uint64_t prime = 2; prime < largest_factor; prime += prime == 2 ? 1 : 2) {
    if (n < mpz_class(prime) * prime) break;
    while (mpz_divisible_ui_p(n.get_mpz_t(), prime) != 0) {
      mpz_divexact_ui(n.get_mpz_t(), n.get_mpz_t(), prime);
      if (mpz_divisible_ui_p(n.get_mpz_t(), prime) != 0) {
        mpz_divexact_ui(n.get_mpz_t(), n.get_mpz_t(), prime);
        result = multiply(result, constant(prime));
      } else {
        result = multiply(result, root_of_prime(prime));
      }
    }
  }
  if (n == 1) return result;
  if (mpz_perfect_square_p(n.get_mpz_t()) != 0) return multiply(result, constant(mpz_class(sqrt(n))));
  if (n >= mpz_class(largest_factor) * largest_factor) return std::nullopt;  // perhaps no prime
  return multiply(result, root_of_prime(n.get_ui()));
}

class Walk {
 public:
  Walk(const Tree& tree, Meter& meter) : tree_(tree), meter_(meter) {}

  std::optional<Residue> of(NodeId id) {
    if (!meter_.spend(1)) return std::nullopt;
    const Node& node = tree_[id];
    switch (node.op) {
      case Op::number:
        return rational(tree_.value(id));
      case Op::imaginary:
        return imaginary();
      case Op::pi:
        return named("the number pi");
      case Op::euler:
        return named("the number e");
      case Op::symbol:
        return named("variable " + tree_.name(id));
      case Op::add: {
        Residue total;
        for (const NodeId kid : tree_.kids(id)) {
          const auto value = of(kid);
          if (!value) return std::nullopt;
          total = add(total, *value);
        }
        return total;
      }
      case Op::multiply: {
        Residue total = constant(1);
        for (const NodeId kid : tree_.kids(id)) {
          const auto value = of(kid);
          if (!value) return std::nullopt;
          total = multiply(total, *value);
        }
        return total;
      }
      case Op::negate: {
        const auto value = of(tree_.kid(id, 0));
        return value ? std::optional(negate(*value)) : std::nullopt;
      }
      case Op::divide: {
        const auto above = of(tree_.kid(id, 0));
        const auto below = above ? of(tree_.kid(id, 1)) : std::nullopt;
        const auto inverted = below ? inverse(*below) : std::nullopt;
        return inverted ? std::optional(multiply(*above, *inverted)) : std::nullopt;
      }
      case Op::power: {
        const auto exponent = integer(tree_.kid(id, 1));
        const auto base = exponent ? of(tree_.kid(id, 0)) : std::nullopt;
        return base && meter_.spend(8) ? power(*base, *exponent) : std::nullopt;
      }
      case Op::root: {
        const auto degree = integer(tree_.kid(id, 1));
        if (!degree || *degree != 2) return std::nullopt;
        const NodeId radicand = tree_.kid(id, 0);
        if (tree_[radicand].op == Op::number) {
          const mpq_class& value = tree_.value(radicand);
          const auto above = root_of_integer(value.get_num() * value.get_den(), meter_);
          const auto below = inverse(constant(value.get_den()));
          return above && below ? std::optional(multiply(*above, *below)) : std::nullopt;
        }
        if (tree_[radicand].op == Op::divide) {
          const auto above = integer(tree_.kid(radicand, 0));
          const auto below = above ? integer(tree_.kid(radicand, 1)) : std::nullopt;
          const auto root = below ? root_of_integer(*above * *below, meter_) : std::nullopt;
          const auto inverted = root ? inverse(constant(*below)) : std::nullopt;
          return inverted ? std::optional(multiply(*root, *inverted)) : std::nullopt;
        }
        const auto whole = integer(radicand);
        return whole ? root_of_integer(*whole, meter_) : std::nullopt;
      }
      default:
        return std::nullopt;
    }
  }

 private:
  static std::optional<Residue> rational(const mpq_class& value) {
    const auto below = inverse(constant(value.get_den()));
    return below ? std::optional(multiply(constant(value.get_num()), *below)) : std::nullopt;
  }

  static Residue named(const std::string& name) { return {{hashed(name, fields[0].p), hashed(name, fields[1].p)}, {}}; }

  // An integer literal, its negation, or a power, product, sum of such that stays small.
  std::optional<mpz_class> integer(NodeId id) {
    if (!meter_.spend(1)) return std::nullopt;
    const Node& node = tree_[id];
    mpz_class result;
    switch (node.op) {
      case Op::number:
        if (tree_.value(id).get_den() != 1) return std::nullopt;
        result = tree_.value(id).get_num();
        break;
      case Op::negate: {
        const auto value = integer(tree_.kid(id, 0));
        if (!value) return std::nullopt;
        result = -*value;
        break;
      }
      case Op::add:
      case Op::multiply: {
        result = node.op == Op::add ? 0 : 1;
        for (const NodeId kid : tree_.kids(id)) {
          const auto value = integer(kid);
          if (!value) return std::nullopt;
          node.op == Op::add ? result += * value : result *= *value;
          if (mpz_sizeinbase(result.get_mpz_t(), 2) > 256) return std::nullopt;
        }
        break;
      }
      case Op::power: {
        const auto base = integer(tree_.kid(id, 0));
        const auto exponent = base ? integer(tree_.kid(id, 1)) : std::nullopt;
        if (!exponent || *exponent < 0 || *exponent > 256 ||
            mpz_sizeinbase(base->get_mpz_t(), 2) * exponent->get_ui() > 512)
          return std::nullopt;
        mpz_pow_ui(result.get_mpz_t(), base->get_mpz_t(), exponent->get_ui());
        break;
      }
      default:
        return std::nullopt;
    }
    if (mpz_sizeinbase(result.get_mpz_t(), 2) > 256) return std::nullopt;
    return result;
  }

  const Tree& tree_;
  Meter& meter_;
};

}  // namespace

std::optional<Residue> residue(const Tree& tree, NodeId id, Meter& meter) { return Walk(tree, meter).of(id); }

std::string text_of(const Residue& residue) {
  std::string text;
  for (std::size_t k = 0; k < 2; ++k) {
    text += (k == 0 ? "" : ",") + std::to_string(residue.a[k]);
    if (residue.b[k] != 0) text += "+" + std::to_string(residue.b[k]) + "t";
  }
  return text;
}

}  // namespace cope::answer
