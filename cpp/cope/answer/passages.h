// Where things stand in the text of a model: boxes, pieces of mathematics, sentences, marks; what extract.cpp looks for.
//
// Thread-safety: pure functions, linear in the text.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace cope::answer {

inline constexpr std::size_t none = std::string_view::npos;
inline constexpr std::size_t longest_box = 1 << 16;

// std::string_view::rfind before `end`, through memrchr on the needle's rarest character, which is its `key`-th.
std::size_t rfind(std::string_view text, std::string_view needle, std::size_t key, std::size_t end);

// What follows the last </think>, without the tokens that end a model's turn.
std::string_view after_thinking(std::string_view text);

struct Box {
  std::size_t begin;  // of the command
  std::size_t end;    // past the closing brace
  std::string_view content;
};

// The last complete box before `end`.
std::optional<Box> box_before(std::string_view text, std::size_t end);

// The content of the last box that is not empty, and of those that are joined to it.
std::optional<std::string> boxed(std::string_view text);

// Without the last few boxes that hold nothing.
std::string without_empty_boxes(std::string_view text);

// The end of what is said in one go: a line, or a sentence.
std::string_view sentence(std::string_view text);

// Without bold marks, quotation marks, colons and closing punctuation around it.
std::string_view without_marks(std::string_view text);

// Whether the dollar signs at `open` and `close` stand around mathematics and are no prices, as pandoc tells them apart: "$4 + $5" has blanks on one side
// only, or a digit behind the second.
bool around_math(std::string_view text, std::size_t open, std::size_t close);

// The first piece of mathematics in a text: between $ signs, \( \) or \[ \].
std::optional<std::string_view> first_math(std::string_view text);

// The first piece of mathematics and those that only "and", "or" or a comma join to it.
std::optional<std::string> joined_math(std::string_view text);

// Past the first of some words that stands at `at` and is no part of a longer one; `at` where none does.
std::size_t behind_any(std::string_view text, std::size_t at, std::initializer_list<std::string_view> words);

// 1 to 12 of January or Jan to December or Dec; 0 where it is no month.
int month_named(std::string_view word);

// A sentence rather than an answer: four words or more.
bool is_prose(std::string_view text);

bool has_content(std::string_view text);

}  // namespace cope::answer
