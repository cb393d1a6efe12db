#include "cope/cascade/replay.h"

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "cope/base/error.h"
#include "cope/cascade/decide.h"

namespace cope {

namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

void replay_rows(const Cascade& cascade, const Eigen::Ref<const Classes>& classes, Eigen::Ref<Decisions> decisions) {
  Trace trace = Trace::empty(cascade);
  for (std::size_t d = 0; d < cascade.draws.size(); ++d) trace.draws[d].resize(at(cascade.draws[d].n));
  Decision decision;
  for (Eigen::Index problem = 0; problem < classes.rows(); ++problem) {
    const std::int32_t* label = classes.row(problem).data();
    for (std::size_t d = 0; d < cascade.draws.size(); ++d) {
      if (cascade.draws[d].plan) {  // plans are never voted on
        label += cascade.draws[d].n;
        continue;
      }
      for (Evidence& sample : trace.draws[d]) {
        sample.scored = *label >= 0;
        sample.key.low = static_cast<std::uint64_t>(*label++);
      }
    }
    decide(cascade, trace, decision);
    decisions(problem, 0) = decision.stage;
    decisions(problem, 1) = -1;
    if (decision.action == Action::accept) {
      const Evidence& answer = trace.draws[at(decision.answer_draw)][at(decision.answer_sample)];
      decisions(problem, 1) = static_cast<std::int32_t>(answer.key.low);
    }
  }
}

Eigen::Index samples_of(const Cascade& cascade) {
  Eigen::Index samples = 0;
  for (const Draw& draw : cascade.draws) samples += draw.n;
  return samples;
}

}  // namespace

Decisions replay_classes(const Cascade& cascade, const Eigen::Ref<const Classes>& classes, int threads) {
  for (const Stage& stage : cascade.stages) {
    const Gate::Measure measure = stage.gate.measure;
    if (measure != Gate::Measure::always && measure != Gate::Measure::consensus &&
        measure != Gate::Measure::agreement) {
      throw ConfigError("stage '" + stage.name + "': only gates on votes can be replayed from classes");
    }
  }
  if (classes.cols() != samples_of(cascade)) {
    throw ConfigError("classes must have the shape (problems, " + std::to_string(samples_of(cascade)) +
                      "): all samples of all draws, got " + std::to_string(classes.cols()) + " columns");
  }
  Cascade complete = cascade;
  complete.early_stop = false;
  Decisions decisions(classes.rows(), 2);
  const Eigen::Index shares = std::max(threads, 1);
  const Eigen::Index share = (classes.rows() + shares - 1) / shares;
  std::vector<std::jthread> workers;
  for (Eigen::Index first = 0; first < classes.rows(); first += share) {
    const Eigen::Index count = std::min(share, classes.rows() - first);
    workers.emplace_back([&complete, rows = classes.middleRows(first, count),
                          out = decisions.middleRows(first, count)] { replay_rows(complete, rows, out); });
  }
  workers.clear();  // joins
  return decisions;
}

}  // namespace cope
