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

#include <compare>
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
  // 0 and -1 while nothing was scored.
  int leader_votes() const;
  int leader_first() const;  // index, in sampling order, of the first sample of the majority class
  VoteKey leader_key() const;  // REQUIRES: answered() > 0
  bool leader_settled(int remaining) const;
  int classes() const { return static_cast<int>(classes_.size()); }

 private:
  struct Class {
    VoteKey key;
    int votes;
    int first;
  };
  std::vector<Class> classes_;  // in order of first appearance, so the first of the largest wins ties
  int samples_ = 0;
  int answered_ = 0;
};

}  // namespace cope
