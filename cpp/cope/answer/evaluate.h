// The value of an expression: exactly, as a complex number with rational parts, or else as balls, at two fixed pseudo-random points where it has
// variables. Its key is a string: equal values have equal keys, and (but for one pair in about 2^60) different values different ones.
//
//   "\\frac{6}{8}" -> "3/4"        "\\sin 30^\\circ" -> "1/2"        "x^2-1" and "(x-1)(x+1)" -> "~1:..." the same bits
//
// Thread-safety: an Evaluator belongs to one call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cope/answer/ball.h"
#include "cope/answer/gaussian.h"
#include "cope/answer/limits.h"
#include "cope/answer/tree.h"

namespace cope::answer {

class Evaluator {
 public:
  Evaluator(const Tree& tree, Meter& meter) : tree_(tree), meter_(meter) {}

  // Which of the two values a +- takes while it is set; 0: expressions with +- have no value.
  void choose(int sign) { sign_ = sign; }

  // None where the value is not rational, has variables, or is too large.
  std::optional<Gaussian> exact(NodeId id);

  // At point 0 to 7: at 3 all variables are negative; at 4 to 7 they are large and small in turn, and in the other order. Bad where there is no value within
  // limits.
  Ball at(NodeId id, int point, mpfr_prec_t bits);

  // None where there is no value within limits.
  std::optional<std::string> key(NodeId id);

  // The order of two real constants: -1, 0, 1; none where they are no real constants.
  std::optional<int> compare(NodeId a, NodeId b);

  bool has_symbols(NodeId id) const;
  bool has_plus_minus(NodeId id) const;
  bool mentions(NodeId id, const std::string& symbol) const;
  bool mentions_pi(NodeId id) const;

  // What |u| and even roots of u, where u has variables, do to an expression.
  struct Folds {
    bool turns =
        false;  // u may change its sign among positive values of the variables, as in |x - 3| and \sqrt{(x - 3)^2}
    bool absolute = false;  // |u| of a u that does not: |x|
  };
  Folds folds(NodeId id);
  // What tells apart expressions that differ only beyond a fold: their values at points 3 to 7, as far as there are folds, over another value.
  static constexpr long folded_key_bits = 96;
  std::vector<std::string> folded(NodeId id, Folds folds, const Ball& over);

  bool inexact_used() const { return balls_used_; }  // whether a key needed balls

 private:
  std::optional<Gaussian> exact_power(NodeId base, NodeId exponent);
  std::optional<Gaussian> exact_function(const std::string& name, NodeId id);
  std::optional<Gaussian> exact_series(NodeId id);
  Ball ball(NodeId id);
  Ball ball_function(NodeId id);
  Ball ball_determinant(NodeId matrix);
  Ball ball_series(NodeId id);
  Ball opaque(std::string_view name, NodeId id);
  Ball opaque(std::string_view name, const std::vector<Ball>& parts) const;
  // Of positive values of the variables.
  enum class Sign : std::uint8_t { unknown, positive, negative, never_negative };
  struct Range {
    Sign sign = Sign::unknown;
    bool variable = false;
  };
  bool even_root(NodeId id);
  bool has_folds(NodeId id);
  bool is_square(NodeId id) const;
  Range range(NodeId id, Folds& folds, bool squared);
  Sign sign_of(NodeId id, const std::vector<Range>& kids);
  Sign sign_inside(NodeId id, Sign written, bool& even);
  Ball variable(const std::string& name) const;
  std::optional<std::string> ball_key(NodeId id);
  std::optional<std::string> key_at(NodeId id, int point, std::optional<Gaussian>& rational);

  const Tree& tree_;
  Meter& meter_;
  int sign_ = 0;
  int point_ = 0;
  mpfr_prec_t bits_ = 0;
  double spread_ = 0;  // how far apart the terms of sums are, in bits: bits that a key must hold beyond the usual
  bool balls_used_ = false;
  std::vector<std::pair<std::string_view, mpq_class>> bound_;  // variables of sums and products
  std::vector<std::string_view> dummies_;                      // those that have no value: of integrals, limits
};

}  // namespace cope::answer
