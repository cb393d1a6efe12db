// The inside of decide(): one template over what holds the evidence, so that live traces and recorded votes are decided by the same lines, and a replay
// reads its matrix in place. decide.cpp instantiates it for a Trace, replay.cpp for a row of classes; nobody else includes this.
//
//   struct View {
//     Samples draw(int draw) const;                            // the prefix drawn so far, by global draw index
//     const std::optional<double>& custom(int stage) const;    // the value of a custom gate
//   };
//   struct Samples {
//     int size() const; bool scored(int) const; VoteKey key(int) const; double measure(int) const;
//     Vote vote() const;                                       // of all of them: tallied_vote, or something faster that equals it
//   };
//
// Thread-safety: pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "cope/cascade/comparison.h"
#include "cope/cascade/decide.h"
#include "cope/vote/tally.h"

namespace cope::deciding {

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
    if (view.gate.measure == Gate::Measure::always) return votes > 0;
    const int of = view.gate.denominator == Gate::Denominator::k ? view.k : answered;
    return accepts_votes(view.gate.comparison, votes, of, view.gate.threshold);
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

// Counts sample by sample: any number of classes, any number of samples.
template <class Samples>
void add_to(Tally& tally, const Samples& samples, int index) {
  if (samples.scored(index)) {
    tally.add(samples.key(index));
  } else {
    tally.add_unscored();
  }
}

template <class Samples>
Vote tallied_vote(const Samples& samples) {
  Tally tally;
  for (int i = 0; i < samples.size(); ++i) add_to(tally, samples, i);
  return Vote{tally.leader_votes(), tally.leader_first(), tally.answered()};
}

// The vote of the shortest prefix that settles the gate, and its length; 0 where the samples at hand do not settle it.
template <class Samples>
int settling_prefix(const StageView& view, const Votes& votes, const Samples& samples, Vote& vote) {
  if (!view.early_stop) {
    if (samples.size() < view.k) return 0;
    vote = samples.vote();
    return view.k;
  }
  Tally tally;
  for (int i = 0; i < samples.size(); ++i) {
    add_to(tally, samples, i);
    if (votes.settled(tally)) {
      vote = Vote{tally.leader_votes(), tally.leader_first(), tally.answered()};
      return tally.samples();
    }
  }
  return 0;
}

template <class Samples>
Verdict judge_votes(const StageView& view, const Samples& prefix, StageResult& result) {
  const Votes votes{view};
  Verdict verdict;
  Vote vote;
  const int used = settling_prefix(view, votes, prefix, vote);
  if (used == 0) {
    const int have = prefix.size();
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
template <class Samples>
int best_of(const Samples& samples, bool lowest) {
  int best = -1;
  for (int i = 0; i < samples.size(); ++i) {
    if (!samples.scored(i)) continue;
    if (best < 0) {
      best = i;
      continue;
    }
    const double leader = samples.measure(best);
    if (lowest ? samples.measure(i) < leader : samples.measure(i) > leader) best = i;
  }
  return best;
}

template <class Samples>
Verdict judge_passed(const StageView& view, const Samples& prefix, StageResult& result) {
  Verdict verdict;
  const int have = prefix.size();
  int passing = 0;
  while (passing < have && !(prefix.scored(passing) && prefix.measure(passing) >= 1.0)) ++passing;
  const bool passed = passing < have;
  verdict.settled = have == view.k || (passed && view.early_stop);
  if (!verdict.settled) {
    verdict.next = view.early_stop ? have + 1 : view.k;
    return verdict;
  }
  const int best = passed ? passing : best_of(prefix, /*lowest=*/false);
  result.accepted = passed;
  result.value = best < 0 ? 0.0 : prefix.measure(best);
  result.of = 1;
  result.votes = passed ? 1 : 0;
  result.scored = best >= 0;
  result.representative = std::max(best, 0);
  verdict.answer_sample = best;
  return verdict;
}

// What a gate that answers with the majority says of the stage, but for its value and whether it accepts.
inline void answer_with_majority(const StageView& view, const Vote& vote, StageResult& result, Verdict& verdict) {
  verdict.settled = true;
  verdict.answer_sample = vote.first;
  result.votes = vote.votes;
  result.of = view.k;
  result.scored = vote.answered > 0;
  result.representative = std::max(vote.first, 0);
}

template <class Samples>
Verdict judge_agreement(const StageView& view, const Samples& prefix, const Samples& other, int other_k,
                        StageResult& result) {
  Verdict verdict;
  if (prefix.size() < view.k || other.size() < other_k) {
    verdict.next = view.k;
    return verdict;
  }
  const Vote vote = prefix.vote();
  const Vote second = other.vote();
  answer_with_majority(view, vote, result, verdict);
  result.accepted = vote.answered > 0 && second.answered > 0 && prefix.key(vote.first) == other.key(second.first);
  result.value = result.accepted ? 1.0 : 0.0;
  return verdict;
}

template <class Samples>
Verdict judge_best(const StageView& view, const Samples& prefix, StageResult& result) {
  Verdict verdict;
  if (prefix.size() < view.k) {
    verdict.next = view.k;
    return verdict;
  }
  const int best = best_of(prefix, view.gate.measure == Gate::Measure::perplexity);
  verdict.settled = true;
  verdict.answer_sample = best;
  result.scored = best >= 0;
  result.representative = std::max(best, 0);
  if (best >= 0) {
    result.value = prefix.measure(best);
    result.accepted = accepts_measure(view.gate.comparison, result.value, view.gate.threshold);
  }
  return verdict;
}

template <class Samples>
Verdict judge_custom(const StageView& view, const Samples& prefix, const std::optional<double>& custom,
                     StageResult& result) {
  Verdict verdict;
  if (prefix.size() < view.k) {
    verdict.next = view.k;
    return verdict;
  }
  if (!custom) {
    verdict.needs_custom = true;
    return verdict;
  }
  const Vote vote = prefix.vote();
  answer_with_majority(view, vote, result, verdict);
  result.value = *custom;
  result.accepted = vote.answered > 0 && accepts_measure(view.gate.comparison, *custom, view.gate.threshold);
  return verdict;
}

template <class View>
Verdict judge(const StageView& view, const Cascade& cascade, const View& evidence, int stage, StageResult& result) {
  const auto prefix = evidence.draw(view.gate.draw);
  switch (view.gate.measure) {
    case Gate::Measure::always:
    case Gate::Measure::consensus:
      return judge_votes(view, prefix, result);
    case Gate::Measure::agreement: {
      const int other_k = cascade.draws[static_cast<std::size_t>(view.gate.other_draw)].n;
      return judge_agreement(view, prefix, evidence.draw(view.gate.other_draw), other_k, result);
    }
    case Gate::Measure::passed:
      return judge_passed(view, prefix, result);
    case Gate::Measure::perplexity:
    case Gate::Measure::score:
      return judge_best(view, prefix, result);
    case Gate::Measure::custom:
      break;
  }
  return judge_custom(view, prefix, evidence.custom(stage), result);
}

// How far each draw of the stage is needed, given that the gate's draw is needed up to `next`: its parents as far as it reaches, draws beside it
// in full.
template <class View>
void add_wants(const Cascade& cascade, const View& evidence, int stage, const Gate& gate, int next,
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
    if (cascade.draws[d].stage == stage && evidence.draw(static_cast<int>(d)).size() < upto[d]) {
      wants.push_back(Want{static_cast<int>(d), upto[d]});
    }
  }
}

template <class View>
void decide_on(const Cascade& cascade, const View& evidence, Decision& decision) {
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
    const Verdict verdict = judge(view, cascade, evidence, stage, result);
    if (!verdict.settled) {
      decision.stages.pop_back();
      if (verdict.needs_custom) {
        decision.action = Action::measure;
      } else {
        add_wants(cascade, evidence, stage, gate, verdict.next, decision.wants);
      }
      return;
    }
    if (cascade.exhaustive && stage != last) result.accepted = false;
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

}  // namespace cope::deciding
