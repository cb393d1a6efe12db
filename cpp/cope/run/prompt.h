// Prompts from templates: {question} and the fields of the draw are replaced, once, from left to right. What is put in is never looked at again, so
// braces in a problem or in a model's plan (LaTeX is full of them) stay what they are.
//
//   render("{question}\nGoal: {goal}", {{"question", q}, {"goal", g}})
//
// Thread-safety: pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace cope {

using Field = std::pair<std::string_view, std::string_view>;  // name, value

std::string render(std::string_view text, std::span<const Field> fields);

}  // namespace cope
