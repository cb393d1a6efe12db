#include <algorithm>
#include <functional>
#include <map>
#include <unordered_map>

#include "cope/sweep/law.h"

namespace cope::sweep {

namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

struct Class {
  std::int32_t label = 0;
  std::vector<int> members;
  double correct = 0;  // the share of its members that are right

  int size() const { return static_cast<int>(members.size()); }
};

struct Classes {
  std::vector<Class> classes;  // by size, the largest first
  std::vector<int> unscored;

  int answered() const {
    int sum = 0;
    for (const Class& one : classes) sum += one.size();
    return sum;
  }
};

Classes classes_of(std::span<const std::int32_t> labels, std::span<const std::uint8_t> correct) {
  Classes found;
  std::unordered_map<std::int32_t, std::size_t> places;
  for (int i = 0; i < static_cast<int>(labels.size()); ++i) {
    if (labels[at(i)] < 0) {
      found.unscored.push_back(i);
      continue;
    }
    const auto [place, fresh] = places.try_emplace(labels[at(i)], found.classes.size());
    if (fresh) found.classes.push_back(Class{labels[at(i)], {}, 0});
    Class& one = found.classes[place->second];
    one.members.push_back(i);
    if (!correct.empty()) one.correct += correct[at(i)];
  }
  for (Class& one : found.classes) one.correct /= one.size();
  std::ranges::sort(found.classes, [](const Class& one, const Class& other) {
    return one.size() != other.size() ? one.size() > other.size() : one.members.front() < other.members.front();
  });
  return found;
}

// How often, of the draws of d samples from the rivals of a class that has m votes, the class leads: [d], ties counted as the share 1 / (tied + 1).
// A polynomial in x (samples drawn) and y (ties): a rival of size n contributes sum_{i < m} C(n, i) x^i + y C(n, m) x^m, and integrating y from 0 to 1
// turns y^t into 1 / (t + 1). Rivals smaller than m cannot tie: together they are (1 + x)^(their samples).
std::vector<double> leading_ways(std::span<const int> rivals, int m, int most, const Choose& choose) {
  int small = 0;
  std::vector<std::vector<double>> ways(1, std::vector<double>(at(most) + 1));  // [ties][d]
  std::vector<int> large;
  for (const int size : rivals) {
    if (size < m) {
      small += size;
    } else {
      large.push_back(size);
    }
  }
  for (int d = 0; d <= most; ++d) ways[0][at(d)] = choose(small, d);
  for (const int size : large) {
    std::vector<std::vector<double>> next(ways.size() + ((static_cast<int>(ways.size())) * m <= most ? 1 : 0),
                                          std::vector<double>(at(most) + 1));
    for (std::size_t ties = 0; ties < ways.size(); ++ties) {
      for (int i = 0; i <= m; ++i) {
        if (i == m && ties + 1 >= next.size()) break;
        const double factor = choose(size, i);
        std::vector<double>& into = next[i == m ? ties + 1 : ties];
        for (int d = 0; d + i <= most; ++d) into[at(d + i)] += factor * ways[ties][at(d)];
      }
    }
    ways = std::move(next);
  }
  std::vector<double> found(at(most) + 1);
  for (std::size_t ties = 0; ties < ways.size(); ++ties) {
    for (int d = 0; d <= most; ++d) found[at(d)] += ways[ties][at(d)] / static_cast<double>(ties + 1);
  }
  return found;
}

// Calls back for each k, each class and each outcome in which it leads: (k index, class index, votes, answered, probability).
using Leading = std::function<void(std::size_t, std::size_t, int, int, double)>;

void each_leading(const Classes& found, const std::vector<int>& used, const Choose& choose, const Leading& leads) {
  const int none = static_cast<int>(found.unscored.size());
  const int answered = found.answered();
  const int most = *std::ranges::max_element(used);
  std::vector<int> sizes;
  for (const Class& one : found.classes) sizes.push_back(one.size());
  for (std::size_t begin = 0; begin < sizes.size();) {  // classes of one size lead alike
    std::size_t end = begin;
    while (end < sizes.size() && sizes[end] == sizes[begin]) ++end;
    std::vector<int> rivals = sizes;
    rivals.erase(rivals.begin() + static_cast<std::ptrdiff_t>(begin));
    for (int m = 1; m <= std::min(sizes[begin], most); ++m) {
      const int rest = std::min(most - m, answered - sizes[begin]);
      const std::vector<double> ways = leading_ways(rivals, m, rest, choose);
      const double own = choose(sizes[begin], m);
      for (std::size_t k = 0; k < used.size(); ++k) {
        const double all = choose(none + answered, used[k]);
        for (int scored = std::max(m, used[k] - none); scored <= std::min(used[k], m + rest); ++scored) {
          const double share = own * ways[at(scored - m)] * choose(none, used[k] - scored) / all;
          if (share > 0) {
            for (std::size_t c = begin; c < end; ++c) leads(k, c, m, scored, share);
          }
        }
      }
    }
    begin = end;
  }
}

// Adds outcomes to the laws of one stage.
class Builder {
 public:
  Builder(const StageRecord& stage, std::size_t row, const StageLadder& ladder, bool carries)
      : samples_(at(stage.samples)), carries_(carries), ladder_(ladder), laws_(ladder.used.size()) {
    double cost = 0;
    for (const std::int64_t one : stage.samples_of(stage.cost_pusd, row)) cost += static_cast<double>(one);
    for (std::size_t k = 0; k < laws_.size(); ++k) {
      const auto steps = at(ladder.steps[k].count) + 1;
      laws_[k].mass.assign(steps, 0);
      laws_[k].correct.assign(steps, 0);
      if (carries) laws_[k].carry.assign(steps * samples_, 0);
      laws_[k].cost_pusd = cost * ladder.used[k] / stage.samples +
                           (stage.once_pusd.empty() ? 0.0 : static_cast<double>(stage.once_pusd[row]));
    }
  }

