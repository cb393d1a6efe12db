#include "cope/sweep/stage_law.h"

#include <algorithm>
#include <numeric>

namespace cope::sweep {

namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

// The law of votes of a stage, or of the second draw of an agreement, which only asks who wins.
MajorityLaw majority_law(const Recording& recording, const Grid& grid, const Binomials& binomials, std::size_t stage,
                         bool other) {
  const StageRecord& record = recording.stages[stage];
  std::vector<int> used;
  std::vector<VoteSteps> steps;
  std::vector<int> counts;
  for (std::size_t k = 0; k < recording.ks.size(); ++k) {
    used.push_back(other ? record.other_used(recording.ks[k]) : record.used(recording.ks[k]));
    steps.emplace_back(grid.ladders[stage], grid.steps[k][stage], used.back());
    counts.push_back(grid.steps[k][stage].count);
  }
  return {binomials, used, std::move(steps), counts};
}

}  // namespace

StageLaws::StageLaws(const Recording& recording, const Grid& grid, const Binomials& binomials, std::size_t stage)
    : recording_(recording),
      stage_(recording.stages[stage]),
      ladder_(grid.ladders[stage]),
      binomials_(binomials),
      majority_(majority_law(recording, grid, binomials, stage, /*other=*/false)),
      other_majority_(majority_law(recording, grid, binomials, stage, /*other=*/true)),
      unscored_(recording.ks.size()),
      cost_pusd_(recording.ks.size()) {
  for (std::size_t k = 0; k < recording.ks.size(); ++k) steps_.push_back(&grid.steps[k][stage]);
}

std::span<double> StageLaws::add_group(const SampleClasses::Group& group) {
  groups_.push_back(group);
  rows_.resize(groups_.size() * width());
  return std::span(rows_).last(width());
}

void StageLaws::read(std::size_t problem, int variant) {
  const std::size_t row = stage_.row(problem, variant);
  const auto labels = stage_.samples_of(stage_.classes, row);
  groups_.clear();
  rows_.clear();
  group_of_.assign(labels.size(), -1);
  unscored_samples_ = static_cast<int>(std::ranges::count_if(labels, [](std::int32_t label) { return label < 0; }));
  if (picks_best(stage_.gate.measure)) {
    read_best(row);
  } else {
    classes_.read(labels, stage_.samples_of(stage_.correct, row));
    majority_.compute(classes_);
    if (stage_.gate.measure == Gate::Measure::agreement) {
      read_agreement(row);
    } else {
      read_votes();
    }
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const int own = classes_.class_of(labels[i]);
      if (own < 0) continue;
      group_of_[i] = stage_.gate.measure == Gate::Measure::agreement ? own : classes_.classes()[at(own)].group;
    }
  }

  reach_.assign(width(), 0.0);
  right_.assign(width(), 0.0);
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const double* law = &rows_[g * width()];
    for (std::size_t i = 0; i < width(); ++i) {
      reach_[i] += groups_[g].classes * law[i];
      right_[i] += groups_[g].correct * law[i];
    }
  }
  double mean_pusd = 0.0;
  for (const std::int64_t cost : stage_.samples_of(stage_.cost_pusd, row)) mean_pusd += static_cast<double>(cost);
  mean_pusd /= stage_.samples;
  const double once_pusd = stage_.once_pusd.empty() ? 0.0 : static_cast<double>(stage_.once_pusd[row]);
  for (std::size_t k = 0; k < recording_.ks.size(); ++k) {
    const int used = stage_.used(recording_.ks[k]);
    unscored_[k] = binomials_(unscored_samples_, used) / binomials_(stage_.samples, used);
    reach_[offset(k)] += unscored_[k];
    cost_pusd_[k] = once_pusd + mean_pusd * used;
  }
}

void StageLaws::carried(int sample, std::span<double> reach) const {
  std::ranges::fill(reach, 0.0);
  const int group = group_of_[at(sample)];
  if (group < 0) {  // nothing is scored: the first sample of all is carried
    for (std::size_t k = 0; k < unscored_.size(); ++k) reach[offset(k)] = unscored_[k] / unscored_samples_;
    return;
  }
  const double* law = &rows_[at(group) * width()];
  for (std::size_t i = 0; i < width(); ++i) reach[i] = law[i] / groups_[at(group)].size;
}

void StageLaws::read_votes() {
  for (std::size_t g = 0; g < classes_.groups().size(); ++g) {
    std::ranges::copy(majority_.wins(g), add_group(classes_.group(g)).begin());
  }
}

// Two independent votes: the same class wins both.
void StageLaws::read_agreement(std::size_t row) {
  other_classes_.read(stage_.other_of(row), {});
  other_majority_.compute(other_classes_);
  const auto wins = [](const MajorityLaw& law, std::size_t group, std::size_t k, int steps) {
    const auto share = law.wins(group).subspan(law.offset(k), at(steps) + 1);
    return std::accumulate(share.begin(), share.end(), 0.0);
  };
  // A group a class.
  for (const SampleClasses::Class& own : classes_.classes()) {
    const std::span<double> law = add_group({.size = own.size, .classes = 1, .correct = own.correct * 1.0 / own.size});
    const int other = other_classes_.class_of(own.label);
    for (std::size_t k = 0; k < recording_.ks.size(); ++k) {
      const double first = wins(majority_, at(own.group), k, steps_[k]->count);
      const double second =
          other < 0 ? 0.0 : wins(other_majority_, at(other_classes_.classes()[at(other)].group), k, steps_[k]->count);
      law[offset(k) + at(steps_[k]->of_level[0])] += first * (1.0 - second);
      law[offset(k) + at(steps_[k]->of_level[1])] += first * second;
    }
  }
}

// The best group that the subset meets: seen from the best sample on, the first that is drawn.
void StageLaws::read_best(std::size_t row) {
  const auto labels = stage_.samples_of(stage_.classes, row);
  const auto correct = stage_.samples_of(stage_.correct, row);
  const auto measures = stage_.samples_of(stage_.measure, row);
  const bool passes = stage_.gate.measure == Gate::Measure::passed;
  const auto measure = [&](int sample) { return passes ? std::min(measures[at(sample)], 1.0) : measures[at(sample)]; };
  order_.clear();
  for (int i = 0; i < stage_.samples; ++i) {
    if (labels[at(i)] >= 0) order_.push_back(i);
  }
  const bool lowest = stage_.gate.measure == Gate::Measure::perplexity;
  std::ranges::sort(order_, [&](int one, int other) {
    return lowest ? measure(one) < measure(other) : measure(one) > measure(other);
  });
  int before = 0;  // samples that are better
  while (before < static_cast<int>(order_.size())) {
    const double value = measure(order_[at(before)]);
    int end = before;
    int right = 0;
    while (end < static_cast<int>(order_.size()) && measure(order_[at(end)]) == value) {
      group_of_[at(order_[at(end)])] = static_cast<int>(groups_.size());
      right += correct[at(order_[at(end)])];
      ++end;
    }
    const int size = end - before;
    const std::span<double> law = add_group({.size = size, .classes = 1, .correct = right * 1.0 / size});
    const int level = passes ? ladder_.level(value >= 1.0) : ladder_.level(value);
    for (std::size_t k = 0; k < recording_.ks.size(); ++k) {
      const int used = stage_.used(recording_.ks[k]);
      double ways = 0.0;
      for (int i = before; i < end; ++i) ways += binomials_(stage_.samples - 1 - i, used - 1);
      law[offset(k) + at(steps_[k]->of_level[at(level)])] += ways / binomials_(stage_.samples, used);
    }
    before = end;
  }
}

}  // namespace cope::sweep
