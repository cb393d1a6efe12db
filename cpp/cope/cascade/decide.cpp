#include "cope/cascade/decide.h"

#include <algorithm>

#include "cope/base/error.h"

namespace cope {

namespace {

bool holds(Gate::Comparison comparison, int sign) {
  switch (comparison) {
    case Gate::Comparison::greater:
      return sign > 0;
    case Gate::Comparison::greater_equal:
      return sign >= 0;
    case Gate::Comparison::less:
      return sign < 0;
    case Gate::Comparison::less_equal:
      return sign <= 0;
  }
  return false;
}

bool holds(const Gate& gate, double value) {
  const double threshold = gate.threshold.value();
  return holds(gate.comparison, value < threshold ? -1 : value > threshold);
}

// What the prefix of a stage's gate draw says.
struct Verdict {
  bool settled = false;
  bool needs_custom = false;
  int answer_sample = -1;  // -1: nothing to answer with
  int next = 0;            // where not settled: how many samples of the gate's draw to have before the next look
};

// What the stage's place in the cascade asks of its gate.
struct StageView {
  const Gate& gate;
  int k;  // samples of the gate's draw
  bool early_stop;
  // Early stopping must wait for the majority class also where the gate rejects: it is carried on, or returned by the last stage.
  bool needs_leader;
};

// Voting gates (consensus, always). `votes` of `answered` scored samples in a prefix; may the gate still turn?
struct Votes {
  const StageView& view;

