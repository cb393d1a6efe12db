#include "cope/answer/kinds.h"

#include <algorithm>
#include <array>
#include <utility>

#include "cope/answer/chars.h"
#include "cope/answer/extract.h"
#include "cope/answer/parser.h"
#include "cope/answer/passages.h"
#include "cope/answer/reading.h"
#include "cope/base/digest.h"

namespace cope::answer {

namespace {

constexpr std::array<std::pair<std::string_view, Kind>, 8> names{{{"math", Kind::math},
                                                                  {"integer", Kind::integer},
                                                                  {"number", Kind::number},
                                                                  {"choice", Kind::choice},
                                                                  {"date", Kind::date},
                                                                  {"text", Kind::text},
                                                                  {"output", Kind::output},
                                                                  {"auto", Kind::automatic}}};

std::string shortened(const std::string& key) { return key.size() <= 256 ? key : "long:" + sha256(key).hex(); }

// The number of an answer such as "$1,200.50", "18 dollars", "50%", "about 7 days": its own value where it is mathematics, else its last number.
std::optional<std::string> number_key(std::string_view answer) {
  Reading reading(answer);
  View view = reading.view();
  if (view.value >= 0) {
    const Tree& tree = reading.tree();
    bool minus = false;
    while (tree[view.value].op == Op::negate) {
      minus = !minus;
      view.value = tree.kid(view.value, 0);
    }
    if (tree[view.value].op == Op::percent) view.value = tree.kid(view.value, 0);
    if (const auto value = reading.evaluator().exact(view.value); value && value->real())
      return text_of({minus ? mpq_class(-value->re) : value->re, 0});
  }
  const auto digits = extract_number(answer);
  if (!digits) return std::nullopt;
  Reading last(*digits);
  return last.key();
}

// YYYY-MM-DD of a text that is one date.
std::optional<std::string> date_key(std::string_view text) {
  text = trim(text);
  if (text.size() > 40) return std::nullopt;
  int numbers[3] = {0, 0, 0};
  std::size_t widths[3] = {0, 0, 0};
  int count = 0;
  int month = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (is_digit(text[i])) {
      if (count == 3) return std::nullopt;
      while (i < text.size() && is_digit(text[i]) && widths[count] < 5) {
        numbers[count] = 10 * numbers[count] + (text[i++] - '0');
        ++widths[count];
      }
      ++count;
    } else if (is_letter(text[i])) {
      const std::size_t start = i;
      while (i < text.size() && is_letter(text[i])) ++i;
      const std::string word = lower(text.substr(start, i - start));
      const bool ending =
          (word == "st" || word == "nd" || word == "rd" || word == "th") && start > 0 && is_digit(text[start - 1]);
      if (ending || word == "of" || word == "the" || word.ends_with("day")) continue;
      if (month != 0 || month_named(word) == 0) return std::nullopt;
      month = month_named(word);
    } else if (std::string_view("/-., \\{}$*").find(text[i]) != std::string_view::npos) {
      ++i;
    } else {
      return std::nullopt;
    }
  }
  int year = 0;
  int day = 0;
  if (month != 0) {
    if (count != 2) return std::nullopt;
    const bool year_first = widths[0] == 4;
    day = numbers[year_first ? 1 : 0];
    year = numbers[year_first ? 0 : 1];
    if (widths[year_first ? 0 : 1] != 4) return std::nullopt;
  } else {
    if (count != 3) return std::nullopt;
    if (widths[0] == 4) {
      year = numbers[0];
      month = numbers[1];
      day = numbers[2];
    } else if (widths[2] == 4) {
      month = numbers[0];
      day = numbers[1];
      year = numbers[2];
    } else {
      return std::nullopt;
    }
  }
  if (month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
  const auto padded = [](int value, std::size_t width) {
    std::string digits = std::to_string(value);
    return std::string(width - std::min(width, digits.size()), '0') + digits;
  };
  return padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2);
}

// Without $ signs and \text{...} and the like around the whole.
std::string_view bare_words(std::string_view text) {
  for (int round = 0; round < 8; ++round) {
    const std::size_t before = text.size();
    text = trim(text);
    if (text.size() > 1 && text.starts_with('$') && text.ends_with('$')) text = trim(text.substr(1, text.size() - 2));
    for (const std::string_view name :
         {"\\text{", "\\textbf{", "\\textit{", "\\mathrm{", "\\mathbf{", "\\mbox{", "\\boxed{"}) {
      if (text.starts_with(name) && closing_brace(text, name.size() - 1) == text.size() - 1)
        text = text.substr(name.size(), text.size() - name.size() - 1);
    }
    if (text.size() == before) break;
  }
  return text;
}

// Lower case, no articles, no punctuation, single blanks.
std::string text_key(std::string_view answer) {
  answer = bare_words(answer);
  std::string key;
  std::string word;
  const auto flush = [&] {
    if (!word.empty() && word != "a" && word != "an" && word != "the") {
      if (!key.empty()) key += ' ';
      key += word;
    }
    word.clear();
  };
  for (const char c : answer) {
    const bool inside = is_letter(c) || is_digit(c) || (static_cast<unsigned char>(c) & 0x80U) != 0;
    if (inside)
      word += lower(c);
    else if (c != '\'')
      flush();
  }
  flush();
  return key.empty() ? std::string(trim(answer)) : key;
}

std::string code_key(std::string_view answer) {
  std::string key;
  std::size_t start = 0;
  while (start <= answer.size()) {
    const std::size_t stop = std::min(answer.find('\n', start), answer.size());
    std::string_view line = answer.substr(start, stop - start);
    while (!line.empty() && is_space(line.back())) line.remove_suffix(1);
    key += line;
    key += '\n';
    start = stop + 1;
  }
  while (!key.empty() && key.back() == '\n') key.pop_back();
  const std::size_t first = key.find_first_not_of('\n');
  return first == std::string::npos ? std::string() : key.substr(first);
}

// "B"; "B,C" of a list.
std::string choice_key(std::string_view answer) {
  std::string letters = extract_choices(answer);
  if (letters.empty()) return "t:" + text_key(answer);
  std::ranges::sort(letters);
  letters.erase(std::unique(letters.begin(), letters.end()), letters.end());
  std::string key(1, letters[0]);
  for (const char letter : letters.substr(1)) key.append(1, ',').append(1, letter);
  return key;
}

// The date that an output gives; none where it names several and does not say which.
std::optional<std::string> given_date(std::string_view output) {
  const auto said = said_answer(output);
  const std::string_view text = said ? std::string_view(*said) : output;
  const auto date = last_date(text);
  if (!date) return std::nullopt;
  const auto key = date_key(*date);
  const auto other = last_date(text.substr(0, static_cast<std::size_t>(date->data() - text.data())));
  return other && date_key(*other) != key ? std::nullopt : key;
}

std::optional<std::string> math_key(std::string_view answer) {
  Reading reading(answer);
  if (reading.source().empty()) return std::nullopt;  // "$$"
  return reading.key();
}

}  // namespace

