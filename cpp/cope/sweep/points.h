// The two estimators over caller's buffers: what sweep.h calls.
//
//   sweep_in_order(recording, options, Points<std::int64_t>{correct, unscored, resolved, cost_pusd});
//
// In sampling order (in_order.cpp): a problem is a few additions to histograms over steps (tables.h), whatever the size of the grid. Over subsets
// (subsets.cpp): laws of the stages (stage_law.h), put together by small matrix products.
//
// Thread-safety: pure functions that use threads of their own.
// REQUIRES: check(recording, options) passed.
#pragma once

#include <cstdint>
#include <span>

#include "cope/sweep/recording.h"

namespace cope::sweep {

// [K, T1, T2, ...], and one more axis in front where there are several rows.
template <typename Number>
struct Points {
  std::span<Number> correct;
  std::span<Number> unscored;  // empty: not wanted
  std::span<Number> resolved;  // [..., S]; empty: not wanted
  std::span<Number> cost_pusd;
};

// Throw DataError where a variant that a k needs was not recorded, or where a sum of costs does not fit.
void sweep_in_order(const Recording& recording, const Options& options, const Points<std::int64_t>& sums);
void problems_in_order(const Recording& recording, const Options& options, const Points<std::int64_t>& points);

// Throw ConfigError where the expectation does not exist.
void expect_subsets(const Recording& recording, const Options& options, const Points<double>& sums);
void expect_problems(const Recording& recording, const Options& options, const Points<double>& points);

// Weighted sums, one for each row of `weights` [R][P]: correct and cost_pusd, [R, K, T1, T2, ...].
void bootstrap_in_order(const Recording& recording, const Options& options, std::span<const double> weights,
                        const Points<double>& resamples);
void expect_bootstrap(const Recording& recording, const Options& options, std::span<const double> weights,
                      const Points<double>& resamples);

}  // namespace cope::sweep
