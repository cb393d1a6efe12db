#include "cope/answer/reading.h"

#include <algorithm>

#include "cope/answer/chars.h"
#include "cope/answer/names.h"
#include "cope/answer/parser.h"
#include "cope/answer/units.h"
#include "cope/base/digest.h"

namespace cope::answer {

namespace {

// \boxed{...} around the whole, $ signs, a leading "=" or "\approx", a closing full stop.
std::string_view unwrapped(std::string_view text) {
  for (int round = 0; round < 8; ++round) {
    const std::size_t before = text.size();
    text = trim(text);
    for (const std::string_view box : {"\\boxed{", "\\fbox{", "\\framebox{"}) {
      if (text.starts_with(box) && closing_brace(text, box.size() - 1) == text.size() - 1)
        text = text.substr(box.size(), text.size() - box.size() - 1);
    }
    while (text.starts_with('$')) text.remove_prefix(1);
    while (text.ends_with('$') && !text.ends_with("\\$")) text.remove_suffix(1);
    while (text.size() > 1 && text.ends_with('.') && !text.ends_with("..")) text.remove_suffix(1);
    if (text.starts_with('=') && !text.starts_with("==")) text.remove_prefix(1);
    for (const std::string_view about : {"\\approx", "\\sim", "\xE2\x89\x88", "\\Rightarrow", "\\implies", "\\to",
                                         "\\rightarrow", "\\therefore", "\xE2\x87\x92", "\xE2\x86\x92", "=>", "->"}) {
      if (text.starts_with(about) && text.size() > about.size() && !is_letter(text[about.size()]))
        text.remove_prefix(about.size());
    }
    for (const auto& [open, close] : {std::pair{"\\(", "\\)"}, std::pair{"\\[", "\\]"}}) {
      if (text.size() >= 4 && text.starts_with(open) && text.ends_with(close)) text = text.substr(2, text.size() - 4);
    }
    if (text.size() > 2 && text.starts_with('`') && text.ends_with('`')) text = text.substr(1, text.size() - 2);
    if (text.starts_with("**") && text.ends_with("**") && text.size() > 4) text = text.substr(2, text.size() - 4);
    if (text.size() == before) break;
  }
  return text;
}

}  // namespace

Reading::Reading(std::string_view answer, Dialect dialect) : source_(unwrapped(answer)) {
  tokens_ = lex(source_);
  if (tokens_.empty()) {  // too long
    tokens_.push_back({});
    too_long_ = unevaluated_ = true;
    return;
  }
  if (dialect.upper_i || dialect.log_ten) {
    for (std::size_t k = 0; k < tokens_.size(); ++k) {
      if (dialect.upper_i && tokens_[k].kind == Tok::symbol && tokens_[k].value == "I") tokens_[k].value = "i";
      if (dialect.log_ten && tokens_[k].is("log") && !tokens_[k + 1].is('_')) tokens_[k].value = "lg";
    }
  }
  if (auto tokens = with_units(tokens_, !dialect.units); !tokens.empty()) tokens_ = std::move(tokens);
  const bool plain = take_remark(tokens_);
  words_ = words_of(tokens_);
  if (!plain) return;
  clock_ = clock_of(tokens_);
  if (clock_ || is_word(source_)) return;
  if (const auto numeral = numeral_of(tokens_)) {
    root_ = tree_.named(Op::base_numeral, numeral->digits, {}, numeral->base);
    return;
  }
  if (const auto root = parse(tokens_, tree_)) {
    if (!contradicts_itself()) root_ = *root;
    return;
  }
  if (says_all_reals(words_)) {
    root_ = tree_.named(Op::symbol, "mathbb R");
  } else if (says_all_integers(words_)) {
    root_ = tree_.named(Op::symbol, "mathbb Z");
  } else if (says_none(words_) || words_ == "{ }") {
    root_ = tree_.make(Op::empty_set);
  } else if (words_ == "infinity" || words_ == "positive infinity") {
    root_ = tree_.make(Op::infinity);
  } else if (words_ == "negative infinity") {
    root_ = tree_.make(Op::negate, {tree_.make(Op::infinity)});
  } else if (says_none(words_, true)) {
    words_ = "no real solutions";
  } else {
    root_ = tail_root();
  }
}

// \binom{31}{28} \approx 10476, which is 4495: off by more than a tenth, no rounding.
bool Reading::contradicts_itself() {
  for (const auto& [exact, rounded] : std::vector(tree_.claims())) {
    const NodeId difference = tree_.make(Op::add, {exact, tree_.make(Op::negate, {rounded})});
    const NodeId tenth = tree_.make(Op::divide, {tree_.named(Op::function, "abs", {exact}), tree_.number(10)});
    if (evaluator_.compare(tree_.named(Op::function, "abs", {difference}), tenth) == 1) return true;
  }
  return false;
}

// What stands behind words that only introduce it: "Speed = 5", "all real numbers except 2", "2x = 10 \\Rightarrow x = 5"; -1 where nothing does.
NodeId Reading::tail_root() {
  const auto from = [&](std::size_t begin) {
    tree_ = {};
    return parse(std::vector<Token>(tokens_.begin() + static_cast<std::ptrdiff_t>(begin), tokens_.end()), tree_);
  };
  bool named = false;
  if (const std::size_t value = labelled(tokens_, named); value != 0) {
    const auto root = from(value);
    if (!root) return -1;
    const std::vector<Token> label(tokens_.begin(), tokens_.begin() + static_cast<std::ptrdiff_t>(value) - 1);
    return named && tree_[*root].op != Op::relation
               ? tree_.named(Op::relation, "=", {tree_.named(Op::symbol, words_of(label)), *root})
               : *root;
  }
  if (const std::size_t begin = exceptions(tokens_); begin != 0) {
    const auto root = from(begin);
    if (!root) return -1;
    const Op op = tree_[*root].op;
    const NodeId value = op == Op::relation ? tree_.kid(*root, tree_[*root].count - 1) : *root;
    const std::vector<NodeId> all(tree_.kids(value).begin(), tree_.kids(value).end());
    const NodeId points = op == Op::set    ? value
                          : op == Op::list ? tree_.make(Op::set, all)
                                           : tree_.make(Op::set, {value});
    return tree_.make(Op::subtract_set, {tree_.named(Op::symbol, "mathbb R"), points});
  }
  const auto last =
      std::find_if(tokens_.rbegin(), tokens_.rend(), [](const Token& each) { return each.is("Rightarrow"); });
  if (last == tokens_.rend()) return -1;
  const auto root = from(static_cast<std::size_t>(tokens_.rend() - last));
  const bool solved = root && tree_[*root].op == Op::relation && tree_.name(*root) == "=" &&
                      names_something(tree_, tree_.kid(*root, 0)) && !evaluator_.has_symbols(tree_.kid(*root, 1));
  return solved ? *root : -1;
}

bool names_something(const Tree& tree, NodeId id) {
  if (tree[id].op == Op::symbol) return true;
  if (tree[id].op != Op::tuple) return false;
  return std::ranges::all_of(tree.kids(id), [&](NodeId kid) { return tree[kid].op == Op::symbol; });
}

std::string name_of(const Tree& tree, NodeId id) {
  if (tree[id].op == Op::symbol) return tree.name(id);
  std::string name = "(";
  for (const NodeId kid : tree.kids(id)) name += tree.name(kid) + ",";
  return name;
}

namespace {

// "m+n" of m + n = 7, "f(x)", "|AB|", "tan theta": the name of a quantity that variables alone make up; empty where numbers take part, as in 2x = 7.
std::string quantity_name(const Tree& tree, NodeId id) {
  const auto joined = [&](std::string_view sign) {
    std::string name;
    for (const NodeId kid : tree.kids(id)) {
      const std::string part = quantity_name(tree, kid);
      if (part.empty()) return part;
      if (!name.empty()) name += sign;
      name += part;
    }
    return name;
  };
  switch (tree[id].op) {
    case Op::symbol:
    case Op::imaginary:
    case Op::euler:
      return tree[id].op == Op::symbol ? tree.name(id) : tree[id].op == Op::euler ? "e" : "i";
    case Op::add:
      return joined("+");
    case Op::multiply:
      return joined(" ");
    case Op::divide:
      return joined("/");
    case Op::function: {
      const std::string inside = joined(",");
      return inside.empty() ? inside : tree.name(id) + "(" + inside + ")";
    }
    default:
      return "";
  }
}

// dy/dx
bool is_derivative(const Tree& tree, NodeId id) {
  if (tree[id].op != Op::divide) return false;
  return std::ranges::all_of(tree.kids(id), [&](NodeId side) {
    return tree[side].op == Op::multiply && tree[side].count == 2 && tree[tree.kid(side, 0)].op == Op::symbol &&
           tree.name(tree.kid(side, 0)) == "d" && tree[tree.kid(side, 1)].op == Op::symbol;
  });
}

}  // namespace

View Reading::view() const {
  View view;
  if (root_ < 0) return view;
  NodeId id = root_;
  if (tree_[id].op == Op::relation) {
    const std::string& signs = tree_.name(id);
    const bool plain = std::ranges::all_of(signs, [](char sign) { return sign == '=' || sign == 'e'; });
    const NodeId first = tree_.kid(id, 0);
    const NodeId last = tree_.kid(id, tree_[id].count - 1);
    if (plain && names_something(tree_, first)) {
      view.variable = name_of(tree_, first);
      id = last;
    } else if (plain && signs.size() == 1 && names_something(tree_, last)) {
      view.variable = name_of(tree_, last);
      id = first;
    } else if (plain && signs.size() > 1) {
      id = last;
    } else if (plain && is_derivative(tree_, first)) {
      view.variable = quantity_name(tree_, first);
      id = last;
    } else if (plain && !evaluator_.has_symbols(last)) {
      view.variable = quantity_name(tree_, first);
      if (!view.variable.empty()) id = last;
    }
  } else if (tree_[id].op == Op::multiply && tree_[id].count == 2 && tree_[tree_.kid(id, 0)].op == Op::symbol &&
             tree_[tree_.kid(id, 1)].op == Op::tuple) {  // the point P(1, 2)
    view.variable = tree_.name(tree_.kid(id, 0));
    id = tree_.kid(id, 1);
  }
  if (tree_[id].op == Op::measure) {
    view.unit = tree_.name(id);
    id = tree_.kid(id, 0);
    if (measure_of(view.unit).kind == Measure::Kind::none)
      view.unit = view.unit.find("rad") == std::string::npos ? "units" : "radian";
  }
  view.value = id;
  NodeId inner = id;
  while (tree_[inner].op == Op::negate) inner = tree_.kid(inner, 0);
  if (view.unit.empty() && tree_[inner].op == Op::percent) view.unit = "%";
  if (view.unit.empty() && tree_[inner].op == Op::degree) view.unit = "degree";
  return view;
}

const std::string& Reading::key() {
  if (!key_.empty()) return key_;
  if (clock_) {
    key_ = "clock:" + std::to_string(clock_->seconds);
    return key_;
  }
  if (root_ >= 0) {
    if (auto key = key_of(root_)) {
      key_ = std::move(*key);
      return key_;
    }
    unevaluated_ = true;
  }
  if (too_long_) {
    key_ = "long:" + sha256(trim(source_)).hex();
  } else {
    key_ = (unevaluated_ ? "u:" : "t:") + words_;
  }
  if (key_.size() > 256) key_ = "long:" + sha256(key_).hex();
  return key_;
}

std::string Reading::description() {
  constexpr std::size_t longest = 60;
  const std::string& full = key();
  const auto shown = [&](std::string text) {
    if (text.size() > longest) text = text.substr(0, longest) + "...";
    return text;
  };
  if (unevaluated_) return "unevaluated text " + shown(words_.empty() ? source_ : words_);
  if (clock_) return "time of day " + shown(source_);
  if (root_ < 0) return "text \"" + shown(words_) + "\"";
  const bool legible = full.find('~') == std::string::npos && full.find('#') == std::string::npos &&
                       full.find("eq:") == std::string::npos;
  const auto kind = [&]() -> std::string {
    switch (tree_[root_].op) {
      case Op::list:
        return "list";
      case Op::set:
        return "set";
      case Op::tuple:
        return "tuple or open interval";
      case Op::bracket:
        return "closed interval or list";
      case Op::interval:
      case Op::unite:
      case Op::intersect:
      case Op::subtract_set:
        return "set of numbers";
      case Op::matrix:
        return "matrix";
      case Op::relation:
        return full.starts_with("eq:") ? "equation" : "relation";
      case Op::base_numeral:
        return "numeral";
      case Op::measure:
        return "quantity";
      case Op::number:
        return "number";
      case Op::symbol:
        return "symbol";
      case Op::plus_minus:
        return "two values";
      default:
        return full.starts_with("~") ? "expression" : "value";
    }
  }();
  return kind + " " + shown(legible ? full : source_);
}

}  // namespace cope::answer
