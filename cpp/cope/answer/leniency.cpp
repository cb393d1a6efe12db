#include "cope/answer/leniency.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "cope/answer/chars.h"
#include "cope/answer/names.h"
#include "cope/answer/residue.h"
#include "cope/answer/units.h"

namespace cope::answer {

namespace {

// Whether another choice, or a word against this one, stands behind its letter: "(D) or (E)", "(A) is wrong".
bool chooses_more(const std::vector<Token>& tokens, std::size_t at) {
  constexpr std::string_view against[] = {"or", "and", "not", "wrong", "false", "incorrect"};
  for (; at < tokens.size(); ++at) {
    const Token& token = tokens[at];
    const bool said = token.kind == Tok::word || token.kind == Tok::command;
    if (said && std::ranges::find(against, lower(token.value)) != std::end(against)) return true;
    const bool letter = token.value.size() == 1 && is_upper(token.value[0]) && token.value[0] <= 'H';
    const bool round = letter && at > 0 && tokens[at - 1].is('(') && at + 1 < tokens.size() && tokens[at + 1].is(')');
    if (round) return true;
  }
  return false;
}

}  // namespace

// The letter of a choice: (C), \text{C}, C., "Choice C", "(C) 12".
std::optional<char> choice_letter(const std::vector<Token>& tokens, bool alone) {
  std::size_t at = 0;
  const auto skip_group = [&] {
    while (tokens[at].is('{') || tokens[at].is('}') || tokens[at].is('*') || tokens[at].is('_')) ++at;
  };
  skip_group();
  while (tokens[at].kind == Tok::word) {
    const std::string word = lower(tokens[at].value);
    if (word != "choice" && word != "option" && word != "answer" && word != "is" && word != "the") break;
    ++at;
  }
  if (tokens[at].is(':')) ++at;
  const bool round = tokens[at].is('(');
  if (round) ++at;
  skip_group();
  const Token& letter = tokens[at];
  if (letter.kind != Tok::symbol && letter.kind != Tok::word) return std::nullopt;
  if (letter.value.size() != 1 || !is_upper(letter.value[0])) return std::nullopt;
  ++at;
  skip_group();
  const bool closed = tokens[at].is(')');
  if (round && !closed) return std::nullopt;
  if (closed) ++at;
  skip_group();
  const bool end = tokens[at].kind == Tok::stop;
  if (end) return letter.value[0];
  const bool marked = closed || tokens[at].is('.') || tokens[at].is(':');
  return !alone && marked && !chooses_more(tokens, at) ? std::optional(letter.value[0]) : std::nullopt;
}

namespace {

constexpr int full_digits = 7;           // significant digits that make a decimal an answer
constexpr int machine_digits = 15;       // from here on a decimal may be a double's, off in its last digits;
constexpr int most_machine_digits = 17;  // up to here

class Grader {
 public:
  Grader(Reading& gold, Reading& answer) : gold_(gold), answer_(answer) {}

  // Why the answer is right although its key is another; none where it is wrong.
  Reason lenient() {
    if (const auto letter = choice_letter(gold_.tokens(), true);
        letter && choice_letter(answer_.tokens(), false) == letter)
      return std::string("both choose ") + *letter;
    if (auto reason = digits()) return reason;
    if (gold_.clock().has_value() != answer_.clock().has_value() && gold_.words() == answer_.words())
      return "the same ratio";  // 3:5 and 6:10
    if (gold_.clock() || answer_.clock()) return clocks();
    if (gold_.is_text()) {
      if (auto reason = introduced()) return reason;
    } else if (answer_.is_text()) {
      return sentence();
    }
    if (gold_.is_text() || answer_.is_text()) return texts();
    if (auto reason = regions()) return reason;
    const View gold = gold_.view();
    const View answer = answer_.view();
    return views(gold, answer);
  }

