#include "cope/answer/lexer.h"

#include <algorithm>

#include "cope/answer/chars.h"
#include "cope/answer/limits.h"
#include "cope/answer/names.h"
#include "cope/answer/unicode.h"

namespace cope::answer {

namespace {

bool is_wrapper(std::string_view name) {
  constexpr std::string_view wrappers[] = {
      "text",   "mbox",   "textbf",     "textrm",     "textit", "texttt", "textsf",     "textnormal", "mathrm",
      "mathbf", "mathit", "mathsf",     "mathtt",     "hbox",   "bold",   "boldsymbol", "emph",       "underline",
      "bm",     "textup", "mathnormal", "ensuremath", "textsc", "rm",     "bf"};
  return std::ranges::find(wrappers, name) != std::end(wrappers);
}

bool is_layout(std::string_view name) {
  constexpr std::string_view layout[] = {
      "left",       "right",     "big",       "Big",          "bigg",         "Bigg",        "bigl",
      "bigr",       "Bigl",      "Bigr",      "biggl",        "biggr",        "Biggl",       "Biggr",
      "middle",     "quad",      "qquad",     "displaystyle", "textstyle",    "scriptstyle", "limits",
      "nolimits",   "hspace",    "thinspace", "medspace",     "thickspace",   "enspace",     "nobreak",
      "allowbreak", "mathstrut", "hfill",     "noindent",     "centering",    "rm",          "bf",
      "it",         "strut",     "phantom",   "hline",        "negthinspace", "nonumber",    "smallskip",
      "checkmark",  "bigm",      "biggm",     "tiny",         "small",        "normalsize",  "large",
      "Large",      "LARGE",     "huge",      "Huge",         "footnotesize", "scriptsize",  "therefore",
      "because"};
  return std::ranges::find(layout, name) != std::end(layout);
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    scan(text_, false, 0);
    push(Tok::stop, "");
    return std::move(tokens_);
  }

 private:
  void push(Tok kind, std::string_view value) {
    if (kind == Tok::symbol && (value == "C" || value == "F") && take_degree()) {
      kind = Tok::word;
      value = value == "C" ? "celsius" : "fahrenheit";
    }
    tokens_.push_back({kind, spaced_, in_text_, std::string(value)});
    spaced_ = false;
  }

  const Token* last() const { return tokens_.empty() ? nullptr : &tokens_.back(); }

  // Behind a number, or a group such as the exponent of 10^{-19}.
  bool after_value() const { return last() != nullptr && (last()->kind == Tok::number || last()->is('}')); }

  // Takes a ^\circ or ^{\circ} back from the end: it belongs to the C that follows.
  bool take_degree() {
    const auto back = [&](std::size_t k) { return k < tokens_.size() ? tokens_[tokens_.size() - 1 - k] : Token{}; };
    const std::size_t brace = back(0).is('}') ? 1 : 0;
    if (!back(brace).is("circ")) return false;
    const std::size_t length = brace == 0 ? 2 : 4;
    if (!back(length - 1).is('^') || (brace == 1 && !back(2).is('{'))) return false;
    tokens_.resize(tokens_.size() - length);
    return true;
  }

