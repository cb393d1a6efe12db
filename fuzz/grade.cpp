// Grading of two arbitrary answers, parted by the first line break: an answer is right against itself, and equal keys grade as correct.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cope/answer/kinds.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using cope::answer::Kind;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t part = text.find('\n');
  const std::string_view gold = text.substr(0, part);
  const std::string_view answer = part == std::string_view::npos ? gold : text.substr(part + 1);
  for (const Kind kind :
       {Kind::math, Kind::number, Kind::choice, Kind::date, Kind::text, Kind::output, Kind::automatic}) {
    const auto verdict = cope::answer::grade(gold, answer, kind);
    if (verdict.why.find('\n') != std::string_view::npos) std::abort();
    const auto left = cope::answer::vote_key(gold, kind);
    const auto right = cope::answer::vote_key(answer, kind);
    if (left && left == right && !verdict.correct) std::abort();
  }
  return 0;
}
