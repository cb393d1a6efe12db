#include "cope/run/task.h"

#include "cope/answer/kinds.h"

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
  if (kind_ != TaskKind::text) return answer::extract(text, kind_);
  std::string whole = trimmed(text);
  if (whole.empty()) return std::nullopt;
  return whole;
}

VoteKey Task::key(const std::string& answer) const {
  if (hooks_.key) return vote_key_of(hooks_.key(answer));
  return vote_key_of(kind_ == TaskKind::text ? answer : answer::vote_key(answer, kind_).value_or(""));
}

bool Task::grade(const std::string& gold, const std::string& answer, const std::string& problem_id) const {
  if (hooks_.grade) return hooks_.grade(gold, answer, problem_id);
  if (hooks_.key) return hooks_.key(gold) == hooks_.key(answer);
  return kind_ == TaskKind::text ? trimmed(gold) == answer : answer::grade(gold, answer, kind_).correct;
}

}  // namespace cope
