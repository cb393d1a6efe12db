#include "cope/cascade/cascade.h"

#include <algorithm>
#include <set>

#include "cope/base/error.h"
#include "cope/cascade/comparison.h"

namespace cope {

namespace {

std::string draw_label(const Cascade& cascade, std::size_t index) {
  return "draw " + std::to_string(index) + " ('" + cascade.draws[index].name + "') of cascade '" + cascade.name + "'";
}

void validate_draw(const Cascade& cascade, std::size_t index) {
  const Draw& draw = cascade.draws[index];
  const std::string label = draw_label(cascade, index);
  if (draw.n < 1) throw ConfigError(label + ": n must be at least 1, got " + std::to_string(draw.n));
  if (draw.n > max_samples_per_draw) {
    throw ConfigError(label + ": n must be at most " + std::to_string(max_samples_per_draw) + ", got " +
                      std::to_string(draw.n));
  }
  if (draw.stage < 0 || static_cast<std::size_t>(draw.stage) >= cascade.stages.size()) {
    throw ConfigError(label + ": stage " + std::to_string(draw.stage) + " does not exist; there are " +
                      std::to_string(cascade.stages.size()));
  }
  if (index > 0 && cascade.draws[index - 1].stage > draw.stage) {
    throw ConfigError(label + ": draws must be listed in the order of their stages");
  }
  std::set<std::string> fields;
  for (const Given& given : draw.given) {
    if (!fields.insert(given.field).second)
      throw ConfigError(label + ": the field '" + given.field + "' is given twice");
    if (given.draw < 0 || static_cast<std::size_t>(given.draw) >= index) {
      throw ConfigError(label + ": the field '" + given.field + "' must come from an earlier draw, got draw " +
                        std::to_string(given.draw));
    }
    const Draw& source = cascade.draws[static_cast<std::size_t>(given.draw)];
    if (given.pick == Given::Pick::carried && source.stage >= draw.stage) {
      throw ConfigError(label + ": the field '" + given.field + "' is carried, so it must come from an earlier stage");
    }
    if (given.pick == Given::Pick::sample &&
        (source.stage >= draw.stage || given.sample < 0 || given.sample >= source.n)) {
      throw ConfigError(label + ": the field '" + given.field + "' is sample " + std::to_string(given.sample) + " of " +
                        source.name + ", which must be one of its " + std::to_string(source.n) +
                        " samples and of an earlier stage");
    }
    if (given.pick == Given::Pick::each && source.n != 1 && (source.n != draw.n || source.stage != draw.stage)) {
      throw ConfigError(label + ": the field '" + given.field + "' takes each sample of " + source.name +
                        ", which needs the same n in the same stage (" + std::to_string(source.n) + " and " +
                        std::to_string(draw.n) + ")");
    }
    if (given.pick == Given::Pick::carried && source.n != 1) {
      const Stage& stage = cascade.stages[static_cast<std::size_t>(source.stage)];
      const Draw& voted = cascade.draws.at(static_cast<std::size_t>(stage.gate.draw));
      if (voted.n != source.n) {
        throw ConfigError(label + ": the field '" + given.field + "' is carried from " + source.name + " (n = " +
                          std::to_string(source.n) + "), but its stage votes on n = " + std::to_string(voted.n) +
                          " samples; they must be the same number");
      }
    }
  }
}

void validate_gate(const Cascade& cascade, std::size_t index) {
  const Gate& gate = cascade.stages[index].gate;
  const std::string label =
      "stage " + std::to_string(index) + " ('" + cascade.stages[index].name + "') of cascade '" + cascade.name + "'";
  const auto voted = [&](int draw, const char* field) {
    if (draw < 0 || static_cast<std::size_t>(draw) >= cascade.draws.size() ||
        cascade.draws[static_cast<std::size_t>(draw)].stage != static_cast<int>(index)) {
      throw ConfigError(label + ": its gate's " + field + " must be a draw of the same stage, got " +
                        std::to_string(draw));
    }
    if (cascade.draws[static_cast<std::size_t>(draw)].plan) {
      throw ConfigError(label + ": its gate's " + field + " is a draw of plans, which have no answers to vote on");
    }
  };
  voted(gate.draw, "draw");
  if (gate.measure == Gate::Measure::agreement) voted(gate.other_draw, "other_draw");
  if (gate.threshold.denominator <= 0 || gate.threshold.numerator < 0) {
    throw ConfigError(label + ": the threshold must be a non-negative fraction, got " +
                      std::to_string(gate.threshold.numerator) + "/" + std::to_string(gate.threshold.denominator));
  }
  if (gate.measure == Gate::Measure::consensus) {
    if (!upward(gate.comparison)) throw ConfigError(label + ": a consensus gate compares with > or >=");
    if (gate.threshold.numerator > gate.threshold.denominator) {
      throw ConfigError(label + ": a consensus threshold lies in [0, 1], got " +
                        std::to_string(gate.threshold.numerator) + "/" + std::to_string(gate.threshold.denominator));
    }
  }
  if (gate.measure == Gate::Measure::perplexity && upward(gate.comparison)) {
    throw ConfigError(label + ": a perplexity gate accepts low values: compare with < or <=");
  }
}

}  // namespace

bool carries_representative(const Cascade& cascade, int stage) {
  return std::ranges::any_of(cascade.draws, [&](const Draw& draw) {
    return draw.stage > stage && std::ranges::any_of(draw.given, [&](const Given& given) {
             const Draw& source = cascade.draws[static_cast<std::size_t>(given.draw)];
             return given.pick == Given::Pick::carried && source.stage == stage && source.n > 1;
           });
  });
}

void validate(const Cascade& cascade) {
  if (cascade.stages.empty()) throw ConfigError("cascade '" + cascade.name + "' has no stages");
  if (cascade.exhaustive && cascade.early_stop) {
    throw ConfigError("cascade '" + cascade.name + "' is exhaustive: early stopping must be off");
  }
  for (std::size_t i = 0; i < cascade.stages.size(); ++i) validate_gate(cascade, i);
  for (std::size_t i = 0; i < cascade.draws.size(); ++i) validate_draw(cascade, i);
}

}  // namespace cope
