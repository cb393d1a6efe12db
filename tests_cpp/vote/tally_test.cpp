#include "cope/vote/tally.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <vector>

namespace cope {
namespace {

VoteKey key(int label) { return VoteKey{0, static_cast<std::uint64_t>(label)}; }

Tally tally_of(const std::vector<int>& labels) {
  Tally tally;
  for (const int label : labels) {
    if (label < 0) {
      tally.add_unscored();
    } else {
      tally.add(key(label));
    }
  }
  return tally;
}

// The definition, said slowly: count each class, take the largest, the earliest on a tie.
int majority_by_definition(const std::vector<int>& labels) {
  std::map<int, int> votes;
  for (const int label : labels) {
    if (label >= 0) ++votes[label];
  }
  int best = -1;
  for (const int label : labels) {
    if (label >= 0 && (best < 0 || votes[label] > votes[best])) best = label;
  }
  return best;
}

void for_each_sequence(int length, int classes, const std::function<void(const std::vector<int>&)>& visit) {
  std::vector<int> labels(static_cast<std::size_t>(length), -1);
  for (;;) {
    visit(labels);
    std::size_t i = 0;
    while (i < labels.size() && ++labels[i] == classes) labels[i++] = -1;
    if (i == labels.size()) return;
  }
}

TEST(Tally, empty_has_no_leader) {
  const Tally tally{};
  EXPECT_EQ(tally.leader_first(), -1);
  EXPECT_EQ(tally.leader_votes(), 0);
  EXPECT_TRUE(tally.leader_settled(0));
  EXPECT_FALSE(tally.leader_settled(1));
}

TEST(Tally, ties_go_to_the_class_seen_first) {
  EXPECT_EQ(tally_of({7, 8, 8, 7}).leader_first(), 0);
  EXPECT_EQ(tally_of({-1, 8, 7, 7, 8}).leader_first(), 1);
}

TEST(Tally, unscored_samples_never_vote) {
  const Tally tally = tally_of({-1, -1, 3, -1});
  EXPECT_EQ(tally.leader_votes(), 1);
  EXPECT_EQ(tally.leader_first(), 2);
  EXPECT_EQ(tally.samples(), 4);
  EXPECT_EQ(tally.answered(), 1);
}

TEST(Tally, majority_is_the_definition_for_every_short_sequence) {
  for_each_sequence(6, 4, [](const std::vector<int>& labels) {
    const Tally tally = tally_of(labels);
    const int expected = majority_by_definition(labels);
    if (expected < 0) {
      ASSERT_EQ(tally.leader_first(), -1);
    } else {
      ASSERT_EQ(labels[static_cast<std::size_t>(tally.leader_first())], expected);
    }
  });
}

TEST(Tally, more_classes_than_fit_inline_are_counted_alike) {
  std::vector<int> labels;
  for (int label = 0; label < 100; ++label) labels.push_back(label);
  labels.push_back(97);
  const Tally tally = tally_of(labels);
  EXPECT_EQ(tally.classes(), 100);
  EXPECT_EQ(tally.leader_first(), 97);
  EXPECT_EQ(tally.leader_votes(), 2);
}

TEST(Tally, settled_means_that_no_continuation_changes_the_majority) {
  constexpr int length = 4;
  constexpr int rest = 3;
  for_each_sequence(length, 3, [](const std::vector<int>& prefix) {
    bool can_change = false;
    // Four classes in the continuation: one that the prefix never saw.
    for_each_sequence(rest, 4, [&](const std::vector<int>& continuation) {
      std::vector<int> whole = prefix;
      whole.insert(whole.end(), continuation.begin(), continuation.end());
      can_change = can_change || majority_by_definition(whole) != majority_by_definition(prefix);
    });
    ASSERT_EQ(tally_of(prefix).leader_settled(rest), !can_change);
  });
}

}  // namespace
}  // namespace cope
