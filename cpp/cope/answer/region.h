// Subsets of the real line: finite unions of intervals and points with constant ends. Inequalities convert to them.
//
//   (-oo, 2) u (3, oo)      (2, 102) \ {12}      |x| < 3      x < 2 or x > 3
//
// Thread-safety: belongs to one call (it evaluates).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cope/answer/evaluate.h"
#include "cope/answer/tree.h"

namespace cope::answer {

struct End {
  int infinite = 0;  // -1, 1, or 0: the value of `node`
  NodeId node = -1;
  bool closed = false;
};

struct Piece {
  End low;
  End high;
};

using Region = std::vector<Piece>;  // ordered, disjoint, not touching

class Regions {
 public:
  Regions(Tree& tree, Evaluator& evaluator) : tree_(tree), evaluator_(evaluator) {}

  // What an interval, a set of points or a union of such stands for.
  std::optional<Region> of(NodeId id);

  // What an inequality says that is linear in one variable: 2 < x <= 4, 3x > -1, |x + 1| < 3, x != 1; `variable` is set.
  std::optional<Region> of_inequality(NodeId relation, std::string& variable);

  std::optional<Region> unite(Region a, const Region& b);
  std::optional<Region> intersect(const Region& a, const Region& b);
  std::optional<Region> without(const Region& a, const Region& b);

  static bool is_infinity(const Tree& tree, NodeId id, int& sign);

 private:
  std::optional<End> end(NodeId id, bool closed) const;
  // -1, 0, 1; none where the ends cannot be compared.
  std::optional<int> compare(const End& a, const End& b);
  std::optional<Region> complement(const Region& a);
  struct Line {  // slope * variable + start
    std::string variable;
    mpq_class slope;
    mpq_class start;
  };
  std::optional<Line> line(NodeId id);
  NodeId solved(const Line& line, NodeId bound);
  std::optional<Region> bounded_by(const Line& line, bool absolute, char sign, NodeId bound);

  Tree& tree_;
  Evaluator& evaluator_;
};

}  // namespace cope::answer
