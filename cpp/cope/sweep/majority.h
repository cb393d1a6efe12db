// The law of a majority: which class of answers wins a vote among k samples drawn at random, without replacement, from N recorded ones, and with how
// many votes.
//
//   SampleClasses classes;
//   classes.read(labels, correct);                          // sizes of the classes, unscored samples
//   MajorityLaw law(binomials, used, vote_steps);
//   law.compute(classes);
//   law.wins(size)[law.offset(k) + step]                    // P(one given class of that size wins the k-th vote, with votes of that step)
//
// The number of votes of each class is multivariate hypergeometric. For each number m of the winner's votes the others are a generating function: a class
// of size c contributes sum_{x<m} C(c, x) z^x + y C(c, m) z^m, where y counts the classes that tie; t of them leave the winner 1 / (t + 1) of the cases,
// for every order of the samples is equally likely. Classes smaller than m cannot tie, so that all of them and the unscored are one factor (1 + z)^n.
// One polynomial serves every k. All terms are positive, so rounding errors do not grow: relative error below 1e-12 (tested against all permutations).
//
// Thread-safety: Binomials is const after construction; the others are used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cope/sweep/ladder.h"

namespace cope::sweep {

// C(1000, 500) is 2.7e299: the largest that doubles hold with room to spare.
inline constexpr int max_subset_samples = 1000;

class Binomials {
 public:
  explicit Binomials(int largest);
  // n choose r; 0 where r > n. REQUIRES: 0 <= n <= largest, r >= 0.
  double operator()(int n, int r) const {
    return r > n ? 0.0 : rows_[static_cast<std::size_t>(n)][static_cast<std::size_t>(r)];
  }
  // n choose 0 .. n.
  const double* row(int n) const { return rows_[static_cast<std::size_t>(n)].data(); }

 private:
  std::vector<std::vector<double>> rows_;
};

// The classes of a set of samples, grouped by their size: classes of one size are alike.
class SampleClasses {
 public:
  struct Class {
    std::int32_t label = 0;
    int size = 0;
    int correct = 0;
    int group = 0;
  };
  struct Group {  // of classes of one size
    int size = 0;
    int classes = 0;
    double correct = 0.0;  // sum over its classes of the share of right samples
  };
  // `correct` may be empty.
  void read(std::span<const std::int32_t> labels, std::span<const std::uint8_t> correct);

  int samples() const { return samples_; }
  int unscored() const { return unscored_; }
  const std::vector<Class>& classes() const { return classes_; }
  const std::vector<Group>& groups() const { return groups_; }  // by falling size
  int class_of(std::int32_t label) const;                       // -1: unscored or not among them
  const Group& group(std::size_t index) const { return groups_[index]; }

 private:
  struct Entry {
    std::uint32_t epoch = 0;
    int index = 0;
  };
  std::vector<Entry> index_;  // by label
  std::uint32_t epoch_ = 0;
  std::vector<Class> classes_;
  std::vector<Group> groups_;
  std::vector<int> of_size_;
  int samples_ = 0;
  int unscored_ = 0;
};

class MajorityLaw {
 public:
  // `used` [k]: how many samples each vote draws; `steps` [k]: the step of each number of votes, 0 .. counts[k].
  MajorityLaw(const Binomials& binomials, std::vector<int> used, std::vector<VoteSteps> steps,
              std::span<const int> counts);

  void compute(const SampleClasses& classes);

  std::span<const double> wins(std::size_t group) const { return std::span(wins_).subspan(group * width_, width_); }
  std::size_t offset(std::size_t k) const { return offsets_[k]; }
  std::size_t width() const { return width_; }
  // P(nothing is scored) in the k-th vote.
  double nothing(std::size_t k) const { return nothing_[k]; }

 private:
  // The others' polynomial where each tied class t counts 1 / (t + 1): coefficients by their samples.
  void others(const SampleClasses& classes, std::size_t active, std::size_t winner, int votes);
  void add(const SampleClasses& classes, std::size_t group, int small, int votes);

  const Binomials& binomials_;
  std::vector<int> used_;
  int most_;  // of used_
  bool by_answered_;
  std::vector<VoteSteps> steps_;
  std::vector<std::size_t> offsets_;
  std::size_t width_ = 0;
  std::vector<double> totals_;  // [k]: all choices of samples
  std::vector<double> nothing_;
  std::vector<double> wins_;      // [group][offset(k) + step]
  std::vector<double> terms_;     // [ties][samples]
  std::vector<double> others_;    // [samples]
  std::vector<double> answered_;  // [samples]: of those, with classes too small to tie
  int others_most_ = 0;           // the last coefficient that is set
};

}  // namespace cope::sweep
