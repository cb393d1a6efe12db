#include "cope/answer/passages.h"

#include <algorithm>
#include <cstring>

#include "cope/answer/chars.h"

namespace cope::answer {

namespace {

// Boxes that are never closed are tried from the end; a text that opens thousands of them is given up on after a few.
constexpr int max_unclosed_boxes = 16;

}  // namespace

std::size_t rfind(std::string_view text, std::string_view needle, std::size_t key, std::size_t end) {
  while (end > 0) {
    const void* found = memrchr(text.data(), needle[key], end);
    if (found == nullptr) return none;
    const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    if (at >= key && text.substr(at - key).starts_with(needle)) return at - key;
    end = at;
  }
  return none;
}

namespace {

// Without the tokens that end a model's turn: <|im_end|>, </s>.
std::string_view without_end_tokens(std::string_view text) {
  constexpr std::size_t longest_token = 32;
  for (;;) {
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    const std::size_t before = text.size();
    for (const std::string_view token : {"</s>", "<eos>", "<end_of_turn>"}) {
      if (text.ends_with(token)) text.remove_suffix(token.size());
    }
    if (text.ends_with("|>")) {
      const std::size_t open = text.rfind("<|");
      if (open != none && text.size() - open <= longest_token) text = text.substr(0, open);
    }
    if (text.size() == before) return text;
  }
}

}  // namespace

std::string_view after_thinking(std::string_view text) {
  text = without_end_tokens(text);
  const std::size_t thought = rfind(text, "</think>", 7, text.size());  // '>' is rare in prose
  return thought == none ? text : text.substr(thought + 8);
}

std::optional<Box> box_before(std::string_view text, std::size_t end) {
  for (int tries = 0; tries < max_unclosed_boxes && end > 0;) {
    const std::size_t at = rfind(text, "box", 2, end);
    if (at == none) return std::nullopt;
    end = at;
    std::size_t open = at + 3;
    std::size_t begin = at;
    if (text.substr(open, 2) == "ed") open += 2;
    if (begin > 0 && text[begin - 1] == 'f') --begin;          // \fbox
    if (text.substr(0, begin).ends_with("frame")) begin -= 5;  // \framebox
    if (text.substr(0, begin).ends_with("begin")) begin -= 5;  // \beginboxed
    if (begin == 0 || text[begin - 1] != '\\') continue;
    --begin;
    ++tries;
    const std::size_t name_end = open;
    while (open < text.size() && is_space(text[open])) ++open;
    if (open >= text.size()) continue;
    if (text[open] == '{') {
      const std::string_view window = text.substr(0, std::min(text.size(), open + longest_box));
      const std::size_t close = closing_brace(window, open);
      if (close != none) return Box{begin, close + 1, text.substr(open + 1, close - open - 1)};
    } else if (open > name_end) {  // \boxed 5
      std::size_t stop = open;
      while (stop < text.size() && !is_space(text[stop]) && text[stop] != '$') ++stop;
      std::string_view content = text.substr(open, stop - open);
      while (!content.empty() && (content.back() == '.' || content.back() == ',')) content.remove_suffix(1);
      if (!content.empty()) return Box{begin, stop, content};
    }
  }
  return std::nullopt;
}

namespace {

constexpr std::size_t longest_connector = 24;

// Whether only "and", "or", commas and the signs of mathematics stand between two boxes, and a connector among them.
bool only_connectors(std::string_view between) {
  if (between.size() > longest_connector) return false;
  bool connector = false;
  for (std::size_t i = 0; i < between.size();) {
    const char c = between[i];
    if (between.substr(i).starts_with("and")) {
      connector = true;
      i += 3;
    } else if (between.substr(i).starts_with("\\text{ and }")) {
      connector = true;
      i += 12;
    } else if (between.substr(i).starts_with("or")) {
      connector = true;
      i += 2;
    } else if (between.substr(i).starts_with("\\text{ or }")) {
      connector = true;
      i += 11;
    } else if (between.substr(i).starts_with("\\(") || between.substr(i).starts_with("\\)") ||
               between.substr(i).starts_with("\\,")) {
      i += 2;
    } else if (between.substr(i).starts_with("\\quad")) {
      i += 5;
    } else if (c == ',') {
      connector = true;
      ++i;
    } else if (c == '$' || is_space(c)) {
      ++i;
    } else {
      return false;
    }
  }
  return connector;
}

// Whether a connector stands in front of a position; where none does, no box before it need be looked for.
bool behind_connector(std::string_view text, std::size_t at) {
  for (std::size_t length = 1; length <= std::min(at, longest_connector); ++length) {
    if (only_connectors(text.substr(at - length, length))) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> boxed(std::string_view text) {
  auto last = box_before(text, text.size());
  if (!last) return std::nullopt;
  for (int empty = 0; empty < 4 && trim(last->content).empty();
       ++empty) {  // \\boxed{} shows where the answer should stand
    const auto before = box_before(text, last->begin);
    if (!before) break;
    last = before;
  }
  std::string content(trim(last->content));
  std::size_t begin = last->begin;
  for (int more = 0; more < 16 && behind_connector(text, begin); ++more) {
    const auto before = box_before(text, begin);
    if (!before || before->end > begin || !only_connectors(text.substr(before->end, begin - before->end))) break;
    const std::string_view part = trim(before->content);
    if (!part.empty()) content.insert(0, std::string(part).append(", "));
    begin = before->begin;
  }
  return content;
}

std::string without_empty_boxes(std::string_view text) {
  std::string rest(text);
  std::size_t end = rest.size();
  for (int tries = 0; tries < 16; ++tries) {
    const auto box = box_before(rest, end);
    if (!box) break;
    end = box->begin;
    if (!trim(box->content).empty()) continue;
    std::size_t stop = box->end;
    while (end > 0 && stop < rest.size() && rest[end - 1] == '$' && rest[stop] == '$') --end, ++stop;
    rest.erase(end, stop - end);
  }
  return rest;
}

std::string_view sentence(std::string_view text) {
  const std::size_t line = text.find('\n');
  if (line != none) text = text.substr(0, line);
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '.' && is_space(text[i + 1]) &&
        (i == 0 || !is_digit(text[i - 1]) || i + 2 >= text.size() || !is_digit(text[i + 2]))) {
      if (i >= 1 && text[i - 1] == 'm') continue;  // p.m.
      const std::string_view before = text.substr(0, i);
      if (before.ends_with("Mr") || before.ends_with("Mrs") || before.ends_with("Ms") || before.ends_with("Dr") ||
          before.ends_with("St") || before.ends_with("vs"))
        continue;
      return text.substr(0, i);
    }
  }
  return text;
}

std::string_view without_marks(std::string_view text) {
  for (;;) {
    const std::size_t before = text.size();
    text = trim(text);
    for (const std::string_view mark : {"**", "__", "`", ":", "*", "\""}) {
      if (text.starts_with(mark)) text.remove_prefix(mark.size());
      if (text.ends_with(mark)) text.remove_suffix(mark.size());
    }
    if (text.ends_with('.') || text.ends_with(',')) text.remove_suffix(1);
    if (text.size() == before) return text;
  }
}

bool around_math(std::string_view text, std::size_t open, std::size_t close) {
  if (close + 1 < text.size() && is_digit(text[close + 1])) return false;
  return close > open + 1 && is_space(text[open + 1]) == is_space(text[close - 1]);
}

std::optional<std::string_view> first_math(std::string_view text) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '\\' && (text[i + 1] == '(' || text[i + 1] == '[')) {
      const std::size_t close = text.find(text[i + 1] == '(' ? "\\)" : "\\]", i + 2);
      if (close != none) return text.substr(i + 2, close - i - 2);
    }
    if (text[i] == '$' && (i == 0 || text[i - 1] != '\\')) {
      std::size_t begin = i + 1;
      const bool doubled = text[begin] == '$';
      if (doubled) ++begin;
      std::size_t close = text.find('$', begin);
      while (close != none && text[close - 1] == '\\') close = text.find('$', close + 1);
      if (close == none) return std::nullopt;
      if (doubled ? close > begin : around_math(text, i, close)) return text.substr(begin, close - begin);
    }
  }
  return std::nullopt;
}

