// The class behind parser.h, for its sources: what stands at the top of an answer (parser.cpp), arithmetic (parser_terms.cpp), single values
// (parser_values.cpp), functions, sums and integrals (parser_functions.cpp).
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cope/answer/chars.h"
#include "cope/answer/lexer.h"
#include "cope/answer/names.h"
#include "cope/answer/tree.h"

namespace cope::answer {

inline constexpr NodeId failed = -1;

class Parser {
 public:
  Parser(std::vector<Token> tokens, Tree& tree) : tokens_(std::move(tokens)), tree_(tree) {}

  std::optional<NodeId> run();

 private:
  using Ids = std::vector<NodeId>;

  // --- tokens ---
  const Token& peek(std::size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  void next() {
    if (at_ + 1 < tokens_.size()) ++at_;
  }
  bool take(char c);
  bool take(std::string_view command);
  bool word(std::string_view lowered, std::size_t ahead = 0) const {
    return peek(ahead).kind == Tok::word && lower(peek(ahead).value) == lowered;
  }

  void drop_tail();

  struct Deeper {
    explicit Deeper(Parser& owner) : parser(owner) { ++parser.depth_; }
    ~Deeper() { --parser.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    bool ok() const { return parser.depth_ <= limits.depth && !parser.tree_.full(); }
    Parser& parser;
  };
  bool connector(char& kind) const;
  NodeId top();
  NodeId commas();
  NodeId compound(NodeId large, NodeId small);
  char relation_sign();
  NodeId function_head();
  NodeId named_application(NodeId id);
  NodeId statement(bool with_units);
  NodeId item(bool with_units);
  std::string unit_fraction();
  std::string unit_words();

  static bool starts_value(const Token& token) {
    return token.kind != Tok::stop && token.kind != Tok::word && !token.is('.') && !token.is(',') && !token.is('^') &&
           !token.is('/');
  }

  NodeId sets();
  NodeId set_or_value();
  NodeId modulo();
  NodeId additive();
  bool minus_word() const;
  bool starts_factor() const;
  bool opens_modulus() const { return peek().is('(') && (peek(1).is("mod") || word("mod", 1)); }
  bool closes_outward() const;
  static bool starts_primary(const Token& token);

  static bool integer_token(const Token& token) { return token.kind == Tok::number && all_digits(token.value); }

  NodeId mixed();
  NodeId term();

  NodeId product(const Ids& factors) { return factors.size() == 1 ? factors[0] : tree_.make(Op::multiply, factors); }

  NodeId signed_power();
  NodeId power();
  NodeId postfix(NodeId base);
  std::size_t ordinal(std::size_t ahead) const;
  long scale_word() const;
  bool is_circle(std::size_t ahead) const;
  NodeId exponent();
  NodeId transposed(NodeId matrix);
  NodeId column_of(NodeId bracket);
  NodeId base_numeral(NodeId digits);
  NodeId argument();
  NodeId group(char close);
  NodeId group_inside(char open);
  NodeId set_inside();
  NodeId braces();
  NodeId primary();
  NodeId combinations(bool braces);
  NodeId literal(const Token& token);
  NodeId spelled(std::string word);
  NodeId symbol(std::string name);
  bool is_applied(const std::string& name) const;
  bool inverse_mark() const;
  NodeId application(std::string name);
  bool list(Ids& items);
  NodeId absolute();
  NodeId angle(char close);
  bool before_condition();
  NodeId lines(bool cases);
  NodeId environment(const std::string& name);
  NodeId command(const Token& token);
  NodeId figure(const std::string& kind);
  NodeId root();
  NodeId function(const std::string& name);
  NodeId bare_argument();
  NodeId apply(const std::string& name, NodeId base, NodeId exponent, const Ids& arguments);

  bool is_minus_one(NodeId id) const {
    return tree_[id].op == Op::negate && tree_[tree_.kid(id, 0)].op == Op::number && tree_.value(tree_.kid(id, 0)) == 1;
  }

  NodeId series(Op op);
  bool differential();
  NodeId integral();
  NodeId limit();

  std::vector<Token> tokens_;
  Tree& tree_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int bars_ = 0;      // open |: the next one closes
  int integral_ = 0;  // inside an integral "dx" is its differential
  bool index_i_ = false;
  std::string differential_;
};

}  // namespace cope::answer
