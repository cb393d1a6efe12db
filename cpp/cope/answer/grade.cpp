#include "cope/answer/grade.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "cope/answer/chars.h"
#include "cope/answer/extract.h"
#include "cope/answer/leniency.h"
#include "cope/answer/reading.h"

namespace cope::answer {

namespace {

Tier tier_of(Reading& a, Reading& b) {
  if (a.unevaluated() || b.unevaluated()) return Tier::unevaluated;
  if (a.is_text() || b.is_text()) return Tier::text;
  if (a.used_balls() || b.used_balls()) return Tier::value;
  const auto simple = [](Reading& reading) {
    return reading.root() >= 0 && !reading.key().empty() && (is_digit(reading.key()[0]) || reading.key()[0] == '-') &&
           reading.key().find(' ') == std::string::npos;
  };
  return simple(a) && simple(b) ? Tier::rational : Tier::structure;
}

Verdict verdict(bool correct, Tier tier, std::string reason, Reading& gold, Reading& answer) {
  reason += "; gold: " + gold.description() + "; answer: " + answer.description();
  return {correct, tier, one_line(std::move(reason))};
}

// 12 m for 12, for 12 cm or for 0.12 km: the letter is a unit, where the other side has one or has no variables.
Reason letters_as_units(Reading& gold, std::string_view gold_text, Reading& answer, std::string_view answer_text) {
  const auto measured = [](Reading& reading) {
    return reading.root() >= 0 && reading.tree()[reading.root()].op == Op::measure;
  };
  const auto same = [](Reading& left, Reading& right) -> Reason {
    if (left.key() == right.key()) return "the letter is a unit";
    const auto reason = leniency(left, right);
    return reason ? Reason("the letter is a unit; " + *reason) : std::nullopt;
  };
  if (gold.root() < 0 || answer.root() < 0) return std::nullopt;
  if (!measured(answer) && !with_units(answer.tokens(), false).empty() &&
      (measured(gold) || !gold.evaluator().has_symbols(gold.root()))) {
    Reading right(answer_text, {.units = true});
    return same(gold, right);
  }
  if (measured(answer) && !measured(gold) && !with_units(gold.tokens(), false).empty()) {
    Reading left(gold_text, {.units = true});
    return same(left, answer);
  }
  return std::nullopt;
}

// Behind the "(C)" of "(C) 12", which only names the choice; none where nothing stands there.
std::optional<std::string_view> behind_choice(std::string_view text) {
  std::size_t end = text.find(')');
  if (end > 32) return std::nullopt;  // or there is none
  ++end;
  while (end < text.size() && (is_space(text[end]) || text[end] == '}' || text[end] == '~')) ++end;
  const auto tokens = lex(text.substr(0, end));
  if (tokens.empty() || !choice_letter(tokens, true)) return std::nullopt;
  const std::string_view rest = trim(text.substr(end));
  return rest.empty() ? std::nullopt : std::optional(rest);
}

bool has_symbol_i(const Reading& reading) {
  return reading.tokens().size() > 2 && std::ranges::any_of(reading.tokens(), [](const Token& token) {
           return token.kind == Tok::symbol && token.value == "I";
         });
}

bool has_bare_log(const Reading& reading) {
  const auto& tokens = reading.tokens();
  for (std::size_t k = 0; k + 1 < tokens.size(); ++k) {
    if (tokens[k].is("log") && !tokens[k + 1].is('_')) return true;
  }
  return false;
}

}  // namespace

std::string_view tier_name(Tier tier) {
  switch (tier) {
    case Tier::string:
      return "string";
    case Tier::rational:
      return "rational";
    case Tier::value:
      return "value";
    case Tier::structure:
      return "structure";
    case Tier::text:
      return "text";
    case Tier::leniency:
      return "leniency";
    case Tier::unevaluated:
      return "unevaluated";
  }
  return "";
}

Verdict grade_math(std::string_view gold_text, std::string_view answer_text) {
  Reading gold(gold_text);
  const auto attempt = [&](std::string_view text) -> Verdict {
    Reading answer(text);
    if (answer.source().empty() || gold.source().empty()) return {false, Tier::string, "there is no answer"};
    if (gold.source() == answer.source())
      return {true, Tier::string, one_line("the same text: " + gold.source().substr(0, 80))};
    if (gold.too_long() || answer.too_long())
      return {false, Tier::unevaluated, "different; one is too long to be read"};
    if (gold.key() == answer.key()) return verdict(true, tier_of(gold, answer), "equivalent", gold, answer);
    if (auto reason = leniency(gold, answer))
      return verdict(true, Tier::leniency, reason->empty() ? "equivalent" : *reason, gold, answer);
    for (const Dialect dialect :
         {Dialect{.upper_i = true, .log_ten = false}, Dialect{.upper_i = false, .log_ten = true}}) {
      if (dialect.upper_i && has_symbol_i(gold) == has_symbol_i(answer)) continue;
      if (dialect.log_ten && has_bare_log(gold) == has_bare_log(answer)) continue;
      Reading left(gold_text, dialect);
      Reading right(text, dialect);
      if (left.key() == right.key())
        return verdict(true, Tier::leniency, dialect.upper_i ? "I is the imaginary unit" : "log is decimal", gold,
                       answer);
    }
    if (auto reason = letters_as_units(gold, gold_text, answer, text))
      return verdict(true, Tier::leniency, *reason, gold, answer);
    return verdict(false, tier_of(gold, answer), "different", gold, answer);
  };
  Verdict first = attempt(answer_text);
  if (first.correct) return first;
  constexpr std::size_t label = 48;
  const bool labelled = answer_text.substr(0, label).find(')') != std::string_view::npos;
  const Reading whole(labelled ? answer_text : std::string_view());
  if (const auto rest = behind_choice(whole.source()); rest && !choice_letter(gold.tokens(), true)) {
    Verdict behind = attempt(*rest);
    if (behind.correct) return {true, Tier::leniency, "the choice is added; " + behind.why};
  }
  // A whole solution: what it gives as its answer.
  if (const auto inner = extract_math(answer_text); inner && trim(*inner) != trim(answer_text)) {
    const bool lines = answer_text.find('\n') != std::string_view::npos && Reading(answer_text).is_text();
    if (lines || looks_like_output(answer_text)) return attempt(*inner);
  }
  return first;
}

}  // namespace cope::answer
