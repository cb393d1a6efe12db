#include "cope/sweep/outcomes.h"

#include "cope/base/error.h"

namespace cope::sweep {

namespace {

// The first best sample of a growing prefix: the first that passes all its tests, the lowest perplexity, or the highest score.
class PrefixBest {
 public:
  PrefixBest(Gate::Measure measure)
      : lowest_(measure == Gate::Measure::perplexity), passes_(measure == Gate::Measure::passed) {}
  void add(int sample, double measure) {
    if (passed()) return;
    if (first_ < 0 || (lowest_ ? measure < best_ : measure > best_)) {
      first_ = sample;
      best_ = measure;
    }
  }
  int first() const { return first_; }  // -1: nothing scored
  double best() const { return best_; }
  bool passed() const { return passes_ && first_ >= 0 && best_ >= 1.0; }

 private:
  bool lowest_;
  bool passes_;
  int first_ = -1;
  double best_ = 0.0;
};

void add_cost(std::int64_t cost, std::int64_t& sum) {
  if (__builtin_add_overflow(sum, cost, &sum)) {
    throw DataError("cost_pusd: a sum is above 2^63 - 1 pUSD, about nine million USD");
  }
}

}  // namespace

void PrefixVote::clear() {
  ++epoch_;
  samples_ = answered_ = votes_ = 0;
  first_ = leader_ = -1;
}

void PrefixVote::add(std::int32_t label) {
  const std::int32_t sample = samples_++;
  if (label < 0) return;
  ++answered_;
  const auto index = static_cast<std::size_t>(label);
  if (index >= classes_.size()) classes_.resize(index + 1);
  Class& own = classes_[index];
  if (own.epoch != epoch_) own = Class{epoch_, 0, sample};
  ++own.votes;
  if (own.votes > votes_ || (own.votes == votes_ && own.first < first_)) {
    votes_ = own.votes;
    first_ = own.first;
    leader_ = label;
  }
}

Grid::Grid(const Recording& recording) {
  for (std::size_t s = 0; s < recording.stages.size(); ++s) {
    ladders.emplace_back(recording.stages[s], s + 1 == recording.stages.size());
  }
  for (const int k : recording.ks) {
    std::vector<Steps>& at_k = steps.emplace_back();
    for (std::size_t s = 0; s < recording.stages.size(); ++s)
      at_k.emplace_back(ladders[s], recording.stages[s].used(k));
  }
}

std::size_t Grid::points() const {
  std::size_t product = 1;
  for (std::size_t s = 0; s < axes(); ++s) product *= static_cast<std::size_t>(ladders[s].thresholds());
  return product;
}

void Walker::walk(std::size_t problem, std::span<Outcome> outcomes) {
  for (std::size_t s = 0; s < recording_.stages.size(); ++s) walk_stage(problem, s, outcomes);
}

void Walker::walk_stage(std::size_t problem, std::size_t s, std::span<Outcome> outcomes) {
  const StageRecord& stage = recording_.stages[s];
  const Ladder& ladder = grid_.ladders[s];
  const bool last = s + 1 == recording_.stages.size();
  PrefixBest best(stage.gate.measure);
  int walked_variant = -1;
  int sample = 0;
  int other_sample = 0;
  std::size_t row = 0;
  std::int64_t cost_pusd = 0;
  for (std::size_t k = 0; k < recording_.ks.size(); ++k) {
    const int variant = recording_.recorded_variant(s, problem, k);
    if (variant != walked_variant) {  // else the prefix of the k before grows
      walked_variant = variant;
      row = stage.row(problem, variant);
      vote_.clear();
      other_.clear();
      best = PrefixBest(stage.gate.measure);
      sample = other_sample = 0;
      cost_pusd = stage.once_pusd.empty() ? 0 : stage.once_pusd[row];
    }
    const auto labels = stage.samples_of(stage.classes, row);
    const auto measures = stage.samples_of(stage.measure, row);
    const auto costs = stage.samples_of(stage.cost_pusd, row);
    for (const int used = stage.used(recording_.ks[k]); sample < used; ++sample) {
      const auto i = static_cast<std::size_t>(sample);
      if (picks_best(stage.gate.measure)) {
        if (labels[i] >= 0) best.add(sample, measures[i]);
      } else {
        vote_.add(labels[i]);
      }
      if (!costs.empty()) add_cost(costs[i], cost_pusd);
    }
    if (stage.gate.measure == Gate::Measure::agreement) {
      const auto others = stage.other_of(row);
      for (const int used = stage.other_used(recording_.ks[k]); other_sample < used; ++other_sample) {
        other_.add(others[static_cast<std::size_t>(other_sample)]);
      }
    }

    const int first = picks_best(stage.gate.measure) ? best.first() : vote_.first();
    int level = 0;
    switch (stage.gate.measure) {
      case Gate::Measure::passed:
        level = ladder.level(best.passed());
        break;
      case Gate::Measure::perplexity:
      case Gate::Measure::score:
        level = first < 0 ? 0 : ladder.level(best.best());
        break;
      case Gate::Measure::agreement:
        level = ladder.level(first >= 0 && vote_.leader() == other_.leader());
        break;
      case Gate::Measure::custom:
        level = first < 0 ? 0 : ladder.level(stage.custom[problem * recording_.ks.size() + k]);
        break;
      default:
        level =
            ladder.level(vote_.votes(), stage.gate.denominator == Gate::Denominator::k ? stage.used(recording_.ks[k])
                                                                                       : vote_.answered());
    }
    Outcome& outcome = outcomes[k * recording_.stages.size() + s];
    outcome.cost_pusd = cost_pusd;
    outcome.scored = first >= 0;
    outcome.correct = outcome.scored && stage.samples_of(stage.correct, row)[static_cast<std::size_t>(first)] != 0;
    outcome.step = last ? 0 : grid_.steps[k][s].of_level[static_cast<std::size_t>(level)];
  }
}

}  // namespace cope::sweep
