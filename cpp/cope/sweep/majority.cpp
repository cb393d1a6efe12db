#include "cope/sweep/majority.h"

#include <algorithm>

namespace cope::sweep {

namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

// Four sums, for one would wait for each of its additions.
double dot(const double* one, const double* other, int terms) {
  double sums[4] = {};
  int i = 0;
  for (; i + 4 <= terms; i += 4) {
    for (int lane = 0; lane < 4; ++lane) sums[lane] += one[i + lane] * other[i + lane];
  }
  for (; i < terms; ++i) sums[0] += one[i] * other[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace

Binomials::Binomials(int largest) {
  rows_.resize(at(largest) + 1);
  for (std::size_t n = 0; n < rows_.size(); ++n) {
    rows_[n].assign(n + 1, 1.0);
    for (std::size_t r = 1; r < n; ++r) rows_[n][r] = rows_[n - 1][r - 1] + rows_[n - 1][r];
  }
}

void SampleClasses::read(std::span<const std::int32_t> labels, std::span<const std::uint8_t> correct) {
  ++epoch_;
  classes_.clear();
  groups_.clear();
  samples_ = static_cast<int>(labels.size());
  unscored_ = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0) {
      ++unscored_;
      continue;
    }
    if (at(labels[i]) >= index_.size()) index_.resize(at(labels[i]) + 1);
    Entry& entry = index_[at(labels[i])];
    if (entry.epoch != epoch_) {
      entry = Entry{epoch_, static_cast<int>(classes_.size())};
      classes_.push_back(Class{.label = labels[i]});
    }
    Class& own = classes_[at(entry.index)];
    ++own.size;
    if (!correct.empty()) own.correct += correct[i];
  }
  of_size_.assign(labels.size() + 1, -1);
  for (const Class& each : classes_) of_size_[at(each.size)] = 0;
  for (int size = samples_; size > 0; --size) {
    if (of_size_[at(size)] < 0) continue;
    of_size_[at(size)] = static_cast<int>(groups_.size());
    groups_.push_back(Group{.size = size});
  }
  for (Class& each : classes_) {
    each.group = of_size_[at(each.size)];
    Group& group = groups_[at(each.group)];
    ++group.classes;
    group.correct += static_cast<double>(each.correct) / static_cast<double>(each.size);
  }
}

int SampleClasses::class_of(std::int32_t label) const {
  if (label < 0 || at(label) >= index_.size() || index_[at(label)].epoch != epoch_) return -1;
  return index_[at(label)].index;
}

MajorityLaw::MajorityLaw(const Binomials& binomials, std::vector<int> used, std::vector<VoteSteps> steps,
                         std::span<const int> counts)
    : binomials_(binomials),
      used_(std::move(used)),
      most_(*std::ranges::max_element(used_)),
      by_answered_(steps.front().by_answered()),
      steps_(std::move(steps)),
      totals_(used_.size()),
      nothing_(used_.size()) {
  for (const int count : counts) {
    offsets_.push_back(width_);
    width_ += at(count) + 1;
  }
}

void MajorityLaw::compute(const SampleClasses& classes) {
  const int samples = classes.samples();
  const int unscored = classes.unscored();
  for (std::size_t k = 0; k < used_.size(); ++k) {
    totals_[k] = binomials_(samples, used_[k]);
    nothing_[k] = binomials_(unscored, used_[k]) / totals_[k];
  }
  wins_.assign(classes.groups().size() * width_, 0.0);
  const int largest = classes.groups().empty() ? 0 : classes.groups().front().size;
  for (int votes = std::min(largest, most_); votes > 0; --votes) {
    std::size_t active = 0;  // groups that can reach so many votes
    int small = samples - unscored;
    while (active < classes.groups().size() && classes.group(active).size >= votes) {
      small -= classes.group(active).size * classes.group(active).classes;
      ++active;
    }
    for (std::size_t group = 0; group < active; ++group) {
      others(classes, active, group, votes);
      add(classes, group, small, votes);
    }
  }
}

void MajorityLaw::others(const SampleClasses& classes, std::size_t active, std::size_t winner, int votes) {
  const int room = most_ - votes;  // samples left for others
  int rivals = -1;                 // classes that can tie
  for (std::size_t g = 0; g < active; ++g) rivals += classes.group(g).classes;
  const int most_ties = std::min(room / votes, rivals);
  if (active == 1 && classes.group(0).classes == 1) {  // nobody else: the large majorities
    others_.assign(1, 1.0);
    others_most_ = 0;
    return;
  }
  const std::size_t stride = at(room) + 1;
  terms_.assign((at(most_ties) + 1) * stride, 0.0);
  terms_[0] = 1.0;
  int ties = 0;   // the most that have been met
  int slack = 0;  // the most samples of classes that do not tie
  for (std::size_t g = 0; g < active; ++g) {
    const int size = classes.group(g).size;
    const int below = std::min(size, votes - 1);
    const double* ways = binomials_.row(size);
    for (int repeat = classes.group(g).classes - static_cast<int>(g == winner); repeat > 0; --repeat) {
      ties = std::min(ties + 1, most_ties);
      slack += below;
      for (int t = ties; t >= 0; --t) {
        double* row = &terms_[at(t) * stride];
        const int low = t * votes;
        for (int s = std::min(room, low + slack); s >= low; --s) {
          const int first = std::max(low, s - below);
          double sum = dot(row + first, ways + (size - s + first), s - first + 1);  // n choose r is n choose n - r
          if (t > 0) sum += ways[votes] * *(row + s - votes - static_cast<std::ptrdiff_t>(stride));
          row[s] = sum;
        }
      }
    }
  }
  others_most_ = std::min(room, ties * votes + slack);
  others_.assign(at(others_most_) + 1, 0.0);
  for (int t = 0; t <= ties; ++t) {
    const double* row = &terms_[at(t) * stride];
    const double share = 1.0 / (t + 1);
    for (int s = t * votes; s <= std::min(others_most_, t * votes + slack); ++s) others_[at(s)] += share * row[s];
  }
}

void MajorityLaw::add(const SampleClasses& classes, std::size_t group, int small, int votes) {
  double* wins = &wins_[group * width_];
  const int unscored = classes.unscored();
  const double own = binomials_(classes.group(group).size, votes);
  if (!by_answered_) {
    const int rest = small + unscored;
    const double* of_rest = binomials_.row(rest);
    for (std::size_t k = 0; k < used_.size(); ++k) {
      const int left = used_[k] - votes;
      if (left < 0) continue;
      const int first = std::max(0, left - rest);
      const int terms = std::min(left, others_most_) + 1 - first;
      if (terms <= 0) continue;
      const double ways = dot(&others_[at(first)], of_rest + (rest - left + first), terms);
      wins[offsets_[k] + at(steps_[k].of(used_[k])[votes])] += own * ways / totals_[k];
    }
    return;
  }
  const int room = most_ - votes;
  answered_.assign(at(room) + 1, 0.0);
  for (int s = 0; s <= std::min(room, others_most_); ++s) {
    for (int x = 0; x <= std::min(small, room - s); ++x) answered_[at(s + x)] += others_[at(s)] * binomials_(small, x);
  }
  for (std::size_t k = 0; k < used_.size(); ++k) {
    for (int of = std::max(votes, used_[k] - unscored); of <= used_[k]; ++of) {
      const double ways = own * answered_[at(of - votes)] * binomials_(unscored, used_[k] - of);
      wins[offsets_[k] + at(steps_[k].of(of)[votes])] += ways / totals_[k];
    }
  }
}

}  // namespace cope::sweep
