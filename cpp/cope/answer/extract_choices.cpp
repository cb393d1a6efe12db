// Choices and dates in sentences: "The answer is (B).", "neither A nor C", "the 2nd of May 2021".
#include <algorithm>

#include "cope/answer/chars.h"
#include "cope/answer/extract.h"
#include "cope/answer/passages.h"

namespace cope::answer {

namespace {

constexpr std::string_view closing_marks = ")]}*$`\" ";

// Whether the letter at a position names a choice: no part of a word, no article, no "I".
bool stands_alone(std::string_view text, std::size_t i) {
  const auto wordy = [](char c) { return is_letter(c) || is_digit(c) || c == '\''; };
  if (!is_upper(text[i]) || (i > 0 && (wordy(text[i - 1]) || text[i - 1] == '\\'))) return false;
  if (i + 1 == text.size()) return true;
  if (wordy(text[i + 1]) || (text[i] == 'I' && text[i + 1] == ' ')) return false;
  return text[i] != 'A' || text[i + 1] != ' ' || i + 2 == text.size() || !is_letter(text[i + 2]) ||
         is_upper(text[i + 2]) || behind_any(text, i + 2, {"and", "or", "is", "are"}) != i + 2;
}

// The letter that "and", "or" or a comma joins to the one at `i`: of "B and C"; none where none does. "B, C is too small" says B.
std::size_t joined_letter(std::string_view text, std::size_t i) {
  std::size_t at = i + 1;
  bool word = false;
  bool comma = false;
  while (at < text.size()) {
    const std::size_t before = at;
    if ((closing_marks.find(text[at]) != none && !word && !comma) || text[at] == ' ') ++at;
    at = behind_any(text, at, {"\\text{", "\\textbf{", "\\mathrm{"});
    if (const std::size_t end = behind_any(text, at, {"and", "or", "AND", "OR", "&", "/"}); end != at) {
      word = true;
      at = end;
    }
    if (at < text.size() && (text[at] == ',' || text[at] == ';')) {
      comma = true;
      ++at;
    }
    if (word || comma) {
      at = behind_any(text, at, {"(", "[", "*", "$", "}", "\\boxed{", "option", "Option", "choice"});
    }
    if (at == before) break;
  }
  if ((!word && !comma) || at >= text.size() || !stands_alone(text, at)) return none;
  if (word) return at;
  std::size_t after = at + 1;
  while (after < text.size() && closing_marks.find(text[after]) != none) ++after;
  const bool goes_on = after < text.size() && is_letter(text[after]) &&
                       behind_any(text, after, {"and", "or", "are", "AND", "OR"}) == after;
  return goes_on ? none : at;
}

// Whether "not", "neither" or the like stands in front of a letter.
bool is_denied(std::string_view text, std::size_t i) {
  std::string_view before = text.substr(0, i);
  for (int words = 0; words < 4; ++words) {
    while (!before.empty() && !is_letter(before.back()) && std::string_view(" ([{*$`\"\\").find(before.back()) != none)
      before.remove_suffix(1);
    std::size_t start = before.size();
    while (start > 0 && (is_letter(before[start - 1]) || before[start - 1] == '\'')) --start;
    const std::string word = lower(before.substr(start));
    if (word.ends_with("not") || word.ends_with("n't") || word == "neither" || word == "nor" || word == "except")
      return true;
    if (word != "option" && word != "choice" && word != "answer" && word != "be" && word != "the" && word != "text" &&
        word != "textbf" && word != "boxed")
      return false;
    before = before.substr(0, start);
  }
  return false;
}

// Of "(b)", "b) 12", "option b": b.
std::optional<char> small_label(std::string_view text) {
  text = without_marks(text);
  for (const std::string_view word : {"The ", "the ", "Option ", "option ", "Choice ", "choice "}) {
    if (text.starts_with(word)) text = trim(text.substr(word.size()));
  }
  const bool open = text.starts_with('(') || text.starts_with('[');
  if (open) text.remove_prefix(1);
  if (text.empty() || !is_letter(text[0]) || (text.size() > 1 && text[1] != ')' && text[1] != ']')) return std::nullopt;
  if (open && text.size() == 1) return std::nullopt;
  return static_cast<char>(is_upper(text[0]) ? text[0] : text[0] - 'a' + 'A');
}

// The first letter that stands alone and is not denied, and those that are joined to it.
std::string letters_in(std::string_view said) {
  if (const auto label = small_label(said); label && joined_letter(said, said.find_first_of(")]")) == none)
    return {*label};
  std::string letters;
  for (std::size_t i = 0; i < said.size(); ++i) {
    if (!stands_alone(said, i) || is_denied(said, i)) continue;
    for (std::size_t at = i; at != none && letters.size() < 26; at = joined_letter(said, at)) letters += said[at];
    return letters;
  }
  return letters;
}

}  // namespace

std::string extract_choices(std::string_view text) {
  text = trim(after_thinking(text));
  if (const auto box = boxed(text); box && !box->empty()) return letters_in(*box);
  if (const auto said = said_answer(text)) {
    if (auto letters = letters_in(*said); !letters.empty()) return letters;
  }
  for (const std::string_view word : {"hoice is", "ption is", "hoice:", "ption:"}) {
    if (const std::size_t at = rfind(text, word, 0, text.size()); at != none) {
      if (auto letters = letters_in(sentence(text.substr(at + word.size(), 32))); !letters.empty()) return letters;
    }
  }
  if (const auto label = small_label(text.substr(0, 64)); label && text.size() <= 64 && letters_in(text).size() == 1)
    return {*label};
  constexpr std::size_t short_list = 64;
  const std::string_view bare = without_marks(text);
  if (text.size() <= 3 || (bare.size() <= short_list && bare.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") <= 1)) {
    if (auto letters = letters_in(bare); text.size() <= 3 ? !letters.empty() : letters.size() > 1) return letters;
  }
  for (std::size_t i = text.size(); i-- > 0;) {
    if (!is_upper(text[i])) continue;
    const bool left = i > 0 && text[i - 1] == '(';
    const bool right = i + 1 < text.size() && text[i + 1] == ')';
    const bool start = i == 0 || text[i - 1] == '\n' || text[i - 1] == '*';
    const bool mark =
        i + 1 == text.size() || text[i + 1] == '.' || text[i + 1] == ':' || text[i + 1] == '*' || text[i + 1] == '\n';
    if (!(left && right) && !(start && (right || mark))) continue;
    if (is_denied(text, i)) continue;
    std::string letters(1, text[i]);
    if (const std::size_t next = joined_letter(text, i); next != none) letters += text[next];
    constexpr std::size_t nearest = 24;
    for (std::size_t k = i > nearest ? i - nearest : 0; k < i; ++k) {
      if (stands_alone(text, k) && joined_letter(text, k) == i) letters += text[k];
    }
    return letters;
  }
  return {};
}

std::optional<std::string> extract_choice(std::string_view text) {
  const std::string letters = extract_choices(text);
  if (letters.empty() || letters.find_first_not_of(letters[0]) != none) return std::nullopt;
  return letters.substr(0, 1);
}

namespace {

std::size_t before_any(std::string_view text, std::size_t end, std::string_view signs) {
  while (end > 0 && signs.find(text[end - 1]) != none) --end;
  return end;
}

std::size_t before_letters(std::string_view text, std::size_t end) {
  while (end > 0 && is_letter(text[end - 1])) --end;
  return end;
}

// Where the month, or the day (2, 2nd), begins that ends at `end`; none where there is none.
std::size_t before_month(std::string_view text, std::size_t end) {
  const std::size_t start = before_letters(text, end);
  return month_named(text.substr(start, end - start)) == 0 ? none : start;
}

std::size_t before_day(std::string_view text, std::size_t end) {
  for (const std::string_view ending : {"st", "nd", "rd", "th"}) {
    if (text.substr(0, end).ends_with(ending)) end -= ending.size();
  }
  std::size_t start = end;
  while (start > 0 && end - start < 3 && is_digit(text[start - 1])) --start;
  return end - start == 1 || end - start == 2 ? start : none;
}

// Where the date begins whose year is from `year` on: May 2, 2021; 2nd of May 2021.
std::size_t before_year(std::string_view text, std::size_t year) {
  constexpr std::string_view between = " ,.";
  const std::size_t end = before_any(text, year, between);
  if (end == year) return none;
  if (const std::size_t day = before_day(text, end); day != none)
    return before_month(text, before_any(text, day, between));
  const std::size_t month = before_month(text, end);
  if (month == none) return none;
  std::size_t before = before_any(text, month, between);
  if (text.substr(0, before).ends_with(" of")) before = before_any(text, before - 2, between);
  return before_day(text, before);
}

}  // namespace

std::optional<std::string_view> last_date(std::string_view text) {
  for (std::size_t end = text.size(); end > 0;) {
    while (end > 0 && !is_digit(text[end - 1])) --end;
    std::size_t start = end;
    int marks = 0;
    while (start > 0 && (is_digit(text[start - 1]) || ((text[start - 1] == '/' || text[start - 1] == '-') &&
                                                       start >= 2 && is_digit(text[start - 2])))) {
      if (!is_digit(text[start - 1])) ++marks;
      --start;
    }
    if (marks == 2 && end - start >= 8 && end - start <= 10) return text.substr(start, end - start);
    if (marks == 0 && end - start == 4) {
      if (const std::size_t begin = before_year(text, start); begin != none) return text.substr(begin, end - begin);
    }
    if (start == end) break;
    end = start;
  }
  return std::nullopt;
}

std::optional<std::string> extract_date(std::string_view text) {
  text = after_thinking(text);
  auto said = said_answer(text);
  if (const auto date = last_date(said ? std::string_view(*said) : text)) return std::string(*date);
  if (said) return said;
  // In other words, the last line, where it is short.
  std::string_view last = trim(text);
  const std::size_t line = last.rfind('\n');
  if (line != none) last = trim(last.substr(line + 1));
  if (last.empty() || last.size() > 40 || !std::ranges::any_of(last, is_digit)) return std::nullopt;
  return std::string(without_marks(last));
}

}  // namespace cope::answer
