// What a sweep reads: the recorded samples of each stage of a cascade, as arrays that somebody else owns.
//
//   Recording recording{.problems = 400, .ks = {1, 2, 4, 8}, .stages = {weak, strong}};
//   check(recording);                        // throws, naming stage, problem and sample
//
// A stage has samples [problem][variant][sample]. Variants are the carried plans that its samples were drawn with; one where nothing is carried.
//
// Thread-safety: values; the arrays are only read.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cope/base/rational.h"
#include "cope/cascade/cascade.h"

namespace cope::sweep {

// Labels index scratch memory, so they are bounded.
inline constexpr std::int32_t max_label = (1 << 20) - 1;

struct StageRecord {
  Gate gate;                         // its measure, comparison and denominator; draws and threshold are not read
  std::vector<Rational> thresholds;  // strictly ascending; of gates that have one, but the last stage's
  bool uses_k = true;                // the first k of the samples count; false: all of them, whatever k
  int carries = -1;                  // the stage whose carried sample the variants belong to

  int variants = 1;
  int samples = 0;
  int other_samples = 0;
  std::span<const std::int32_t> classes;    // [P][V][N], -1: unscored
  std::span<const std::uint8_t> correct;    // [P][V][N]
  std::span<const double> measure;          // [P][V][N], or empty
  std::span<const std::int32_t> other;      // [P][V][N'], or empty: the second draw of an agreement gate
  std::span<const double> custom;           // [P][K], or empty
  std::span<const std::int64_t> cost_pusd;  // [P][V][N], or empty: 0
  std::span<const std::int64_t> once_pusd;  // [P][V], or empty: 0
  std::span<const std::int32_t> variant;    // [P][K], or empty: 0

  // The samples that count at k, and those of the second draw.
  int used(int k) const { return uses_k ? k : samples; }
  int other_used(int k) const { return uses_k ? k : other_samples; }
  // The place of a variant among all problems' variants.
  std::size_t row(std::size_t problem, int v) const {
    return problem * static_cast<std::size_t>(variants) + static_cast<std::size_t>(v);
  }
  template <typename T>
  std::span<const T> samples_of(std::span<const T> values, std::size_t row_index) const {
    const auto n = static_cast<std::size_t>(samples);
    return values.empty() ? values : values.subspan(row_index * n, n);
  }
  std::span<const std::int32_t> other_of(std::size_t row_index) const {
    const auto n = static_cast<std::size_t>(other_samples);
    return other.empty() ? other : other.subspan(row_index * n, n);
  }
};

struct Recording {
  std::size_t problems = 0;
  std::vector<int> ks;  // strictly ascending
  std::vector<StageRecord> stages;

  // The variant of a stage at ks[k_index] in sampling order; -1: not recorded.
  int variant(std::size_t stage, std::size_t problem, std::size_t k_index) const {
    const StageRecord& record = stages[stage];
    return record.variant.empty() ? 0 : record.variant[problem * ks.size() + k_index];
  }
  // The same; throws DataError where it is not recorded.
  int recorded_variant(std::size_t stage, std::size_t problem, std::size_t k_index) const;
};

struct Options {
  bool in_order = true;      // the estimator: sampling order, or subsets
  bool conditional = false;  // subsets: take the plan carried in sampling order as given
  int threads = 0;           // 0: all cores; results do not depend on it
  const std::atomic<bool>* cancelled = nullptr;
};

// True for gates that compare with a threshold.
bool has_threshold(Gate::Measure measure);
// True for gates whose answer is the sample with the best measure, not a majority.
bool picks_best(Gate::Measure measure);

// Throws ConfigError for shapes, thresholds and ks that do not fit together, DataError for values that cannot be: NaN, a negative cost, a label below -1.
void check(const Recording& recording, const Options& options);

// Ends a cancelled call: throws Error.
void stop_if_cancelled(const Options& options);

}  // namespace cope::sweep
