#include "cope/cascade/replay.h"

#include <algorithm>
#include <string>
#include <thread>

#include "cope/base/error.h"
#include "cope/cascade/decide.h"

namespace cope {

namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

void replay_rows(const Cascade& cascade, std::span<const std::int32_t> classes, std::span<ReplayedDecision> decisions) {
  Trace trace = Trace::empty(cascade);
  for (std::size_t d = 0; d < cascade.draws.size(); ++d) trace.draws[d].resize(at(cascade.draws[d].n));
  Decision decision;
  const std::int32_t* label = classes.data();
  for (ReplayedDecision& replayed : decisions) {
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
    replayed.stage = decision.stage;
    if (decision.action == Action::accept) {
      const Evidence& answer = trace.draws[at(decision.answer_draw)][at(decision.answer_sample)];
      replayed.answer_class = static_cast<std::int32_t>(answer.key.low);
    }
  }
}

}  // namespace

std::size_t recorded_width(const Cascade& cascade) {
  std::size_t width = 0;
  for (const Draw& draw : cascade.draws) width += at(draw.n);
  return width;
}

std::vector<ReplayedDecision> replay_classes(const Cascade& cascade, std::span<const std::int32_t> classes,
                                             int threads) {
  for (const Stage& stage : cascade.stages) {
    const Gate::Measure measure = stage.gate.measure;
    if (measure != Gate::Measure::always && measure != Gate::Measure::consensus &&
        measure != Gate::Measure::agreement) {
      throw ConfigError("stage '" + stage.name + "': only gates on votes can be replayed from classes");
    }
  }
  const std::size_t width = recorded_width(cascade);
  if (classes.size() % width != 0) {
    throw ConfigError("classes must have " + std::to_string(width) + " columns, all samples of all draws; got " +
                      std::to_string(classes.size()) + " values in all");
  }
  Cascade complete = cascade;
  complete.early_stop = false;
  std::vector<ReplayedDecision> decisions(classes.size() / width);
  const std::size_t shares = at(std::max(threads, 1));
  const std::size_t share = (decisions.size() + shares - 1) / shares;
  std::vector<std::jthread> workers;
  for (std::size_t first = 0; first < decisions.size(); first += share) {
    const std::size_t count = std::min(share, decisions.size() - first);
    workers.emplace_back([&complete, rows = classes.subspan(first * width, count * width),
                          out = std::span(decisions).subspan(first, count)] { replay_rows(complete, rows, out); });
  }
  workers.clear();  // joins
  return decisions;
}

}  // namespace cope