 private:
  Reason clocks() const {
    if (!gold_.clock() || !answer_.clock() || gold_.clock()->marked == answer_.clock()->marked) return std::nullopt;
    if (gold_.clock()->full_day || answer_.clock()->full_day) return std::nullopt;
    constexpr int half_day = 12 * 3600;
    if (gold_.clock()->seconds % half_day != answer_.clock()->seconds % half_day) return std::nullopt;
    return "the same time, a.m. or p.m. left out";
  }

  // 2A5 for 2A5_{16}; of decimal digits values() tells.
  Reason digits() const {
    if (gold_.root() < 0 || gold_.tree()[gold_.root()].op != Op::base_numeral) return std::nullopt;
    std::string said;
    for (const Token& token : answer_.tokens()) said += token.kind == Tok::stop ? "" : token.value;
    for (char& c : said) c = is_letter(c) && !is_upper(c) ? static_cast<char>(c - 'a' + 'A') : c;
    const std::string& numeral = gold_.tree().name(gold_.root());
    if (said == numeral) return "the base is left out";
    const std::string base = std::to_string(gold_.tree()[gold_.root()].aux);
    return said == numeral + "_" + base || said == numeral + "_{" + base + "}" ? Reason("the same numeral")
                                                                               : std::nullopt;
  }

  // 0 < y < 1 and (0, 1), n = 1, 2 and 1, 2: the name is left out on one side.
  Reason regions() const {
    const auto unnamed = [](std::string_view key) -> std::string_view {
      for (const std::string_view sign : {" in ", "="}) {
        const std::size_t at = key.find(sign);
        if (at == std::string_view::npos || !std::ranges::all_of(key.substr(0, at), is_letter)) continue;
        return key.substr(at + sign.size());
      }
      return {};
    };
    const auto named = [](Reading& reading) {
      const auto relation = [&](NodeId id) { return reading.tree()[id].op == Op::relation; };
      return relation(reading.root()) || (reading.tree()[reading.root()].op == Op::list &&
                                          std::ranges::any_of(reading.tree().kids(reading.root()), relation));
    };
    if (!named(answer_) && unnamed(gold_.key()) == answer_.key()) return "the name is left out";
    if (!named(gold_) && unnamed(answer_.key()) == gold_.key()) return "the name is added";
    return std::nullopt;
  }

  // "Hillary has 7 nickels.": the only number of a sentence that says nothing else about it.
  Reason sentence() {
    static constexpr std::string_view limiting[] = {
        "not",        "no",        "never",         "less",    "more",     "than",      "least",
        "most",       "about",     "approximately", "over",    "under",    "between",   "greater",
        "fewer",      "except",    "without",       "roughly", "around",   "nearly",    "or",
        "if",         "cannot",    "approximation", "near",    "almost",   "each",      "per",
        "every",      "times",     "isn",           "can",     "doesn",    "isn't",     "can't",
        "doesn't",    "aren't",    "wasn't",        "but",     "negative", "minus",     "twice",
        "half",       "double",    "triple",        "root",    "square",   "cube",      "multiple",
        "multiples",  "divisible", "factor",        "power",   "million",  "billion",   "thousand",
        "hundred",    "dozen",     "percent",       "false",   "wrong",    "incorrect", "inverse",
        "reciprocal", "opposite",  "factorial",     "log",     "logarithm"};
    const Token* number = nullptr;
    std::string before;  // the word read last
    std::size_t words = 0;
    bool minus = false;
    for (const Token& token : answer_.tokens()) {
      if (token.kind == Tok::stop) break;
      if (token.kind == Tok::number) {
        if (number != nullptr || before == "of" || before == "by") return std::nullopt;  // "a third of 7"
        number = &token;
      } else if (token.kind == Tok::word) {
        before = lower(token.value);
        if (std::ranges::find(limiting, before) != std::end(limiting)) return std::nullopt;
        if (number_word(before) >= 0 || fraction_word(before) > 0) return std::nullopt;
        words += number == nullptr ? 1 : 0;
      } else if (token.is('-') && number == nullptr) {
        minus = true;
      } else if (token.kind != Tok::symbol && !token.is('.') && !token.is(',') && !token.is(':') && !token.is('%') &&
                 !token.is("$") && !token.is('\'')) {
        return std::nullopt;
      }
    }
    if (number == nullptr || words < 2) return std::nullopt;
    Reading said((minus ? "-" : "") + number->value);
    if (!said.key().empty() && said.key() == gold_.key()) return "the only number of a sentence";
    return std::nullopt;
  }