  void scan(std::string_view text, bool words, int depth) {
    const bool outer = in_text_;
    in_text_ = words;
    std::size_t i = 0;
    while (i < text.size() && tokens_.size() <= limits.tokens) {
      const char c = text[i];
      if (is_space(c) || c == '~' || c == '$') {
        spaced_ = true;
        ++i;
      } else if (is_digit(c) || (c == '.' && i + 1 < text.size() && (is_digit(text[i + 1]) || bar_at(text, i + 1)))) {
        number(text, i);
      } else if (const std::size_t length = c == '{' ? braced_sign(text, i) : 0; length != 0) {
        scan(text.substr(i + 1, length - 2), words, depth + 1);  // 7{:}30, 2{\times}3
        i += length;
      } else if (is_letter(c) || letter_length(text, i) > 0) {
        run_of_letters(text, i, words);
      } else if (c == '\\') {
        backslash(text, i, depth);
      } else if (c == '<' && i + 1 < text.size() && text[i + 1] == '=') {
        push(Tok::command, "le");
        i += 2;
      } else if (c == '>' && i + 1 < text.size() && text[i + 1] == '=') {
        push(Tok::command, "ge");
        i += 2;
      } else if (text.substr(i).starts_with("...")) {
        push(Tok::command, "dots");
        i += 3;
      } else if (c == '!' && i + 1 < text.size() && text[i + 1] == '=') {
        push(Tok::command, "neq");
        i += 2;
      } else if (c == '=' && i + 1 < text.size() && text[i + 1] == '=') {
        push(Tok::sign, "=");
        i += 2;
      } else if (c == '*' && i + 1 < text.size() && text[i + 1] == '*') {
        push(Tok::sign, "^");
        i += 2;
      } else {
        if (c == '(' || c == '[') ++brackets_;
        if ((c == ')' || c == ']') && brackets_ > 0) --brackets_;
        if (c == '{') braces_.push_back(grouping() ? brackets_ : -1);
        if (c == '{' && !grouping()) ++brackets_;
        if (c == '}' && !braces_.empty()) {
          if (braces_.back() < 0 && brackets_ > 0) --brackets_;
          braces_.pop_back();
        }
        const std::size_t stop = i + character_length(text, i);
        push(Tok::sign, text.substr(i, stop - i));
        i = stop;
      }
    }
    in_text_ = outer;
  }

  // Whether a '{' here is the argument of a command, and no set.
  bool grouping() const {
    const Token* before = last();
    return before != nullptr &&
           (before->kind == Tok::command || before->is('^') || before->is('_') || before->is('}') || before->is(']'));
  }

  static bool bar_at(std::string_view text, std::size_t i) {
    return text.compare(i, 9, "\\overline") == 0 || text.compare(i, 4, "\\bar") == 0 ||
           text.compare(i, 4, "\\dot") == 0;
  }

  // The length of a sign that stands alone in braces, which only TeX's spacing needs; 0 where there is none.
  std::size_t braced_sign(std::string_view text, std::size_t i) const {
    if (grouping()) return 0;
    for (const std::string_view sign : {"{:}", "{=}", "{,}", "{<}", "{>}", "{+}", "{/}", "{\\times}", "{\\cdot}",
                                        "{\\le}", "{\\leq}", "{\\ge}", "{\\geq}", "{\\colon}", "{\\div}", "{\\pm}"}) {
      if (text.substr(i).starts_with(sign)) return sign.size();
    }
    return 0;
  }

  // The length of a thousands separator at `i` that is followed by exactly three digits; 0 where there is none.
  std::size_t separator(std::string_view text, std::size_t i) const {
    std::size_t at = i;
    if (text.compare(at, 3, "{,}") == 0) {
      at += 3;
    } else if (text.compare(at, 3, ",\\!") == 0) {
      at += 3;
      while (at < text.size() && text[at] == ' ') ++at;
    } else if (text.compare(at, 2, "\\!") == 0 || text.compare(at, 2, "\\,") == 0 || text.compare(at, 2, "\\ ") == 0 ||
               text.compare(at, 2, "\\;") == 0) {
      at += 2;
    } else if (brackets_ == 0 && at < text.size() && (text[at] == ',' || text[at] == ' ' || text[at] == '~')) {
      at += 1;
    } else {
      return 0;
    }
    for (std::size_t k = 0; k < 3; ++k) {
      if (at + k >= text.size() || !is_digit(text[at + k])) return 0;
    }
    if (at + 3 < text.size() && is_digit(text[at + 3])) return 0;
    return at - i;
  }

  // The length of "(142857)"; 0 where there is none.
  static std::size_t bracketed_period(std::string_view text, std::size_t i) {
    if (i >= text.size() || text[i] != '(') return 0;
    std::size_t stop = i + 1;
    while (stop < text.size() && is_digit(text[stop])) ++stop;
    return stop > i + 1 && stop < text.size() && text[stop] == ')' ? stop + 1 - i : 0;
  }