  void add(std::size_t k, int step, double share, double correct, const std::vector<int>& first) {
    Law<double>& law = laws_[k];
    law.mass[at(step)] += share;
    law.correct[at(step)] += share * correct;
    if (!carries_) return;
    const double each = share / static_cast<double>(first.size());
    for (const int sample : first) law.carry[at(step) * samples_ + at(sample)] += each;
  }
  // All that was drawn is unscored.
  void add_unscored(const std::vector<int>& unscored, int samples, const Choose& choose) {
    for (std::size_t k = 0; k < laws_.size(); ++k) {
      const double share =
          choose(static_cast<int>(unscored.size()), ladder_.used[k]) / choose(samples, ladder_.used[k]);
      if (share <= 0) continue;
      add(k, 0, share, 0, unscored);
      laws_[k].unscored += share;
    }
  }
  std::vector<Law<double>> laws() { return std::move(laws_); }

 private:
  std::size_t samples_;
  bool carries_;
  const StageLadder& ladder_;
  std::vector<Law<double>> laws_;
};

void add_votes(Builder& builder, const Classes& found, const StageLadder& ladder, const Choose& choose) {
  each_leading(found, ladder.used, choose, [&](std::size_t k, std::size_t c, int votes, int answered, double share) {
    const Class& one = found.classes[c];
    builder.add(k, ladder.votes[k].of(answered)[votes], share, one.correct, one.members);
  });
}

// The two draws are drawn independently: how often each class leads in both.
void add_agreement(Builder& builder, const Classes& found, const Classes& other, const StageLadder& ladder,
                   const std::vector<int>& other_used, const Choose& choose) {
  std::map<std::int32_t, std::vector<double>> leading;  // in the second draw: [k]
  each_leading(other, other_used, choose, [&](std::size_t k, std::size_t c, int, int, double share) {
    auto& of = leading[other.classes[c].label];
    of.resize(other_used.size());
    of[k] += share;
  });
  each_leading(found, ladder.used, choose, [&](std::size_t k, std::size_t c, int, int, double share) {
    const Class& one = found.classes[c];
    const auto same = leading.find(one.label);
    const double agree = same == leading.end() ? 0.0 : same->second[k];
    builder.add(k, ladder.step(k, ladder.ladder.level(true)), share * agree, one.correct, one.members);
    builder.add(k, ladder.step(k, ladder.ladder.level(false)), share * (1 - agree), one.correct, one.members);
  });
}

// The best measure among those drawn is a given value where none of the better ones and one of its own was drawn.
void add_best(Builder& builder, const StageRecord& stage, std::size_t row, const Classes& found,
              const StageLadder& ladder, const Choose& choose) {
  const auto measure = stage.samples_of(stage.measure, row);
  const auto correct = stage.samples_of(stage.correct, row);
  const bool passed = stage.gate.measure == Gate::Measure::passed;
  std::map<double, std::vector<int>> by_value;  // the best last
  for (const Class& one : found.classes) {
    for (const int i : one.members) {
      const double value = passed ? std::min(measure[at(i)], 1.0) : measure[at(i)];
      by_value[stage.gate.measure == Gate::Measure::perplexity ? -value : value].push_back(i);
    }
  }
  int worse = static_cast<int>(found.unscored.size());
  for (auto& [key, members] : by_value) {
    std::ranges::sort(members);
    const double value = stage.gate.measure == Gate::Measure::perplexity ? -key : key;
    double right = 0;
    for (const int i : members) right += correct[at(i)];
    const int level = passed ? ladder.ladder.level(value >= 1.0) : ladder.ladder.level(value);
    const int upto = worse + static_cast<int>(members.size());
    for (std::size_t k = 0; k < ladder.used.size(); ++k) {
      // Of the draws within `upto`, those with at least one of these: a sum of positive terms, not a difference.
      double ways = 0;
      for (int own = 1; own <= std::min(ladder.used[k], static_cast<int>(members.size())); ++own) {
        ways += choose(static_cast<int>(members.size()), own) * choose(worse, ladder.used[k] - own);
      }
      const double share = ways / choose(stage.samples, ladder.used[k]);
      if (share > 0) {
        builder.add(k, ladder.step(k, level), share, right / static_cast<double>(members.size()), members);
      }
    }
    worse = upto;
  }
}

}  // namespace

