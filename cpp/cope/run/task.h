// What a task decides: where the answer stands in a text, when two answers are the same, which of them is right. Native for the kinds in spec.h; each
// part can be replaced by the user's own function.
//
// Thread-safety: hooks are called on the engine's thread alone. What a hook throws ends the run and reaches the caller of Engine::run.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cope/run/spec.h"
#include "cope/vote/tally.h"

namespace cope {

struct Problem {
  std::int64_t position = 0;  // in the problem set, from 0
  std::string id;
  std::string question;
  std::optional<std::string> gold;
  std::string meta_json = "{}";
};

// The user's own functions; an empty one leaves the native behaviour.
struct Hooks {
  using Answered = std::vector<std::pair<std::string, std::optional<std::string>>>;  // (text, answer) of each sample

  std::function<std::optional<std::string>(const std::string& text, const std::string& problem_id)> answer;
  std::function<std::string(const std::string& answer)> key;
  std::function<bool(const std::string& gold, const std::string& answer, const std::string& problem_id)> grade;
  std::function<double(const std::string& text, const std::string& problem_id)> score;
  std::map<int, std::function<double(const Answered& samples, const std::string& problem_id)>> gate;  // by stage
  // By draw: (problem, field values) -> messages.
  std::map<int,
           std::function<std::vector<Message>(const Problem& problem, const std::map<std::string, std::string>& given)>>
      prompt;
};

class Task {
 public:
  Task(TaskKind kind, const Hooks& hooks) : kind_(kind), hooks_(hooks) {}

  std::optional<std::string> answer(const std::string& text, const std::string& problem_id) const;
  VoteKey key(const std::string& answer) const;
  bool grade(const std::string& gold, const std::string& answer, const std::string& problem_id) const;

 private:
  TaskKind kind_;
  const Hooks& hooks_;
};

}  // namespace cope
