// An answer as it was read: its tokens, its tree where it is mathematics, its words where it is not; and the canonical key of what it says.
//
//   Reading("\\frac{6}{8}").key() == "3/4"        Reading("2 < x < 4").key() == "(2;4)"        Reading("an ellipse").key() == "t:ellipse"
//
// Keys are a true equivalence: two answers are the same class exactly where their keys are equal strings.
//
// Thread-safety: a Reading belongs to one call.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cope/answer/evaluate.h"
#include "cope/answer/lexer.h"
#include "cope/answer/phrases.h"
#include "cope/answer/region.h"
#include "cope/answer/tree.h"

namespace cope::answer {

// Second readings that grading tries where the first ones differ.
struct Dialect {
  bool upper_i = false;  // I is the imaginary unit
  bool log_ten = false;  // \log without a base is decimal
  bool units = false;    // letters behind a number are units: 12 m
};

// An answer's value without what a gold answer may leave out: x = 5, 15 cm, 40%, 90 degrees.
struct View {
  std::string variable;  // of "x = ..."; empty: none
  NodeId value = -1;
  std::string unit;  // "%", "degree", "radian", the words of a unit; empty: none
};

class Reading {
 public:
  explicit Reading(std::string_view answer, Dialect dialect = {});
  Reading(const Reading&) = delete;  // its parts refer to one another
  Reading& operator=(const Reading&) = delete;

  const std::string& key();
  // The key of a part; none where it has no value within limits.
  std::optional<std::string> key_of(NodeId id);
  // The key of the set of some parts.
  std::optional<std::string> unordered(std::span<const NodeId> kids, bool repeated = false);
  // The key of a view's value times a factor.
  std::optional<std::string> scaled_key(NodeId id, const mpq_class& factor);

  const std::string& source() const { return source_; }  // trimmed, without \boxed
  const std::vector<Token>& tokens() const { return tokens_; }
  bool is_text() const { return root_ < 0 && !clock_; }
  bool unevaluated() const { return unevaluated_; }  // a limit was reached, or it has no value
  bool too_long() const { return too_long_; }        // to be read: only equal texts are equal
  bool used_balls() const { return evaluator_.inexact_used(); }
  const std::optional<Clock>& clock() const { return clock_; }
  const std::string& words() const { return words_; }
  NodeId root() const { return root_; }
  View view() const;
  Tree& tree() { return tree_; }
  Evaluator& evaluator() { return evaluator_; }
  const Meter& meter() const { return meter_; }

  // "number 3/4", "set {1;2}", ...: how it was read, in a few words.
  std::string description();

 private:
  bool contradicts_itself();
  NodeId tail_root();
  std::optional<std::string> scalar_key(NodeId id);
  std::optional<std::string> list_key(NodeId id);
  std::optional<std::string> relation_key(NodeId id);
  std::optional<std::string> equation_key(NodeId left, NodeId right, std::string_view kind, bool directed);
  NodeId without_denominators(NodeId sum);
  std::optional<std::string> region_key(const Region& region);
  std::optional<std::string> end_key(NodeId id);
  std::optional<std::string> measure_key(NodeId id);
  std::optional<std::string> ordered(std::span<const NodeId> kids, std::string_view open, std::string_view close);
  std::optional<std::vector<std::string>> both_signs(NodeId id);
  std::optional<NodeId> as_matrix(NodeId id);
  bool has_infinity(NodeId id) const;  // among its children

  std::string source_;
  std::vector<Token> tokens_;
  Tree tree_;
  Meter meter_;
  Evaluator evaluator_{tree_, meter_};
  Regions regions_{tree_, evaluator_};
  NodeId root_ = -1;
  std::optional<Clock> clock_;
  std::string words_;
  std::string key_;
  bool too_long_ = false;
  bool unevaluated_ = false;
  int depth_ = 0;
};

// "x" for x = 5; none where the relation names nothing.
bool names_something(const Tree& tree, NodeId id);
std::string name_of(const Tree& tree, NodeId id);

}  // namespace cope::answer