  // Whether only what stands next belongs to the command or the sign before: log_2 128, 2^3 125, \sqrt2 100.
  bool one_token() const {
    const Token* before = last();
    return before != nullptr && (before->is('_') || before->is('^') || before->is("sqrt") || before->is("frac"));
  }

  void number(std::string_view text, std::size_t& i) {
    std::string value;
    const std::size_t start = i;
    while (i < text.size() && is_digit(text[i])) value.push_back(text[i++]);
    if (value.size() <= 3 && start < i && text[start] != '0' && !one_token()) {
      while (const std::size_t skip = separator(text, i)) {
        value += text.substr(i + skip, 3);
        i += skip + 3;
      }
    }
    if (i < text.size() && text[i] == '.') {
      const bool more = i + 1 < text.size() && is_digit(text[i + 1]);
      const bool bar = bar_at(text, i + 1);
      if (const std::size_t period = bracketed_period(text, i + 1); period != 0 && value == "0") {  // 0.(3)
        push(Tok::number, "0.");
        push(Tok::command, "overline");
        push(Tok::number, text.substr(i + 2, period - 2));
        i += 1 + period;
        return;
      }
      if (more || bar) {
        if (value.empty()) value.push_back('0');
        value.push_back('.');
        ++i;
        while (i < text.size() && is_digit(text[i])) value.push_back(text[i++]);
      } else if (i + 1 == text.size() || std::string_view(" \t\n$,])}").find(text[i + 1]) != std::string_view::npos) {
        // A full stop, or "1." as NumPy writes it; but "5. FORMAT" is the heading of a fifth step.
        const std::size_t after = text.find_first_not_of(" \t\n", i + 1);
        if (after == std::string_view::npos || !is_letter(text[after])) ++i;
      }
    }
    if (i + 1 < text.size() && (text[i] == 'e' || text[i] == 'E')) {
      std::size_t at = i + 1;
      if (text[at] == '-' || text[at] == '+') ++at;
      std::size_t stop = at;
      while (stop < text.size() && is_digit(text[stop])) ++stop;
      if (stop > at && stop - at <= 6 && (stop == text.size() || !is_letter(text[stop]))) {
        value.push_back('e');
        value += text.substr(i + 1, stop - i - 1);
        i = stop;
      }
    }
    push(Tok::number, value);
  }

  void run_of_letters(std::string_view text, std::size_t& i, bool words) {
    std::size_t stop = i;
    bool foreign = false;
    while (stop < text.size()) {
      const std::size_t length = is_letter(text[stop]) ? 1 : letter_length(text, stop);
      if (length == 0) break;
      foreign = foreign || !is_letter(text[stop]);
      stop += length;
    }
    const std::string_view run = text.substr(i, stop - i);
    if (words || foreign) {
      // Words keep their hyphens and apostrophes: x-axis, Simpson's.
      while (stop + 1 < text.size() && (text[stop] == '-' || text[stop] == '\'') && is_letter(text[stop + 1])) {
        ++stop;
        while (stop < text.size() && is_letter(text[stop])) ++stop;
      }
      push(Tok::word, text.substr(i, stop - i));
      i = stop;
      return;
    }
    i = stop;
    if (run.size() == 1) {
      const std::string_view after = trim(text.substr(i, 8));
      const Token* before = last();
      const bool after_bracket = before != nullptr && (before->is(')') || before->is(']') || before->is("}"));
      if ((run == "x" || run == "X") && before != nullptr && before->kind == Tok::number &&
          (after.starts_with("10^") || after.starts_with("10**"))) {
        push(Tok::command, "times");  // 1.2 x 10^5
      } else if (run == "U" && after_bracket &&
                 (after.starts_with('(') || after.starts_with('[') || after.starts_with("\\{"))) {
        push(Tok::command, "cup");
      } else {
        push(Tok::symbol, run);
      }
      return;
    }
    const std::string_view rest = trim(text.substr(i, 8));
    const bool after_number = last() != nullptr && last()->kind == Tok::number;
    const bool time = after_number && ((run == "min" && !rest.starts_with('(')) || (run == "sec" && rest.empty()));
    if (const std::string_view command = plain_command(run); !command.empty() && !time) {
      push(Tok::command, command);
      return;
    }
    const Token* before = last();
    const bool after_value = before != nullptr && (before->kind == Tok::number || before->is('}') || before->is(')') ||
                                                   before->is('%') || before->is("pi"));
    const bool capitalised = run.size() == 3 && is_upper(run[0]) && !is_upper(run[1]) && !is_upper(run[2]);  // Bob
    if (run.size() >= 4 || capitalised || is_connector(run) || is_common_word(run) ||
        (after_value && is_short_unit(run)) || (before != nullptr && before->kind == Tok::word)) {
      push(Tok::word, run);
      return;
    }
    for (std::size_t k = 0; k < run.size(); ++k) push(Tok::symbol, run.substr(k, 1));
  }

