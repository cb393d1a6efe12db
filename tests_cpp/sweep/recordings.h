// Random recordings for the sweeps' tests, and the oracles that they are held to.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "cope/sweep/sweep.h"

namespace cope::sweep::testing {

// Owns the arrays of a recording's stage.
struct StageArrays {
  std::vector<std::int32_t> classes;
  std::vector<std::uint8_t> correct;
  std::vector<double> measure;
  std::vector<std::int32_t> other;
  std::vector<double> custom;
  std::vector<std::int64_t> cost_pusd;
  std::vector<std::int64_t> once_pusd;
  std::vector<std::int32_t> variant;
};

struct Sizes {
  std::size_t problems = 20;
  int variants = 1;
  int samples = 8;
  int classes = 4;
};

inline void fill(std::mt19937& random, const Sizes& sizes, std::size_t ks, StageArrays& arrays, StageRecord& stage) {
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution(low, high)(random); };
  const std::size_t rows = sizes.problems * static_cast<std::size_t>(sizes.variants);
  for (std::size_t i = 0; i < rows * static_cast<std::size_t>(sizes.samples); ++i) {
    const int label = pick(-1, sizes.classes - 1);
    arrays.classes.push_back(label);
    arrays.correct.push_back(label >= 0 && pick(0, 3) == 0 ? 1 : (label == 0 ? 1 : 0));
    arrays.measure.push_back(pick(0, 4) / 4.0);
    arrays.other.push_back(pick(-1, sizes.classes - 1));
    arrays.cost_pusd.push_back(pick(0, 1000));
  }
  for (std::size_t i = 0; i < rows; ++i) arrays.once_pusd.push_back(pick(0, 1000));
  for (std::size_t i = 0; i < sizes.problems * ks; ++i) {
    arrays.custom.push_back(pick(0, 4) / 4.0);
    arrays.variant.push_back(pick(0, sizes.variants - 1));
  }
  stage.variants = sizes.variants;
  stage.samples = stage.other_samples = sizes.samples;
  stage.classes = arrays.classes;
  stage.correct = arrays.correct;
  stage.measure = arrays.measure;
  stage.other = arrays.other;
  stage.custom = arrays.custom;
  stage.cost_pusd = arrays.cost_pusd;
  stage.once_pusd = arrays.once_pusd;
  stage.variant = arrays.variant;
}

inline std::vector<Rational> thresholds() { return {{0, 1}, {1, 3}, {1, 2}, {2, 3}, {3, 4}, {1, 1}}; }

inline Gate gate_of(Gate::Measure measure, Gate::Comparison comparison, Gate::Denominator denominator) {
  Gate gate;
  gate.measure = measure;
  gate.comparison = comparison;
  gate.denominator = denominator;
  return gate;
}

}  // namespace cope::sweep::testing