  // "It is Friday" for Friday; "Yes, since 3 > 2" for yes.
  Reason introduced() const {
    const std::string said = words_of(answer_.tokens());
    for (const std::string_view opening : {"answer is ", "it is ", "this is ", "that is ", "they are ", "on "}) {
      if (said.starts_with(opening) && said.substr(opening.size()) == gold_.words())
        return "the same words, introduced";
    }
    const Token& first = answer_.tokens().front();
    const bool verdict =
        gold_.words() == "yes" || gold_.words() == "no" || gold_.words() == "true" || gold_.words() == "false";
    if (!verdict || first.kind != Tok::word || lower(first.value) != gold_.words()) return std::nullopt;
    const Token& second = answer_.tokens()[1];
    return second.is(',') || second.is('.') || second.is(';') || second.is(':') ? Reason("more is said about it")
                                                                                : std::nullopt;
  }

  // Spaces, fonts and case of the same letters.
  Reason texts() const {
    const auto letters = [](const Reading& reading) {
      std::string out;
      for (const char c : reading.words()) {
        if (is_letter(c))
          out.push_back(lower(c));
        else if (c != ' ' && c != ',')
          return std::string();
      }
      return out;
    };
    const std::string gold = letters(gold_);
    if (gold.size() >= 2 && gold == letters(answer_)) return "the same letters";
    return std::nullopt;
  }

  Reason views(const View& gold, const View& answer) {
    std::string note;
    if (!gold.variable.empty() && !answer.variable.empty() && gold.variable != answer.variable) {
      // y = 2x + 3 and f(x) = 2x + 3 name the same function; x = 5 and y = 5 differ.
      const auto of_another = [](std::string_view name) {  // f(x), but not f(5), f(y)
        const std::size_t round = name.find('(');
        return round != 0 && round + 1 < name.size() && is_letter(name[round + 1]) && name[round + 1] != 'y';
      };
      const bool functions = (gold.variable == "y" && of_another(answer.variable)) ||
                             (answer.variable == "y" && of_another(gold.variable));
      if (!functions || !gold_.evaluator().has_symbols(gold.value)) return std::nullopt;
      note = "names of one function";
    } else if (gold.variable != answer.variable) {
      note = gold.variable.empty() ? "the name " + answer.variable + " is added"
                                   : "the name " + gold.variable + " is left out";
    }
    if (auto reason = quantities(gold, answer))
      return note.empty() ? reason : Reason(note + (reason->empty() ? "" : "; " + *reason));
    return std::nullopt;
  }

