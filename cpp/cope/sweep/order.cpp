#include "cope/base/error.h"
#include "cope/sweep/law.h"
#include "cope/vote/tally.h"

namespace cope::sweep {

namespace {

Tally tally_of(std::span<const std::int32_t> classes) {
  Tally tally;
  for (const std::int32_t label : classes) {
    if (label < 0) {
      tally.add_unscored();
    } else {
      tally.add(VoteKey{0, static_cast<std::uint64_t>(label)});
    }
  }
  return tally;
}

// The sample that a gate on measures answers with; -1 where nothing was scored. `passed` takes the first that passed everything.
int best_sample(Gate::Measure gate, std::span<const std::int32_t> classes, std::span<const double> measure) {
  int best = -1;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (classes[i] < 0) continue;
    if (gate == Gate::Measure::passed && measure[i] >= 1.0) return static_cast<int>(i);
    const double leader = best < 0 ? 0.0 : measure[static_cast<std::size_t>(best)];
    if (best < 0 || (gate == Gate::Measure::perplexity ? measure[i] < leader : measure[i] > leader)) {
      best = static_cast<int>(i);
    }
  }
  return best;
}

std::int64_t cost_of(const StageRecord& stage, std::size_t row, int used) {
  std::int64_t sum = stage.once_pusd.empty() ? 0 : stage.once_pusd[row];
  const auto costs = stage.samples_of(stage.cost_pusd, row);
  for (std::size_t i = 0; !costs.empty() && i < static_cast<std::size_t>(used); ++i) {
    if (__builtin_add_overflow(sum, costs[i], &sum)) throw DataError("cost_pusd: the costs of a problem leave int64");
  }
  return sum;
}

}  // namespace

Law<std::int64_t> order_law(const StageRecord& stage, std::size_t row, const StageLadder& ladder, std::size_t k_index,
                            double custom, bool carries) {
  const int used = ladder.used[k_index];
  const auto classes = stage.samples_of(stage.classes, row).first(static_cast<std::size_t>(used));
  int answer = -1;
  int step = 0;
  if (picks_best(stage.gate.measure)) {
    const auto measure = stage.samples_of(stage.measure, row);
    answer = best_sample(stage.gate.measure, classes, measure);
    if (answer >= 0) {
      const double value = measure[static_cast<std::size_t>(answer)];
      const bool passed = stage.gate.measure == Gate::Measure::passed;
      step = ladder.step(k_index, passed ? ladder.ladder.level(value >= 1.0) : ladder.ladder.level(value));
    }
  } else {
    const Tally tally = tally_of(classes);
    answer = tally.leader_first();
    if (stage.gate.measure == Gate::Measure::agreement) {
      const auto second = stage.other_of(row);
      const int first = tally_of(second.first(static_cast<std::size_t>(stage.other_used(used)))).leader_first();
      const bool agree = answer >= 0 && first >= 0 &&
                         classes[static_cast<std::size_t>(answer)] == second[static_cast<std::size_t>(first)];
      step = ladder.step(k_index, ladder.ladder.level(agree));
    } else if (stage.gate.measure == Gate::Measure::custom) {
      step = ladder.step(k_index, answer >= 0 ? ladder.ladder.level(custom) : 0);
    } else {
      step = ladder.votes[k_index].of(tally.answered())[tally.leader_votes()];
    }
  }

  const auto steps = static_cast<std::size_t>(ladder.steps[k_index].count) + 1;
  Law<std::int64_t> law;
  law.mass.assign(steps, 0);
  law.correct.assign(steps, 0);
  law.mass[static_cast<std::size_t>(step)] = 1;
  law.unscored = answer < 0 ? 1 : 0;
  if (answer >= 0)
    law.correct[static_cast<std::size_t>(step)] =
        stage.samples_of(stage.correct, row)[static_cast<std::size_t>(answer)];
  law.cost_pusd = cost_of(stage, row, used);
  if (carries) {
    law.carry.assign(steps * static_cast<std::size_t>(stage.samples), 0);
    law.carry[static_cast<std::size_t>(step) * static_cast<std::size_t>(stage.samples) +
              static_cast<std::size_t>(std::max(answer, 0))] = 1;
  }
  return law;
}

}  // namespace cope::sweep
