#include "cope/vote/tally.h"

#include "cope/base/digest.h"

namespace cope {

VoteKey vote_key_of(std::string_view canonical_answer) {
  const Digest digest = sha256(canonical_answer);
  VoteKey key;
  for (std::size_t i = 0; i < 8; ++i) {
    key.high = key.high << 8 | digest.bytes[i];
    key.low = key.low << 8 | digest.bytes[i + 8];
  }
  return key;
}

void Tally::add(const VoteKey& key) {
  int index = 0;
  while (index < classes_ && at(index).key != key) ++index;
  if (index == classes_) {
    const Class fresh{key, 0, samples_};
    if (index < inline_classes) {
      inline_[to_size(index)] = fresh;
    } else {
      more_.push_back(fresh);
    }
    ++classes_;
  }
  Class& voted = at(index);
  ++voted.votes;
  ++samples_;
  ++answered_;
  const Class& leader = at(leader_);
  if (voted.votes > leader.votes || (voted.votes == leader.votes && voted.first < leader.first)) leader_ = index;
}

bool Tally::leader_settled(int remaining) const {
  if (remaining == 0) return true;
  const int votes = leader_votes();
  if (remaining > votes)
    return false;  // a class not seen yet could still win; with equal votes the one seen earlier stays ahead
  for (int index = 0; index < classes_; ++index) {
    if (index == leader_) continue;
    const int reach = at(index).votes + remaining;
    if (reach > votes || (reach == votes && index < leader_)) return false;
  }
  return true;
}

}  // namespace cope
