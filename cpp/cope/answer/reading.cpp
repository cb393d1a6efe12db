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
    for (const std::string_view about : {"\\approx", "\\sim", "\xE2\x89\x88"}) {
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

bool two_digits(const Token& token) {
  return token.kind == Tok::number && token.value.size() <= 2 && all_digits(token.value);
}

// 20:34, 20:34:00, 4:30 p.m., 3 PM
std::optional<Clock> clock_of(const std::vector<Token>& tokens) {
  if (tokens.size() < 3 || tokens.size() > 16 || !two_digits(tokens[0])) return std::nullopt;
  int parts[3] = {std::stoi(tokens[0].value), 0, 0};
  std::size_t at = 1;
  int count = 1;
  while (count < 3 && at + 1 < tokens.size() && tokens[at].is(':') && two_digits(tokens[at + 1]) &&
         tokens[at + 1].value.size() == 2) {
    parts[count++] = std::stoi(tokens[at + 1].value);
    at += 2;
  }
  std::string tail;
  for (; at < tokens.size(); ++at) {
    if (tokens[at].is('.') || tokens[at].is('{') || tokens[at].is('}')) continue;
    tail += lower(tokens[at].value);
  }
  const bool marked = tail == "am" || tail == "pm";
  if (!marked && (!tail.empty() || count == 1)) return std::nullopt;
  if (parts[0] > 24 || parts[1] > 59 || parts[2] > 59 || (marked && (parts[0] > 12 || parts[0] == 0))) {
    if (!(marked && tail == "pm" && parts[0] > 12 && parts[0] < 24)) return std::nullopt;
    return Clock{3600 * parts[0] + 60 * parts[1] + parts[2], true};
  }
  int hour = parts[0];
  if (marked) hour = hour % 12 + (tail == "pm" ? 12 : 0);
  return Clock{3600 * hour + 60 * parts[1] + parts[2], marked};
}

// The words of a text without case, articles and punctuation; what is no word stays as it was written.
std::string words_of(const std::vector<Token>& tokens) {
  const bool prose = std::ranges::any_of(tokens, [](const Token& token) { return token.kind == Tok::word; });
  std::string words;
  bool numbered = false;
  for (const Token& token : tokens) {
    if (token.kind == Tok::stop) break;
    std::string word = token.kind == Tok::word      ? lower(token.value)
                       : token.is("vert")           ? "|"
                       : token.kind == Tok::command ? '\\' + token.value
                                                    : token.value;
    if (prose) {
      if (word == "a" || word == "an" || word == "the") continue;
      if (token.kind == Tok::sign && std::string_view(".,;:?!'\"{}()*_`").find(word[0]) != std::string_view::npos)
        continue;
      if (token.kind == Tok::symbol && token.text) word = lower(word);
      if (numbered && (word == "st" || word == "nd" || word == "rd" || word == "th")) word.clear();  // June 20th
      numbered = token.kind == Tok::number;
      if (word.empty()) continue;
    }
    if (!words.empty()) words += ' ';
    words += word;
  }
  return words;
}

// Past "Speed =", "\text{Domain:}", "\text{Area of } ABC =": where the value begins that words name; 0 where none do. `named`: by an equals sign.
std::size_t labelled(const std::vector<Token>& tokens, bool& named) {
  int depth = 0;
  bool words = false;
  for (std::size_t k = 0; k + 2 < tokens.size(); ++k) {
    const Token& token = tokens[k];
    if (token.is('(') || token.is('{') || token.is('[')) ++depth;
    if (token.is(')') || token.is('}') || token.is(']')) --depth;
    words = words || (token.kind == Tok::word && !is_connector(token.value) && number_word(lower(token.value)) < 0);
    if (depth != 0 || token.is(',')) {
      if (token.is(',')) return 0;
      continue;
    }
    named = token.is('=');
    if (named || token.is("approx") || token.is(':')) return words ? k + 1 : 0;
  }
  return 0;
}

// A single run of letters that is no product: cat, but not abc or xyz.
bool is_word(std::string_view text) {
  if (text.size() < 3 || text.size() > 3 || !std::ranges::all_of(text, is_letter)) return false;
  const std::string small = lower(text);
  if (small.find_first_of("aeiou") == std::string::npos) return false;
  return !(small[1] == small[0] + 1 && small[2] == small[1] + 1) && plain_command(text).empty();
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
  words_ = words_of(tokens_);
  clock_ = clock_of(tokens_);
  if (clock_ || is_word(source_)) return;
  if (const auto root = parse(tokens_, tree_)) {
    root_ = *root;
    return;
  }
  if (words_ == "all real numbers" || words_ == "all reals" || words_ == "all real") {
    root_ = tree_.named(Op::symbol, "mathbb R");
  } else if (words_ == "no solution" || words_ == "no solutions" || words_ == "empty set") {
    root_ = tree_.make(Op::empty_set);
  }
  bool named = false;
  const std::size_t value = labelled(tokens_, named);
  if (root_ >= 0 || value == 0) return;
  const std::vector<Token> tail(tokens_.begin() + static_cast<std::ptrdiff_t>(value), tokens_.end());
  tree_ = {};
  const auto root = parse(tail, tree_);
  if (!root) return;
  const std::vector<Token> label(tokens_.begin(), tokens_.begin() + static_cast<std::ptrdiff_t>(value) - 1);
  root_ = named && tree_[*root].op != Op::relation
              ? tree_.named(Op::relation, "=", {tree_.named(Op::symbol, words_of(label)), *root})
              : *root;
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
