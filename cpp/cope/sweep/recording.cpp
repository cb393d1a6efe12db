#include "cope/sweep/recording.h"

#include <cmath>
#include <string>
#include <string_view>

#include "cope/base/error.h"
#include "cope/base/parallel.h"
#include "cope/cascade/comparison.h"

namespace cope::sweep {

namespace {

std::string field(std::size_t stage, std::string_view name) {
  return "stages[" + std::to_string(stage) + "][\"" + std::string(name) + "\"]";
}

__extension__ using int128 = __int128;

bool less(Rational one, Rational other) {
  return static_cast<int128>(one.numerator) * other.denominator <
         static_cast<int128>(other.numerator) * one.denominator;
}

void check_thresholds(const StageRecord& stage, std::size_t index, bool last) {
  const std::string name = "stages[" + std::to_string(index) + "][\"gate\"][\"thresholds\"]";
  if (last || !has_threshold(stage.gate.measure)) {
    if (!stage.thresholds.empty()) {
      throw ConfigError(name + ": " + (last ? "the last stage answers whatever its gate says" : "this gate has none") +
                        "; leave them out");
    }
    return;
  }
  if (stage.thresholds.empty()) throw ConfigError(name + ": expected at least one threshold, got none");
  for (std::size_t i = 0; i < stage.thresholds.size(); ++i) {
    const Rational threshold = stage.thresholds[i];
    if (threshold.denominator <= 0 || threshold.numerator < 0) {
      throw ConfigError(name + ": expected non-negative fractions, got " + std::to_string(threshold.numerator) + "/" +
                        std::to_string(threshold.denominator) + " at " + std::to_string(i));
    }
    if (stage.gate.measure == Gate::Measure::consensus && threshold.numerator > threshold.denominator) {
      throw ConfigError(name + ": a consensus threshold lies in [0, 1], got " + std::to_string(threshold.numerator) +
                        "/" + std::to_string(threshold.denominator) + " at " + std::to_string(i));
    }
    if (i > 0 && !less(stage.thresholds[i - 1], threshold)) {
      throw ConfigError(name + ": expected strictly ascending thresholds; the one at " + std::to_string(i) +
                        " is not above the one before");
    }
  }
}

void check_stage(const Recording& recording, std::size_t index, bool in_order) {
  const StageRecord& stage = recording.stages[index];
  if (stage.gate.measure == Gate::Measure::consensus && !upward(stage.gate.comparison)) {
    throw ConfigError(field(index, "gate") + ": a consensus gate compares with > or >=");
  }
  if (stage.gate.measure == Gate::Measure::perplexity && upward(stage.gate.comparison)) {
    throw ConfigError(field(index, "gate") + ": a perplexity gate accepts low values: compare with < or <=");
  }
  check_thresholds(stage, index, index + 1 == recording.stages.size());
  if (stage.samples < 1) throw ConfigError(field(index, "classes") + ": no samples are recorded");
  const auto needs = [&](bool needed, bool given, std::string_view name) {
    if (needed && !given) {
      throw ConfigError(field(index, name) + ": missing; this stage is decided on it");
    }
  };
  needs(stage.variants > 1 && (stage.carries < 0 || in_order), !stage.variant.empty(), "variant");
  needs(picks_best(stage.gate.measure), !stage.measure.empty(), "measure");
  needs(stage.gate.measure == Gate::Measure::agreement, !stage.other.empty(), "other");
  needs(stage.gate.measure == Gate::Measure::custom, !stage.custom.empty(), "custom");
  const int largest = recording.ks.back();
  const auto enough = [&](int samples, std::string_view name) {
    if (stage.uses_k && largest > samples) {
      throw ConfigError("k: " + std::to_string(largest) + " is more than the " + std::to_string(samples) +
                        " samples recorded in " + field(index, name) + "; record more with cope.record(..., k=[..., " +
                        std::to_string(largest) + "])");
    }
  };
  enough(stage.samples, "classes");
  if (stage.gate.measure == Gate::Measure::agreement) enough(stage.other_samples, "other");
  if (stage.carries >= static_cast<int>(index) || stage.carries < -1) {
    throw ConfigError(field(index, "carries") + ": expected an earlier stage or -1, got " +
                      std::to_string(stage.carries));
  }
}

std::string place(std::size_t problem, std::size_t variant, std::size_t sample) {
  return " at problem " + std::to_string(problem) + ", variant " + std::to_string(variant) + ", sample " +
         std::to_string(sample);
}

void check_labels(const StageRecord& stage, std::size_t index, std::size_t problem,
                  std::span<const std::int32_t> labels, std::size_t samples, std::string_view name) {
  const std::size_t share = static_cast<std::size_t>(stage.variants) * samples;
  for (std::size_t i = 0; i < (labels.empty() ? 0 : share); ++i) {
    const std::int32_t label = labels[problem * share + i];
    if (label < -1 || label > max_label) {
      throw DataError(field(index, name) + ": expected labels from -1 (unscored) to " + std::to_string(max_label) +
                      ", got " + std::to_string(label) + place(problem, i / samples, i % samples));
    }
  }
}

void check_values(const Recording& recording, std::size_t index, std::size_t problem) {
  const StageRecord& stage = recording.stages[index];
  const auto samples = static_cast<std::size_t>(stage.samples);
  const std::size_t share = static_cast<std::size_t>(stage.variants) * samples;
  check_labels(stage, index, problem, stage.classes, samples, "classes");
  check_labels(stage, index, problem, stage.other, static_cast<std::size_t>(stage.other_samples), "other");
  for (std::size_t i = 0; i < share; ++i) {
    const std::size_t at = problem * share + i;
    if (stage.correct[at] > 1) {
      throw DataError(field(index, "correct") + ": expected 0 or 1, got " + std::to_string(stage.correct[at]) +
                      place(problem, i / samples, i % samples));
    }
    if (!stage.measure.empty() && stage.classes[at] >= 0 && std::isnan(stage.measure[at])) {
      throw DataError(field(index, "measure") + ": NaN" + place(problem, i / samples, i % samples) +
                      "; a sample without a measure is unscored: class -1");
    }
    if (!stage.cost_pusd.empty() && stage.cost_pusd[at] < 0) {
      throw DataError(field(index, "cost_pusd") + ": negative cost " + std::to_string(stage.cost_pusd[at]) +
                      place(problem, i / samples, i % samples));
    }
  }
  for (std::size_t v = 0; v < (stage.once_pusd.empty() ? 0 : static_cast<std::size_t>(stage.variants)); ++v) {
    const std::int64_t cost = stage.once_pusd[stage.row(problem, static_cast<int>(v))];
    if (cost < 0) {
      throw DataError(field(index, "once_pusd") + ": negative cost " + std::to_string(cost) + " at problem " +
                      std::to_string(problem) + ", variant " + std::to_string(v));
    }
  }
  for (std::size_t k = 0; k < recording.ks.size(); ++k) {
    const auto where = [&] {
      return " at problem " + std::to_string(problem) + ", k = " + std::to_string(recording.ks[k]);
    };
    if (!stage.custom.empty() && std::isnan(stage.custom[problem * recording.ks.size() + k])) {
      throw DataError(field(index, "custom") + ": NaN" + where());
    }
    const int variant = recording.variant(index, problem, k);
    if (variant >= stage.variants || variant < -1) {
      throw DataError(field(index, "variant") + ": expected -1 (not recorded) to " +
                      std::to_string(stage.variants - 1) + ", got " + std::to_string(variant) + where());
    }
  }
}

}  // namespace

bool has_threshold(Gate::Measure measure) {
  return measure == Gate::Measure::consensus || measure == Gate::Measure::perplexity ||
         measure == Gate::Measure::score || measure == Gate::Measure::custom;
}

bool picks_best(Gate::Measure measure) {
  return measure == Gate::Measure::passed || measure == Gate::Measure::perplexity || measure == Gate::Measure::score;
}

int Recording::recorded_variant(std::size_t stage, std::size_t problem, std::size_t k_index) const {
  const int recorded = variant(stage, problem, k_index);
  if (recorded >= 0) return recorded;
  throw DataError(field(stage, "variant") + ": problem " + std::to_string(problem) +
                  " has no samples of this stage with the plan that is carried at k = " + std::to_string(ks[k_index]) +
                  "; record more with cope.record(..., k=[..., " + std::to_string(ks[k_index]) + "])");
}

void stop_if_cancelled(const Options& options) {
  if (options.cancelled != nullptr && options.cancelled->load(std::memory_order_relaxed)) throw Error("cancelled");
}

void check(const Recording& recording, const Options& options) {
  if (recording.stages.empty()) throw ConfigError("stages: expected at least one, got none");
  if (recording.problems == 0) throw ConfigError("stages: the recording is empty (no problems)");
  if (recording.ks.empty()) throw ConfigError("k: expected at least one number of samples, got none");
  for (std::size_t i = 0; i < recording.ks.size(); ++i) {
    if (recording.ks[i] < 1 || (i > 0 && recording.ks[i] <= recording.ks[i - 1])) {
      throw ConfigError("k: expected strictly ascending numbers of samples from 1, got " +
                        std::to_string(recording.ks[i]) + " at " + std::to_string(i));
    }
  }
  for (std::size_t s = 0; s < recording.stages.size(); ++s)
    check_stage(recording, s, options.in_order || options.conditional);
  parallel_for(recording.problems, {.chunk = 256, .threads = options.threads}, [&](std::size_t problem) {
    for (std::size_t s = 0; s < recording.stages.size(); ++s) check_values(recording, s, problem);
  });
}

}  // namespace cope::sweep
