// What reading an answer may cost. Answers come from models, so every loop of this layer is bounded: by the sizes below, or by steps of a Meter. Past
// a limit an answer is compared as text and marked `unevaluated`; nothing throws and nothing is cut short by a clock or a signal.
//
// Thread-safety: a Meter belongs to one call.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cope::answer {

struct Limits {
  std::size_t answer_bytes = 8192;  // longer answers are compared as text
  std::size_t tokens = 4096;
  int depth = 48;    // of brackets and the like, while parsing
  int height = 200;  // of a tree
  std::size_t nodes = 8192;
  std::size_t cells = 1024;            // of a matrix, a list, a set
  std::size_t exact_bits = 1U << 17U;  // of a numerator or a denominator: about 39,000 digits
  std::uint64_t steps = 4000;          // one step: a node evaluated once; costly functions count more
  std::size_t precision_bits = 2048;   // the highest precision that is tried
};

inline constexpr Limits limits{};

// Counts steps, before they are taken. Once one is refused all further ones are, so an evaluation ends at once.
class Meter {
 public:
  bool spend(std::uint64_t steps) {
    if (steps > limits.steps - used_) {
      exhausted_ = true;
      return false;
    }
    used_ += steps;
    return !exhausted_;
  }
  bool exhausted() const { return exhausted_; }
  std::uint64_t used() const { return used_; }

 private:
  std::uint64_t used_ = 0;  // never more than limits.steps
  bool exhausted_ = false;
};

}  // namespace cope::answer