StageLadder::StageLadder(const StageRecord& stage, const std::vector<int>& ks, bool is_last)
    : ladder(stage, is_last), last(is_last) {
  for (const int k : ks) {
    used.push_back(stage.used(k));
    steps.emplace_back(ladder, used.back());
    votes.emplace_back(ladder, steps.back(), used.back());
  }
}

Choose::Choose(int largest) {
  rows_.reserve(row(largest + 1));
  for (int n = 0; n <= largest; ++n) {
    for (int k = 0; k <= n; ++k) {
      rows_.push_back(k == 0 || k == n ? 1.0 : rows_[row(n - 1) + at(k) - 1] + rows_[row(n - 1) + at(k)]);
    }
  }
}

std::vector<Law<double>> subset_laws(const StageRecord& stage, std::size_t row, const StageLadder& ladder, bool carries,
                                     const Choose& choose) {
  const Classes found = classes_of(stage.samples_of(stage.classes, row), stage.samples_of(stage.correct, row));
  Builder builder(stage, row, ladder, carries);
  if (picks_best(stage.gate.measure)) {
    add_best(builder, stage, row, found, ladder, choose);
  } else if (stage.gate.measure == Gate::Measure::agreement) {
    std::vector<int> other_used;
    for (const int used : ladder.used) other_used.push_back(stage.other_used(used));
    add_agreement(builder, found, classes_of(stage.other_of(row), {}), ladder, other_used, choose);
  } else {
    add_votes(builder, found, ladder, choose);
  }
  builder.add_unscored(found.unscored, stage.samples, choose);
  return builder.laws();
}

}  // namespace cope::sweep