  Reason quantities(const View& gold, const View& answer) {
    const auto bare = [](const View& view) {
      return view.unit.empty() || view.unit == "units" || view.unit == "radian";
    };
    if ((gold.unit == "degree" && answer.unit == "radian") || (gold.unit == "radian" && answer.unit == "degree"))
      return values(gold.value, answer.value) ? Reason("the same angle") : std::nullopt;
    if (bare(gold) && bare(answer)) return values(gold.value, answer.value);
    if (!bare(gold) && !bare(answer)) {
      const Measure a = measure_of(gold.unit);
      const Measure b = measure_of(answer.unit);
      const auto temperature = [](const View& view) { return view.unit == "celsius" || view.unit == "fahrenheit"; };
      if (temperature(gold) && answer.unit == "degree")
        return values(gold.value, number_of(answer_, answer)) ? Reason("the scale is left out") : std::nullopt;
      const bool special = gold.unit == "%" || answer.unit == "%" || gold.unit == "degree" || answer.unit == "degree";
      if (special) return gold.unit == answer.unit ? values(gold.value, answer.value) : std::nullopt;
      if (a.kind == Measure::Kind::unknown && b.kind == Measure::Kind::unknown && !related(a.dimension, b.dimension))
        return std::nullopt;
      if (a.kind != b.kind && !related(lower(gold.unit), lower(answer.unit))) return std::nullopt;
      if (a.kind == Measure::Kind::known && b.kind == Measure::Kind::known) {
        if (a.dimension != b.dimension) return std::nullopt;
        if (a.factor != b.factor) return std::nullopt;
      }
      return values(gold.value, answer.value);
    }
    const View& with = bare(gold) ? answer : gold;
    std::string note = (bare(gold) ? "the unit is added: " : "the unit is left out: ") + with.unit;
    const View& other = bare(gold) ? gold : answer;
    if (with.unit == "degree" &&
        (bare(gold) ? gold_ : answer_).evaluator().mentions_pi(other.value)) {  // \pi/6 is no (\pi/6)^\circ
      return values(gold.value, answer.value) ? Reason("the same angle") : std::nullopt;
    }
    // A percentage as its value (25% and 1/4) is strict; here it is its number (25% and 25).
    if (auto reason = values(number_of(gold_, gold), number_of(answer_, answer))) return note;
    if (with.unit == "degree") {  // as an angle in radians: but only where it has its pi
      if (auto reason = values(gold.value, answer.value)) return "the same angle";
    }
    return std::nullopt;
  }

  // One phrase is the other with more words: "apples" and "red apples"; but not "J" and "J / kg".
  static bool related(std::string_view a, std::string_view b) {
    if (a.size() < b.size()) std::swap(a, b);
    if (a == b) return true;
    const bool begins = a.starts_with(b) && a[b.size()] == ' ';
    const bool ends = a.ends_with(b) && a[a.size() - b.size() - 1] == ' ';
    if (b.empty() || (!begins && !ends)) return false;
    const std::string_view more = begins ? a.substr(b.size() + 1) : a.substr(0, a.size() - b.size() - 1);
    return more.find_first_of("/^.0123456789") == std::string_view::npos && more.find("per") == std::string_view::npos;
  }

  // 40% -> 40, 90 degrees -> 90: in front of the sign.
  static NodeId number_of(Reading& reading, const View& view) {
    NodeId id = view.value;
    bool minus = false;
    while (reading.tree()[id].op == Op::negate) {
      minus = !minus;
      id = reading.tree().kid(id, 0);
    }
    if (reading.tree()[id].op != Op::percent && reading.tree()[id].op != Op::degree) return view.value;
    id = reading.tree().kid(id, 0);
    return minus ? reading.tree().make(Op::negate, {id}) : id;
  }

  Reason values(NodeId gold, NodeId answer) {
    if (++comparisons_ > limits.cells) return std::nullopt;
    const auto a = gold_.key_of(gold);
    const auto b = answer_.key_of(answer);
    if (a && b && *a == *b) return "";
    const Op x = gold_.tree()[gold].op;
    const Op y = answer_.tree()[answer].op;
    if (x == Op::base_numeral && y == Op::number) {
      if (const mpq_class& value = answer_.tree().value(answer);
          value.get_den() == 1 && value.get_num().get_str() == gold_.tree().name(gold))
        return "the base is left out";
      return std::nullopt;
    }
    if (auto reason = shapes(gold, answer, x, y)) return reason;
    if (!a || !b || ((*a)[0] == 'r') != ((*b)[0] == 'r')) {  // one is beyond what keys hold
      Meter meter;
      const auto left = residue(gold_.tree(), gold, meter);
      if (left && left == residue(answer_.tree(), answer, meter)) return "the same fingerprint";
    }
    if (auto reason = approximation(gold_, gold, answer_, answer)) return reason;
    if (auto reason = approximation(answer_, answer, gold_, gold)) return reason;
    return balls(gold, answer, a, b);
  }