  void backslash(std::string_view text, std::size_t& i, int depth) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (next == '\0') {
      ++i;  // a stray one at the end
      return;
    }
    if (!is_letter(next)) {
      i += 2;
      if (next == '\\') {
        if (i < text.size() && text[i] == '[' && environments_ > 0) {  // \\[4pt]
          const std::size_t close = text.find(']', i);
          if (close != std::string_view::npos && close - i < 16) i = close + 1;
        }
        push(Tok::row, "\\\\");
      } else if (next == '{') {
        push(Tok::command, "{");
        ++brackets_;
      } else if (next == '}') {
        push(Tok::command, "}");
        if (brackets_ > 0) --brackets_;
      } else if (next == '$') {
        push(Tok::command, "$");
      } else if (next == '%') {
        push(Tok::sign, "%");
      } else if (next == '|') {
        push(Tok::sign, "|");
      } else {  // \, \! \; \: "\ " \( \) \[ \] \& \# \_
        spaced_ = true;
      }
      return;
    }
    std::size_t stop = i + 1;
    while (stop < text.size() && is_letter(text[stop])) ++stop;
    std::string_view name = text.substr(i + 1, stop - i - 1);
    i = stop;
    if (const char delimiter = delimiter_named(name); delimiter != 0) {
      scan(std::string_view(&delimiter, 1), in_text_, depth + 1);
    } else if (name == "cr") {
      push(Tok::row, "\\\\");
    } else if (name == "prime") {
      const std::size_t count = tokens_.size();  // f^\prime, f^{\prime}
      if (count >= 2 && tokens_[count - 1].is('{') && tokens_[count - 2].is('^') && i < text.size() && text[i] == '}') {
        tokens_.pop_back();
        braces_.pop_back();
        ++i;
      }
      if (last() != nullptr && last()->is('^')) tokens_.pop_back();
      push(Tok::sign, "'");
    } else if (name == "R") {
      push(Tok::symbol, "mathbb R");
    } else if (name == "begin" || name == "end") {
      environment(text, i, name == "begin");
    } else if (is_layout(name)) {
      layout(text, i, name);
    } else if (is_wrapper(name)) {
      wrapper(text, i, name, depth);
    } else if (name == "Bbb" || name == "mathbb" || name == "mathcal" || name == "mathfrak" || name == "mathscr") {
      std::size_t at = i;
      while (at < text.size() && (is_space(text[at]) || text[at] == '{')) ++at;
      if (at < text.size() && is_letter(text[at])) {
        push(Tok::symbol, std::string(name == "Bbb" ? "mathbb" : name) + ' ' + text[at]);
        ++at;
        if (at < text.size() && text[at] == '}') ++at;
        i = at;
      }
    } else if (name == "operatorname" || name == "mathop") {
      if (i < text.size() && text[i] == '*') ++i;
      while (i < text.size() && is_space(text[i])) ++i;
      if (i < text.size() && text[i] == '{') {
        const std::size_t close = closing_brace(text, i);
        if (close != std::string_view::npos) {
          std::string content;
          for (const char c : text.substr(i + 1, close - i - 1)) {
            if (is_letter(c)) content.push_back(c);
          }
          push(is_short_unit(content) && !is_known_command(content) ? Tok::word : Tok::command, command_name(content));
          i = close + 1;
        }
      }
    } else if (name == "color" || name == "textcolor") {
      while (i < text.size() && is_space(text[i])) ++i;
      if (i < text.size() && text[i] == '{') {
        const std::size_t close = closing_brace(text, i);
        if (close != std::string_view::npos) i = close + 1;
      }
    } else {
      push(Tok::command, command_name(name));
    }
  }