std::optional<Kind> kind_named(std::string_view name) {
  for (const auto& [known, kind] : names) {
    if (known == name) return kind;
  }
  return std::nullopt;
}

std::optional<std::string> extract(std::string_view text, Kind kind) {
  switch (kind) {
    case Kind::math:
    case Kind::integer:
      return extract_math(text);
    case Kind::number: {
      auto said = extract_math(text);
      if (said && number_key(*said)) return said;
      return extract_number(text);
    }
    case Kind::choice:
      return extract_choice(text);
    case Kind::date:
      return extract_date(text);
    case Kind::text:
      return extract_text(text);
    case Kind::output:
      return extract_code(text);
    case Kind::automatic: {
      if (auto said = extract_math(text)) return said;
      auto whole = whole_text(text);
      return whole && whole->size() <= 200 ? whole : std::nullopt;
    }
  }
  return std::nullopt;
}

std::optional<std::string> vote_key(std::string_view answer, Kind kind) {
  if (trim(answer).empty()) return std::nullopt;
  switch (kind) {
    case Kind::math:
      return math_key(answer);
    case Kind::integer:
    case Kind::number: {
      if (auto key = number_key(answer)) return key;
      return shortened("t:" + text_key(answer));
    }
    case Kind::choice:
      return shortened(choice_key(answer));
    case Kind::date: {
      if (auto key = date_key(answer)) return key;
      return shortened("t:" + text_key(answer));
    }
    case Kind::text:
      return shortened(text_key(answer));
    case Kind::output: {
      std::string key = code_key(answer);
      return shortened(key.empty() ? "blank" : key);
    }
    case Kind::automatic: {
      if (auto key = date_key(answer)) return key;
      return math_key(answer);
    }
  }
  return std::nullopt;
}

Verdict grade(std::string_view gold, std::string_view answer, Kind kind) {
  if (trim(gold).empty() || trim(answer).empty()) return {false, Tier::string, "there is no answer"};
  if (kind == Kind::math || (kind == Kind::automatic && !(date_key(gold) && date_key(answer))))
    return grade_math(gold, answer);
  const auto left = vote_key(gold, kind);
  auto right = vote_key(answer, kind);
  if (left != right) {  // of a whole output, what it says the answer is
    std::optional<std::string> given;
    if (kind == Kind::date && !date_key(answer)) given = given_date(answer);
    if (kind == Kind::text) {
      if (const auto said = said_answer(answer)) given = vote_key(*said, kind);
    }
    if (given) right = std::move(given);
  }
  const bool same = left && right && *left == *right;
  const bool number = kind == Kind::integer || kind == Kind::number;
  const auto shown = [](const std::optional<std::string>& key) { return one_line(key.value_or("").substr(0, 80)); };
  return {same, number ? Tier::rational : Tier::text,
          std::string(same ? "equivalent" : "different") + "; gold: " + shown(left) + "; answer: " + shown(right)};
}

}  // namespace cope::answer