  Reason shapes(NodeId gold, NodeId answer, Op x, Op y) {
    const auto kids = [](Reading& reading, NodeId id) {
      return std::vector<NodeId>(reading.tree().kids(id).begin(), reading.tree().kids(id).end());
    };
    const bool plain_list = y == Op::list && answer_.tree()[answer].aux == ',';
    const auto column = [](Reading& reading, NodeId id) {
      return reading.tree()[id].op == Op::matrix && reading.tree()[id].aux == 1;
    };
    const auto row = [](Reading& reading, NodeId id) {
      return reading.tree()[id].op == Op::matrix &&
             reading.tree()[id].count == static_cast<std::uint32_t>(reading.tree()[id].aux);
    };
    const auto sequence = [](Op op) { return op == Op::tuple || op == Op::bracket; };
    if (x == Op::tuple && y == Op::list) {  // 1, 2; x = 1, y = 2; x = 1 and y = 2
      const auto items = kids(answer_, answer);
      const auto named = named_values_of(answer_, items);
      if ((named || plain_list) && elementwise(kids(gold_, gold), named.value_or(items)))
        return "the brackets are left out";
    }
    if (x == Op::list && y == Op::list) {
      if (const auto items = named_values_of(answer_, kids(answer_, answer));
          items && elementwise(kids(gold_, gold), *items))
        return "names are added";
      if (const auto items = named_values_of(gold_, kids(gold_, gold));
          items && elementwise(*items, kids(answer_, answer)))
        return "names are left out";
    }
    if (x == Op::list && y == Op::tuple) {
      if (const auto items = named_values_of(gold_, kids(gold_, gold));
          items && elementwise(*items, kids(answer_, answer)))
        return "names are left out";
    }
    if (unit_vector(gold_, gold, answer_, answer) || unit_vector(answer_, answer, gold_, gold)) return "a vector";
    if ((x == Op::tuple || x == Op::bracket) && (column(answer_, answer) || row(answer_, answer)) &&
        elementwise(kids(gold_, gold), kids(answer_, answer)))
      return "a vector";
    if (column(gold_, gold) && sequence(y) && elementwise(kids(gold_, gold), kids(answer_, answer))) return "a vector";
    if (x == Op::set && gold_.tree()[gold].count == 1 && y != Op::empty_set &&
        values(gold_.tree().kid(gold, 0), answer))
      return "a set of one";
    if (y == Op::set && answer_.tree()[answer].count == 1 && x != Op::empty_set &&
        values(gold, answer_.tree().kid(answer, 0)))
      return "a set of one";
    if ((y == Op::list || y == Op::set) && x != Op::list && x != Op::set && x != Op::empty_set) {
      const auto all = kids(answer_, answer);
      if (std::ranges::all_of(all, [&](NodeId each) { return items(gold, each).has_value(); }))
        return "the same value, in several forms";  // 1/2 or 0.5
      const auto named = named_values_of(answer_, all);
      if (named && answer_.unordered(*named) == gold_.key_of(gold))
        return "names are added";  // x_1 = 1 + a, x_2 = 1 - a
    }
    const bool same = x == y && gold_.tree()[gold].aux == answer_.tree()[answer].aux;
    if (same && (sequence(x) || x == Op::interval || x == Op::matrix) &&
        elementwise(kids(gold_, gold), kids(answer_, answer)))
      return "each part agrees";
    const auto several = [](Op op) { return op == Op::list || op == Op::set; };
    if (x == Op::list && y == Op::list) {  // 1, 2 and 1, 2, 2; but not 1, 1, 2
      const auto once = gold_.unordered(kids(gold_, gold));
      if (once && once == gold_.unordered(kids(gold_, gold), true) && once == answer_.unordered(kids(answer_, answer)))
        return "an item is repeated";
    }
    if (several(x) && several(y) && matching(kids(gold_, gold), kids(answer_, answer))) return "each item agrees";
    return std::nullopt;
  }