  static char delimiter_named(std::string_view name) {
    if (name == "lparen") return '(';
    if (name == "rparen") return ')';
    if (name == "lbrack") return '[';
    if (name == "rbrack") return ']';
    if (name == "colon") return ':';
    return '\0';
  }

  void environment(std::string_view text, std::size_t& i, bool opens) {
    while (i < text.size() && is_space(text[i])) ++i;
    if (i >= text.size() || text[i] != '{') return;
    const std::size_t close = text.find('}', i);
    if (close == std::string_view::npos || close - i > 24) return;
    std::string name(text.substr(i + 1, close - i - 1));
    std::erase(name, '*');
    i = close + 1;
    environments_ += opens ? 1 : -1;
    if (opens && (name == "array" || name == "tabular")) {  // the columns' alignment
      while (i < text.size() && is_space(text[i])) ++i;
      if (i < text.size() && text[i] == '{') {
        const std::size_t columns = closing_brace(text, i);
        if (columns != std::string_view::npos) i = columns + 1;
      }
    }
    if (opens) ++brackets_;
    if (!opens && brackets_ > 0) --brackets_;
    push(opens ? Tok::begin : Tok::end, name);
  }

  void layout(std::string_view text, std::size_t& i, std::string_view name) {
    spaced_ = true;
    if (name == "hspace" || name == "phantom") {
      if (i < text.size() && text[i] == '{') {
        const std::size_t close = closing_brace(text, i);
        if (close != std::string_view::npos) i = close + 1;
      }
      return;
    }
    if (name != "left" && name != "right") return;
    while (i < text.size() && is_space(text[i])) ++i;
    if (i < text.size() && text[i] == '.') ++i;                   // \left.
    if (i < text.size() && (text[i] == '{' || text[i] == '}')) {  // \left{ is meant as a set's brace
      push(Tok::command, text.substr(i, 1));
      if (text[i] == '{') ++brackets_;
      if (text[i] == '}' && brackets_ > 0) --brackets_;
      ++i;
    }
  }

  // A list of capital letters, perhaps with "and" or "or".
  static bool are_letters(std::string_view text) {
    if (text.find(',') == std::string_view::npos) return false;
    for (std::size_t i = 0; i < text.size();) {
      std::size_t stop = i;
      while (stop < text.size() && is_letter(text[stop])) ++stop;
      const std::string_view run = text.substr(i, stop - i);
      if (run.empty() ? text[i] != ',' && !is_space(text[i])
                      : !is_connector(run) && (run.size() > 1 || !is_upper(run[0])))
        return false;
      i = std::max(stop, i + 1);
    }
    return true;
  }

  // Whether a letter here is (a part of) a unit: 5\text{m}, \text{m}\,\text{s}^{-1}, 5\frac{\text{m}}{\text{s}}.
  bool in_unit(std::string_view letter) const {
    const Token* before = last();
    if (before == nullptr) return false;
    if (before->kind == Tok::number) return true;
    if (!find_unit(letter)) return false;
    const auto back = [&](std::size_t k) { return k < tokens_.size() ? tokens_[tokens_.size() - 1 - k] : Token{}; };
    const std::size_t skip = before->is("cdot") || before->is('/') ? 1 : 0;
    if (back(skip).kind == Tok::word && back(skip).text) return true;
    if (!before->is('{')) return false;
    if (back(1).is("frac")) return back(2).kind == Tok::number;
    return back(1).is('}') && back(2).kind == Tok::word && back(3).is('{') && back(4).is("frac");
  }