std::optional<std::string> joined_math(std::string_view text) {
  const auto first = first_math(text);
  if (!first) return std::nullopt;
  std::string all(trim(*first));
  const char* end = first->data() + first->size();
  for (int more = 0; more < 16; ++more) {
    std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
    rest.remove_prefix(std::min(rest.find_first_not_of("$\\)]"), rest.size()));
    const auto next = first_math(rest);
    if (!next) break;
    const std::string_view gap = rest.substr(0, static_cast<std::size_t>(next->data() - rest.data()));
    if (!only_connectors(gap)) break;
    all.append(", ").append(trim(*next));
    end = next->data() + next->size();
  }
  return all;
}

std::size_t behind_any(std::string_view text, std::size_t at, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (!text.substr(at).starts_with(word)) continue;
    const std::size_t end = at + word.size();
    if (!is_letter(word.back()) || end >= text.size() || !is_letter(text[end])) return end;
  }
  return at;
}

int month_named(std::string_view word) {
  constexpr std::string_view months[] = {"january", "february", "march",     "april",   "may",      "june",
                                         "july",    "august",   "september", "october", "november", "december"};
  const std::string small = lower(word);
  for (std::size_t k = 0; k < 12; ++k) {
    const bool short_form = small.size() == 3 || small == "sept";
    if (small == months[k] || (short_form && months[k].starts_with(small))) return static_cast<int>(k) + 1;
  }
  return 0;
}

bool is_prose(std::string_view text) {
  int words = 0;
  std::size_t letters = 0;
  for (const char c : text) {
    letters = is_letter(c) ? letters + 1 : 0;
    if (letters == 2) ++words;
    if (c == '\\') return false;
  }
  return words >= 4;
}

bool has_content(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return is_digit(c) || is_letter(c) || (static_cast<unsigned char>(c) & 0x80U) != 0; });
}

}  // namespace cope::answer