  // (1, 2) and i + 2j, of unit vectors.
  static bool unit_vector(Reading& list, NodeId parts, Reading& sum, NodeId total) {
    const Node& node = list.tree()[parts];
    const bool vector = node.op == Op::tuple || (node.op == Op::matrix && node.aux == 1);
    if (!vector || node.count < 2 || node.count > 3 || sum.tree()[total].op == Op::tuple) return false;
    if (!sum.evaluator().mentions(total, "hat i") && !sum.evaluator().mentions(total, "hat j")) return false;
    const std::vector<NodeId> values(list.tree().kids(parts).begin(), list.tree().kids(parts).end());
    std::vector<NodeId> terms;
    for (const NodeId value : values) {
      const char* const names[] = {"hat i", "hat j", "hat k"};
      terms.push_back(list.tree().make(Op::multiply, {value, list.tree().named(Op::symbol, names[terms.size()])}));
    }
    const auto key = list.key_of(list.tree().make(Op::add, terms));
    return key && key == sum.key_of(total);
  }

  bool elementwise(const std::vector<NodeId>& gold, const std::vector<NodeId>& answer) {
    if (gold.size() != answer.size()) return false;
    for (std::size_t k = 0; k < gold.size(); ++k) {
      if (!items(gold[k], answer[k])) return false;
    }
    return true;
  }

  // The same items in some order.
  bool matching(const std::vector<NodeId>& gold, std::vector<NodeId> answer) {
    if (gold.size() != answer.size() || gold.size() > 24) return false;
    for (const NodeId each : gold) {
      const auto found = std::ranges::find_if(answer, [&](NodeId other) { return items(each, other).has_value(); });
      if (found == answer.end()) return false;
      answer.erase(found);
    }
    return true;
  }

  Reason items(NodeId gold, NodeId answer) {
    const auto unit_of = [](Reading& reading, NodeId id) {
      View view;
      view.value = id;
      const Node& node = reading.tree()[id];
      if (node.op == Op::measure) {
        view.unit = reading.tree().name(id);
        view.value = reading.tree().kid(id, 0);
      } else if (node.op == Op::degree) {
        view.unit = "degree";
      } else if (node.op == Op::percent) {
        view.unit = "%";
      }
      return view;
    };
    if (++comparisons_ > limits.cells) return std::nullopt;
    const View a = unit_of(gold_, gold);
    const View b = unit_of(answer_, answer);
    if (a.unit.empty() && b.unit.empty()) return values(gold, answer);
    const auto left = gold_.key_of(gold);
    const auto right = answer_.key_of(answer);
    if (left && right && *left == *right) return "";
    return quantities(a, b);
  }

  // The values of x = 1, y = 2, z = 3 in the order of their names, where these are single letters, else as written; none where they are no such list of
  // different names.
  static std::optional<std::vector<NodeId>> named_values_of(Reading& reading, const std::vector<NodeId>& items) {
    std::vector<std::pair<std::string, NodeId>> named;
    for (const NodeId item : items) {
      if (reading.tree()[item].op != Op::relation || reading.tree().name(item) != "=" ||
          reading.tree()[reading.tree().kid(item, 0)].op != Op::symbol)
        return std::nullopt;
      named.emplace_back(reading.tree().name(reading.tree().kid(item, 0)), reading.tree().kid(item, 1));
    }
    auto sorted = named;
    std::ranges::sort(sorted);
    const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
    if (std::ranges::adjacent_find(sorted, same) != sorted.end()) return std::nullopt;
    if (std::ranges::all_of(sorted, [](const auto& each) { return each.first.size() == 1; })) named = sorted;
    std::vector<NodeId> values;
    for (const auto& each : named) values.push_back(each.second);
    return values;
  }