  void wrapper(std::string_view text, std::size_t& i, std::string_view name, int depth) {
    std::size_t at = i;
    while (at < text.size() && is_space(text[at])) ++at;
    if (at >= text.size() || text[at] != '{') {
      spaced_ = true;
      return;
    }
    const std::size_t close = closing_brace(text, at);
    if (close == std::string_view::npos || depth >= limits.depth) {
      spaced_ = true;
      i = at;
      return;
    }
    const std::string_view content = text.substr(at + 1, close - at - 1);
    i = close + 1;
    const bool prose = name.starts_with("text") || name == "mbox" || name == "hbox" || name == "emph" || name == "bold";
    std::string_view inner = trim(content);
    if (inner.starts_with('~')) {
      inner = trim(inner.substr(1));
      spaced_ = true;
    }
    if (inner.size() == 1 && is_letter(inner[0]) && !(inner.size() != content.size() && prose)) {
      const bool roman_unit = name == "mathrm" && find_unit(inner) && after_value() &&
                              (spaced_ || inner.size() < content.size());  // 20 \mathrm{N}
      if (inner != "i" && (roman_unit || (prose && in_unit(inner)))) {
        in_text_ = true;
        push(Tok::word, inner);
        in_text_ = false;
      } else if ((name == "mathbf" || name == "boldsymbol" || name == "bm") && inner[0] >= 'i' && inner[0] <= 'k') {
        push(Tok::symbol, "hat " + std::string(inner));  // unit vectors
      } else {                                           // \mathrm{E} is no number e, \mathrm{e} and \mathrm{i} are
        push(Tok::symbol, inner);
      }
      return;
    }
    const bool letters = std::ranges::all_of(inner, is_letter);
    if (letters && (inner == "cis" || (!prose && !plain_command(inner).empty()))) {
      push(Tok::command, inner == "cis" ? inner : plain_command(inner));
      return;
    }
    if (prose && are_letters(inner)) {  // \text{A, C, D}
      scan(content, false, depth + 1);
      return;
    }
    const bool roman = name == "mathrm" || name == "rm";
    if (!content.empty() && is_space(content.front())) spaced_ = true;
    const bool unit =
        roman && after_value() && (spaced_ || last()->kind == Tok::number) && std::ranges::all_of(content, [](char c) {
          return is_letter(c) || is_digit(c) || std::string_view("^{}-/ ~\\,").find(c) != std::string_view::npos;
        });  // 12 \mathrm{m^2}
    scan(content,
         prose || unit || (roman && std::ranges::all_of(inner, [](char c) { return is_letter(c) || is_space(c); })),
         depth + 1);
    if (!content.empty() && is_space(content.back())) spaced_ = true;
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  std::vector<int> braces_;
  int brackets_ = 0;  // inside brackets a comma separates items, not thousands
  int environments_ = 0;
  bool spaced_ = false;
  bool in_text_ = false;
};

// Answers that went through one escaping too many have every command doubled: \\frac{1}{2}. Outside of a matrix "\\" before a command's name is that; where
// "\\begin" itself is doubled, all of them are.
std::string undouble(std::string_view text) {
  const bool all = text.find("\\\\begin{") != std::string_view::npos;
  const bool matrix = text.find("\\begin{") != std::string_view::npos;
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '\\') {
      if (all) {
        out.push_back('\\');
        ++i;
        continue;
      }
      if (!matrix && i + 2 < text.size() && is_letter(text[i + 2])) {
        std::size_t stop = i + 2;
        while (stop < text.size() && is_letter(text[stop])) ++stop;
        if (is_known_command(text.substr(i + 2, stop - i - 2))) continue;
      }
      out += "\\\\";
      ++i;
      continue;
    }
    out.push_back(text[i]);
  }
  return out;
}

}  // namespace

std::vector<Token> lex(std::string_view answer) {
  if (answer.size() > limits.answer_bytes) return {};
  std::string text = to_ascii(answer);
  if (text.find("\\\\") != std::string::npos) text = undouble(text);
  std::vector<Token> tokens = Lexer(text).run();
  if (tokens.size() > limits.tokens) return {};
  return tokens;
}

}  // namespace cope::answer
