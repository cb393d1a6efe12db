#include "cope/run/task.h"

#include "cope/answer/math.h"

namespace cope {

namespace {

std::string trimmed(const std::string& text) {
  constexpr const char* blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace

std::optional<std::string> Task::answer(const std::string& text, const std::string& problem_id) const {
  if (hooks_.answer) return hooks_.answer(text, problem_id);
  if (kind_ == TaskKind::math) return extract_math(text);
  std::string whole = trimmed(text);
  if (whole.empty()) return std::nullopt;
  return whole;
}

VoteKey Task::key(const std::string& answer) const {
  if (hooks_.key) return vote_key_of(hooks_.key(answer));
  return vote_key_of(kind_ == TaskKind::math ? canonical_math(answer) : answer);
}

bool Task::grade(const std::string& gold, const std::string& answer, const std::string& problem_id) const {
  if (hooks_.grade) return hooks_.grade(gold, answer, problem_id);
  if (hooks_.key) return hooks_.key(gold) == hooks_.key(answer);
  return kind_ == TaskKind::math ? equivalent_math(gold, answer) : trimmed(gold) == answer;
}

}  // namespace cope
