// Voting: which class of answers has most votes, and when that can no longer change.
//
//   Tally tally;
//   tally.add(key); tally.add_unscored();  …
//   tally.leader_votes(), tally.leader_first()      // ties: the class seen first in sampling order
//   tally.leader_settled(remaining)                 // no continuation of `remaining` samples changes the majority class
//
// An unscored sample never votes. It counts in the denominator k, not in `answered`.
//
// Thread-safety: a value; not synchronised.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace cope {

// The class of an answer: 128 bits of a hash of its canonical form (answer/). Equal keys mean equivalent answers.
struct VoteKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const VoteKey&) const = default;
};

VoteKey vote_key_of(std::string_view canonical_answer);

class Tally {
 public:
  void add(const VoteKey& key);
  void add_unscored() { ++samples_; }

  int samples() const { return samples_; }
  int answered() const { return answered_; }
  int classes() const { return classes_; }
  int leader_votes() const { return classes_ == 0 ? 0 : at(leader_).votes; }
  // The index, in sampling order, of the first sample of the majority class; -1 while nothing was scored.
  int leader_first() const { return classes_ == 0 ? -1 : at(leader_).first; }
  // True when no continuation of `remaining` samples can change the majority class.
  bool leader_settled(int remaining) const;

 private:
  struct Class {
    VoteKey key;
    int votes;
    int first;
  };
  // Classes live in order of first appearance, the first few without an allocation: replays tally millions of small votes.
  static constexpr int inline_classes = 16;
  Class& at(int index) {
    return index < inline_classes ? inline_[to_size(index)] : more_[to_size(index - inline_classes)];
  }
  const Class& at(int index) const {
    return index < inline_classes ? inline_[to_size(index)] : more_[to_size(index - inline_classes)];
  }
  static std::size_t to_size(int index) { return static_cast<std::size_t>(index); }

  std::array<Class, inline_classes> inline_;  // entries below classes_ are set
  std::vector<Class> more_;
  int classes_ = 0;
  int leader_ = 0;
  int samples_ = 0;
  int answered_ = 0;
};

}  // namespace cope
