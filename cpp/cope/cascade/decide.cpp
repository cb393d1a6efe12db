#include "cope/cascade/decide.h"

#include "cope/cascade/decide_on.h"

namespace cope {

namespace {

struct EvidenceSamples {
  std::span<const Evidence> samples;

  const Evidence& at(int index) const { return samples[static_cast<std::size_t>(index)]; }
  int size() const { return static_cast<int>(samples.size()); }
  bool scored(int index) const { return at(index).scored; }
  const VoteKey& key(int index) const { return at(index).key; }
  double measure(int index) const { return at(index).measure; }
  deciding::Vote vote() const { return deciding::tallied_vote(*this); }
};

struct TraceView {
  const Trace& trace;

  EvidenceSamples draw(int draw) const { return {trace.draws[static_cast<std::size_t>(draw)]}; }
  const std::optional<double>& custom(int stage) const { return trace.custom[static_cast<std::size_t>(stage)]; }
};

}  // namespace

Trace Trace::empty(const Cascade& cascade) {
  Trace trace;
  trace.draws.resize(cascade.draws.size());
  trace.custom.resize(cascade.stages.size());
  return trace;
}

Decision decide(const Cascade& cascade, const Trace& trace) {
  Decision decision;
  decide(cascade, trace, decision);
  return decision;
}

void decide(const Cascade& cascade, const Trace& trace, Decision& decision) {
  deciding::decide_on(cascade, TraceView{trace}, decision);
}

int picked_sample(const Cascade& cascade, const Given& given, int sample_index, std::span<const StageResult> stages) {
  const Draw& source = cascade.draws[static_cast<std::size_t>(given.draw)];
  if (source.n == 1) return 0;
  if (given.pick == Given::Pick::each) return sample_index;
  if (given.pick == Given::Pick::sample) return given.sample;
  return stages[static_cast<std::size_t>(source.stage)].representative;
}

}  // namespace cope