  bool accepts(int votes, int answered) const {
    if (votes == 0) return false;  // there is no answer to accept
    if (view.gate.measure == Gate::Measure::always) return true;
    const int of = view.gate.denominator == Gate::Denominator::k ? view.k : answered;
    return holds(view.gate.comparison, compare(votes, of, view.gate.threshold));
  }
  // The two ends of what `remaining` samples can make of it; the gate is monotone in between. Lowest: nobody joins the leader. Highest: everybody does.
  bool accepts_at_least(int votes, int answered, int remaining) const { return accepts(votes, answered + remaining); }
  bool accepts_at_most(int votes, int answered, int remaining) const {
    return accepts(votes + remaining, answered + remaining);
  }
  bool settled(const Tally& tally) const {
    const int remaining = view.k - tally.samples();
    if (remaining == 0) return true;
    const bool low = accepts_at_least(tally.leader_votes(), tally.answered(), remaining);
    const bool high = accepts_at_most(tally.leader_votes(), tally.answered(), remaining);
    if (low != high) return false;
    return (!low && !view.needs_leader) || tally.leader_settled(remaining);
  }
  // Could any outcome of `samples` samples be settled? Looks at the most favourable ones only.
  bool may_settle(int samples) const {
    const int remaining = view.k - samples;
    if (remaining == 0) return true;
    if (samples >= remaining && accepts_at_least(samples, samples, remaining)) return true;  // all alike
    if (!view.needs_leader) {
      // Rejecting is easiest with no votes at all, or (denominator: answered) with every answer a class of its own.
      return !accepts_at_most(0, 0, remaining) || !accepts_at_most(1, samples, remaining);
    }
    for (int votes = std::max(remaining, 1); votes <= samples; ++votes) {
      // The leader cannot be caught; the others are classes of at most votes - remaining, or unscored where that is none.
      const int answered = votes > remaining ? samples : votes;
      if (!accepts_at_most(votes, answered, remaining)) return true;
    }
    return false;
  }
  int first_wave() const {
    int samples = 1;
    while (!may_settle(samples)) ++samples;
    return samples;
  }
};

// The vote of a complete draw.
struct Vote {
  int votes = 0;   // of the majority class
  int first = -1;  // its first sample; -1 where nothing was scored
  int answered = 0;
};

constexpr std::size_t pairwise_limit = 32;

bool same_class(const Evidence& one, const Evidence& other) {
  return ((one.key.high ^ other.key.high) | (one.key.low ^ other.key.low)) == 0;
}

// Small draws are counted by comparing pairs in place: replays decide millions of them, and a tally mispredicts a branch a vote.
Vote pairwise_vote(std::span<const Evidence> samples) {
  const int count = static_cast<int>(samples.size());
  Vote vote;
  for (const Evidence& sample : samples) vote.answered += sample.scored ? 1 : 0;
  // A class is counted from its first sample on; counted from a later one it falls short of that, so it cannot lead.
  for (int i = 0; count - i > vote.votes; ++i) {
    const Evidence& one = samples[static_cast<std::size_t>(i)];
    if (!one.scored || (vote.first >= 0 && same_class(one, samples[static_cast<std::size_t>(vote.first)]))) continue;
    int votes = 1;
    for (const Evidence& other : samples.subspan(static_cast<std::size_t>(i) + 1)) {
      votes += static_cast<int>(same_class(one, other)) & static_cast<int>(other.scored);
    }
    if (votes > vote.votes) vote = Vote{votes, i, vote.answered};  // strictly: the class seen first keeps a tie
  }
  return vote;
}

Vote vote_of(std::span<const Evidence> samples) {
  if (samples.size() <= pairwise_limit) return pairwise_vote(samples);
  Tally tally;
  for (const Evidence& evidence : samples) {
    if (evidence.scored) {
      tally.add(evidence.key);
    } else {
      tally.add_unscored();
    }
  }
  return Vote{tally.leader_votes(), tally.leader_first(), tally.answered()};
}

// The vote of the shortest prefix that settles the gate, and its length; 0 where the samples at hand do not settle it.
int settling_prefix(const StageView& view, const Votes& votes, std::span<const Evidence> samples, Vote& vote) {
  if (!view.early_stop) {
    if (static_cast<int>(samples.size()) < view.k) return 0;
    vote = vote_of(samples);
    return view.k;
  }
  Tally tally;
  for (const Evidence& evidence : samples) {
    if (evidence.scored) {
      tally.add(evidence.key);
    } else {
      tally.add_unscored();
    }
    if (votes.settled(tally)) {
      vote = Vote{tally.leader_votes(), tally.leader_first(), tally.answered()};
      return tally.samples();
    }
  }
  return 0;
}

Verdict judge_votes(const StageView& view, std::span<const Evidence> prefix, StageResult& result) {
  const Votes votes{view};
  Verdict verdict;
  Vote vote;
  const int used = settling_prefix(view, votes, prefix, vote);
  if (used == 0) {
    const int have = static_cast<int>(prefix.size());
    verdict.next = view.early_stop ? std::max(votes.first_wave(), have + 1) : view.k;
    return verdict;
  }
  verdict.settled = true;
  result.votes = vote.votes;
  result.of = view.gate.denominator == Gate::Denominator::k ? view.k : vote.answered;
  result.value = result.of == 0 ? 0.0 : static_cast<double>(vote.votes) / static_cast<double>(result.of);
  result.scored = vote.answered > 0;
  result.accepted = votes.accepts_at_least(vote.votes, vote.answered, view.k - used);
  result.representative = std::max(vote.first, 0);
  verdict.answer_sample = vote.first;
  return verdict;
}

// The first sample with the best measure; -1 where nothing was scored.
int best_of(std::span<const Evidence> samples, bool lowest) {
  int best = -1;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (!samples[i].scored) continue;
    if (best < 0) {
      best = static_cast<int>(i);
      continue;
    }
    const double leader = samples[static_cast<std::size_t>(best)].measure;
    if (lowest ? samples[i].measure < leader : samples[i].measure > leader) best = static_cast<int>(i);
  }
  return best;
}

Verdict judge_passed(const StageView& view, std::span<const Evidence> prefix, StageResult& result) {
  Verdict verdict;
  const auto passing =
      std::ranges::find_if(prefix, [](const Evidence& evidence) { return evidence.scored && evidence.measure >= 1.0; });
  const int have = static_cast<int>(prefix.size());
  const bool passed = passing != prefix.end();
  verdict.settled = have == view.k || (passed && view.early_stop);
  if (!verdict.settled) {
    verdict.next = view.early_stop ? have + 1 : view.k;
    return verdict;
  }
  const int best = passed ? static_cast<int>(passing - prefix.begin()) : best_of(prefix, /*lowest=*/false);
  result.accepted = passed;
  result.value = best < 0 ? 0.0 : prefix[static_cast<std::size_t>(best)].measure;
  result.of = 1;
  result.votes = passed ? 1 : 0;
  result.scored = best >= 0;
  result.representative = std::max(best, 0);
  verdict.answer_sample = best;
  return verdict;
}

// Gates that look at complete draws only.
Verdict judge_complete(const StageView& view, std::span<const Evidence> prefix, std::span<const Evidence> other,
                       int other_k, const std::optional<double>& custom, StageResult& result) {
  Verdict verdict;
  if (static_cast<int>(prefix.size()) < view.k || static_cast<int>(other.size()) < other_k) {
    verdict.next = view.k;
    return verdict;
  }
  const Gate& gate = view.gate;
  verdict.settled = true;
  switch (gate.measure) {
    case Gate::Measure::perplexity:
    case Gate::Measure::score: {
      const int best = best_of(prefix, gate.measure == Gate::Measure::perplexity);
      verdict.answer_sample = best;
      result.scored = best >= 0;
      result.representative = std::max(best, 0);
      if (best >= 0) {
        result.value = prefix[static_cast<std::size_t>(best)].measure;
        result.accepted = holds(gate, result.value);
      }
      return verdict;
    }
    case Gate::Measure::agreement: {
      const Vote vote = vote_of(prefix);
      const Vote second = vote_of(other);
      const bool both = vote.answered > 0 && second.answered > 0;
      result.accepted =
          both && prefix[static_cast<std::size_t>(vote.first)].key == other[static_cast<std::size_t>(second.first)].key;
      result.value = result.accepted ? 1.0 : 0.0;
      result.votes = vote.votes;
      result.of = view.k;
      result.scored = vote.answered > 0;
      result.representative = std::max(vote.first, 0);
      verdict.answer_sample = vote.first;
      return verdict;
    }
    default: {
      if (!custom) {
        verdict.settled = false;
        verdict.needs_custom = true;
        return verdict;
      }
      const Vote vote = vote_of(prefix);
      result.value = *custom;
      result.accepted = vote.answered > 0 && holds(gate, *custom);
      result.votes = vote.votes;
      result.of = view.k;
      result.scored = vote.answered > 0;
      result.representative = std::max(vote.first, 0);
      verdict.answer_sample = vote.first;
      return verdict;
    }
  }
}

Verdict judge(const StageView& view, const Cascade& cascade, const Trace& trace, int stage, StageResult& result) {
  const std::span<const Evidence> prefix = trace.draws[static_cast<std::size_t>(view.gate.draw)];
  switch (view.gate.measure) {
    case Gate::Measure::always:
    case Gate::Measure::consensus:
      return judge_votes(view, prefix, result);
    case Gate::Measure::passed:
      return judge_passed(view, prefix, result);
    case Gate::Measure::agreement: {
      const auto other = static_cast<std::size_t>(view.gate.other_draw);
      return judge_complete(view, prefix, trace.draws[other], cascade.draws[other].n, std::nullopt, result);
    }
    default:
      return judge_complete(view, prefix, {}, 0, trace.custom[static_cast<std::size_t>(stage)], result);
  }
}

// How far each draw of the stage is needed, given that the gate's draw is needed up to `next`: its parents as far as it reaches, draws beside it
// in full.
void add_wants(const Cascade& cascade, const Trace& trace, int stage, const Gate& gate, int next,
               std::vector<Want>& wants) {
  std::vector<int> upto(cascade.draws.size(), -1);
  upto[static_cast<std::size_t>(gate.draw)] = next;
  for (std::size_t d = cascade.draws.size(); d-- > 0;) {
    const Draw& draw = cascade.draws[d];
    if (draw.stage != stage) continue;
    if (upto[d] < 0) upto[d] = draw.n;
    for (const Given& given : draw.given) {
      const auto source = static_cast<std::size_t>(given.draw);
      if (cascade.draws[source].stage != stage) continue;
      upto[source] = std::max(upto[source], std::min(cascade.draws[source].n, upto[d]));
    }
  }
  for (std::size_t d = 0; d < cascade.draws.size(); ++d) {
    if (cascade.draws[d].stage == stage && static_cast<int>(trace.draws[d].size()) < upto[d]) {
      wants.push_back(Want{static_cast<int>(d), upto[d]});
    }
  }
}

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
  decision.action = Action::draw;
  decision.wants.clear();
  decision.stages.clear();
  decision.answer_draw = -1;
  decision.answer_sample = -1;
  decision.accepted = false;
  const int last = static_cast<int>(cascade.stages.size()) - 1;
  for (int stage = 0; stage <= last; ++stage) {
    decision.stage = stage;
    const Gate& gate = cascade.stages[static_cast<std::size_t>(stage)].gate;
    const StageView view{gate, cascade.draws[static_cast<std::size_t>(gate.draw)].n, cascade.early_stop,
                         cascade.early_stop && (stage == last || carries_representative(cascade, stage))};
    StageResult& result = decision.stages.emplace_back();
    result.stage = stage;
    const Verdict verdict = judge(view, cascade, trace, stage, result);
    if (!verdict.settled) {
      decision.stages.pop_back();
      if (verdict.needs_custom) {
        decision.action = Action::measure;
      } else {
        add_wants(cascade, trace, stage, gate, verdict.next, decision.wants);
      }
      return;
    }
    if (result.accepted || (stage == last && verdict.answer_sample >= 0)) {
      decision.action = Action::accept;
      decision.accepted = result.accepted;
      decision.answer_draw = gate.draw;
      decision.answer_sample = verdict.answer_sample;
      return;
    }
  }
  decision.action = Action::unscored;
}

int picked_sample(const Cascade& cascade, const Given& given, int sample_index, std::span<const StageResult> stages) {
  const Draw& source = cascade.draws[static_cast<std::size_t>(given.draw)];
  if (source.n == 1) return 0;
  if (given.pick == Given::Pick::each) return sample_index;
  return stages[static_cast<std::size_t>(source.stage)].representative;
}

}  // namespace cope
