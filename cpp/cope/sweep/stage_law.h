// The law of one stage over random subsets of its recorded samples: for each step of its gate, how likely it is, and how likely with a right answer.
//
//   StageLaws laws(recording, grid, binomials, /*stage=*/0, /*last=*/false);
//   laws.read(problem, variant);
//   laws.law().reach[laws.offset(k) + step]        // P(the gate's step)
//   laws.carried(sample, row)                      // the same, and `sample` is the one that the stage carries
//
// An ordered `used` of the N samples of a variant is drawn at random without replacement. Majorities: majority.h. The best of a draw (passed, perplexity,
// score): samples sorted from the best on; the best group's members are equally likely to be seen first.
//
// Thread-safety: used by one thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "cope/sweep/majority.h"
#include "cope/sweep/outcomes.h"

namespace cope::sweep {

class StageLaws {
 public:
  StageLaws(const Recording& recording, const Grid& grid, const Binomials& binomials, std::size_t stage);

  std::size_t offset(std::size_t k) const { return majority_.offset(k); }
  std::size_t width() const { return majority_.width(); }  // the end of the last k's steps

  void read(std::size_t problem, int variant);
  // Of what was read, [offset(k) + step].
  std::span<const double> reach() const { return reach_; }
  std::span<const double> right() const { return right_; }
  // [k]
  std::span<const double> unscored() const { return unscored_; }
  std::span<const double> cost_pusd() const { return cost_pusd_; }
  // The part of reach() in which the stage carries `sample`.
  void carried(int sample, std::span<double> reach) const;

 private:
  void read_votes();
  void read_agreement(std::size_t row);
  void read_best(std::size_t row);
  // A new row of the law, for a group of classes of samples.
  std::span<double> add_group(const SampleClasses::Group& group);

  const Recording& recording_;
  const StageRecord& stage_;
  const Ladder& ladder_;
  const Binomials& binomials_;
  std::vector<const Steps*> steps_;  // [k]
  MajorityLaw majority_;
  MajorityLaw other_majority_;
  SampleClasses classes_;
  SampleClasses other_classes_;

  // What was read. Answers are classes of samples that are equally likely to be the answer, and to be carried; alike classes are one group.
  std::vector<SampleClasses::Group> groups_;
  std::vector<double> rows_;   // [group][offset(k) + step]: of one of its classes
  std::vector<int> group_of_;  // [sample]; -1: unscored
  int unscored_samples_ = 0;
  std::vector<double> reach_, right_, unscored_, cost_pusd_;
  std::vector<int> order_;  // samples from the best on
};

}  // namespace cope::sweep
