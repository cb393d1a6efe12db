#include "cope/cascade/comparison.h"

#include <gtest/gtest.h>

namespace cope {
namespace {

using enum Gate::Comparison;

TEST(Comparison, votes_are_held_against_the_threshold_exactly) {
  const Rational three_quarters{3, 4};
  const Rational two_thirds{2, 3};
  EXPECT_FALSE(accepts_votes(greater, 6, 8, three_quarters));
  EXPECT_TRUE(accepts_votes(greater, 7, 8, three_quarters));
  EXPECT_TRUE(accepts_votes(greater_equal, 6, 8, three_quarters));
  EXPECT_FALSE(accepts_votes(greater_equal, 5, 8, three_quarters));
  EXPECT_TRUE(accepts_votes(greater_equal, 2, 3, two_thirds));
  EXPECT_FALSE(accepts_votes(greater, 2, 3, two_thirds));
}

TEST(Comparison, no_votes_are_never_accepted) {
  EXPECT_FALSE(accepts_votes(greater_equal, 0, 8, Rational{0, 1}));
  EXPECT_FALSE(accepts_votes(less_equal, 0, 8, Rational{1, 1}));
  EXPECT_FALSE(accepts_votes(greater_equal, 0, 0, Rational{0, 1}));
}

TEST(Comparison, measures_are_held_against_the_threshold_in_each_direction) {
  const Rational half{1, 2};
  EXPECT_TRUE(accepts_measure(less, 0.25, half));
  EXPECT_FALSE(accepts_measure(less, 0.5, half));
  EXPECT_TRUE(accepts_measure(less_equal, 0.5, half));
  EXPECT_FALSE(accepts_measure(less_equal, 0.75, half));
  EXPECT_TRUE(accepts_measure(greater, 0.75, half));
  EXPECT_FALSE(accepts_measure(greater, 0.5, half));
  EXPECT_TRUE(accepts_measure(greater_equal, 0.5, half));
}

TEST(Comparison, upward_are_those_that_accept_high_values) {
  EXPECT_TRUE(upward(greater) && upward(greater_equal));
  EXPECT_FALSE(upward(less) || upward(less_equal));
}

}  // namespace
}  // namespace cope
