// The tree of an answer: nodes in one arena, named by their index. What a node means is said at its Op; children are `kids(node)`.
//
// Thread-safety: a value; not synchronised.
#pragma once

#include <gmpxx.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cope/answer/limits.h"

namespace cope::answer {

enum class Op : std::uint8_t {
  number,     // value(); aux: significant digits of a decimal as written, 0 for integers and for what is no literal
  symbol,     // name()
  imaginary,  // i
  pi,
  euler,  // e
  infinity,
  add,           // n
  negate,        // 1
  multiply,      // n
  divide,        // 2
  power,         // base, exponent
  root,          // radicand, degree: the real root of a negative number where the degree is odd
  function,      // name(): n arguments
  application,   // name() of n arguments, a function that nobody has defined: f(2)
  log_base,      // argument, base
  factorial,     // 1
  binomial,      // n, k
  modulo,        // 2
  plus_minus,    // 1: aux is +1 for \pm and -1 for \mp
  degree,        // 1: an angle in degrees
  percent,       // 1
  tuple,         // n >= 2 in round brackets (also an open interval)
  list,          // n, separated at the top: commas; aux is ',', ';', 'a' (and) or 'o' (or)
  set,           // n in braces
  bracket,       // n in square brackets (also a closed interval)
  interval,      // 2: aux: 1 closed on the left, 2 closed on the right
  matrix,        // rows * columns cells; aux: columns
  cases,         // n statements that hold together; aux 1: the condition, the last, under which the others do
  relation,      // n >= 2 sides; name(): the signs between them, one letter each (see Parser)
  unite,         // 2
  intersect,     // 2
  subtract_set,  // 2
  empty_set,
  base_numeral,  // name(): the digits; aux: the base
  sum,           // from, to, body; name(): the variable
  product,
  integral,  // body, or from, to, body
  limit,     // point, body; aux: side (-1, 0, 1)
  measure,   // 1: name(): the unit's words
};

using NodeId = int;

struct Node {
  Op op;
  int aux;
  std::uint32_t first;  // of its children, in the pool
  std::uint32_t count;
  std::uint32_t datum;  // of its number or its name
  int height;           // of the subtree
};

class Tree {
 public:
  NodeId make(Op op, std::span<const NodeId> kids, int aux = 0) {
    int height = 1;
    for (const NodeId kid : kids) height = std::max(height, (*this)[kid].height + 1);
    tallest_ = std::max(tallest_, height);
    const auto first = static_cast<std::uint32_t>(pool_.size());
    pool_.insert(pool_.end(), kids.begin(), kids.end());
    nodes_.push_back({op, aux, first, static_cast<std::uint32_t>(kids.size()), 0, height});
    return static_cast<NodeId>(nodes_.size()) - 1;
  }
  NodeId make(Op op, std::initializer_list<NodeId> kids = {}, int aux = 0) {
    return make(op, std::span(kids.begin(), kids.size()), aux);
  }
  NodeId named(Op op, std::string name, std::span<const NodeId> kids, int aux = 0) {
    const NodeId id = make(op, kids, aux);
    nodes_.back().datum = static_cast<std::uint32_t>(names_.size());
    names_.push_back(std::move(name));
    return id;
  }
  NodeId named(Op op, std::string name, std::initializer_list<NodeId> kids = {}, int aux = 0) {
    return named(op, std::move(name), std::span(kids.begin(), kids.size()), aux);
  }
  NodeId number(mpq_class value, int digits = 0) {
    const NodeId id = make(Op::number, {}, digits);
    nodes_.back().datum = static_cast<std::uint32_t>(numbers_.size());
    numbers_.push_back(std::move(value));
    return id;
  }

  // "exact \approx rounded": says nothing more where it is true.
  struct Claim {
    NodeId exact;
    NodeId rounded;
  };
  void claim(NodeId exact, NodeId rounded) {
    if (claims_.size() < 16) claims_.push_back({exact, rounded});
  }
  const std::vector<Claim>& claims() const { return claims_; }

  const Node& operator[](NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  std::span<const NodeId> kids(NodeId id) const { return {pool_.data() + (*this)[id].first, (*this)[id].count}; }
  NodeId kid(NodeId id, std::size_t k) const { return pool_[(*this)[id].first + k]; }
  const mpq_class& value(NodeId id) const { return numbers_[(*this)[id].datum]; }
  const std::string& name(NodeId id) const { return names_[(*this)[id].datum]; }
  std::size_t size() const { return nodes_.size(); }
  // Past a limit: of nodes, or of height, since trees are walked recursively.
  bool full() const {
    return nodes_.size() > limits.nodes || pool_.size() > 2 * limits.nodes || tallest_ > limits.height;
  }

 private:
  std::vector<Node> nodes_;
  std::vector<NodeId> pool_;
  std::vector<mpq_class> numbers_;
  std::vector<std::string> names_;
  std::vector<Claim> claims_;
  int tallest_ = 0;
};

}  // namespace cope::answer