  // A decimal of enough digits that is the value, correctly rounded.
  static Reason approximation(Reading& exact, NodeId value, Reading& rounded, NodeId decimal) {
    bool minus = false;
    while (rounded.tree()[decimal].op == Op::negate) {
      minus = !minus;
      decimal = rounded.tree().kid(decimal, 0);
    }
    mpq_class shown;
    int digits = 0;
    if (!literal(rounded.tree(), decimal, shown, digits) || digits < full_digits) return std::nullopt;
    if (minus) shown = -shown;
    NodeId inner = value;
    while (exact.tree()[inner].op == Op::negate) inner = exact.tree().kid(inner, 0);
    mpq_class other;
    int other_digits = 0;
    if (literal(exact.tree(), inner, other, other_digits) && other_digits > 0) return std::nullopt;  // two decimals
    if (exact.evaluator().has_symbols(value)) return std::nullopt;
    const Ball ball = exact.evaluator().at(value, 0, 384);
    if (ball.is_bad() || !ball.is_real()) return std::nullopt;
    const Ball distance = absolute(ball - Ball::rational(shown, 384));
    const auto size = static_cast<double>(mpz_sizeinbase(shown.get_num_mpz_t(), 2)) -
                      static_cast<double>(mpz_sizeinbase(shown.get_den_mpz_t(), 2));
    if (sgn(shown) == 0 || size > 3000 || size < -3000) return std::nullopt;
    // Half a unit of the last digit; a double's last digits may be off by its own precision.
    mpz_class power;
    mpq_class unit = 1;
    const mpq_class positive = abs(shown);
    mpz_ui_pow_ui(power.get_mpz_t(), 10, static_cast<unsigned long>(digits - 1));
    mpq_class scale = 1;  // the power of ten below the value
    while (scale * 10 <= positive) scale *= 10;
    while (scale > positive) scale /= 10;
    unit = scale / power;
    mpq_class tolerance = unit / 2;
    if (digits >= machine_digits && digits <= most_machine_digits)
      tolerance = std::max(tolerance, mpq_class(positive / mpz_class(4503599627370496)));
    if ((Ball::rational(tolerance, 384) - distance).sign() < 0) return std::nullopt;
    return "the value, correctly rounded to " + std::to_string(digits) + " digits";
  }

  // 1.25, 1.25 \times 10^{-3}
  static bool literal(const Tree& tree, NodeId id, mpq_class& value, int& digits) {
    if (tree[id].op == Op::number) {
      value = tree.value(id);
      digits = tree[id].aux;
      return true;
    }
    if (tree[id].op != Op::multiply || tree[id].count != 2 || tree[tree.kid(id, 0)].op != Op::number) return false;
    const NodeId power = tree.kid(id, 1);
    if (tree[power].op != Op::power || tree[tree.kid(power, 0)].op != Op::number ||
        tree.value(tree.kid(power, 0)) != 10)
      return false;
    NodeId exponent = tree.kid(power, 1);
    const bool minus = tree[exponent].op == Op::negate;
    if (minus) exponent = tree.kid(exponent, 0);
    if (tree[exponent].op != Op::number || tree.value(exponent).get_den() != 1 || tree.value(exponent) > 300 ||
        sgn(tree.value(exponent)) < 0)
      return false;
    mpz_class scale;
    mpz_ui_pow_ui(scale.get_mpz_t(), 10, tree.value(exponent).get_num().get_ui());
    value = minus ? mpq_class(tree.value(tree.kid(id, 0)) / scale) : mpq_class(tree.value(tree.kid(id, 0)) * scale);
    digits = tree[tree.kid(id, 0)].aux;
    return true;
  }

  // One side is exact with many digits, the other only known as a ball: compared as balls.
  Reason balls(NodeId gold, NodeId answer, const std::optional<std::string>& a, const std::optional<std::string>& b) {
    if (!a || !b || ((*a)[0] == '~') == ((*b)[0] == '~') || (a->size() < 30 && b->size() < 30)) return std::nullopt;
    if (gold_.evaluator().has_symbols(gold) || answer_.evaluator().has_symbols(answer)) return std::nullopt;
    const auto left = leading_bits(gold_.evaluator().at(gold, 0, 384), 192);
    const auto right = leading_bits(answer_.evaluator().at(answer, 0, 384), 192);
    if (left && right && *left == *right) return "the same value";
    return std::nullopt;
  }

  Reading& gold_;
  Reading& answer_;
  std::size_t comparisons_ = 0;
};

}  // namespace

Reason leniency(Reading& gold, Reading& answer) { return Grader(gold, answer).lenient(); }

}  // namespace cope::answer
