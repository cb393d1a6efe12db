// Sums of outcomes at all points of a grid over thresholds, for one k: histograms over steps, summed up once all problems are in.
//
//   Tables<std::int64_t> tables(steps);
//   for (each problem) tables.add(outcomes, 1);
//   tables.finish();
//   tables.write(cells_of_points(steps), points);      // [T1, T2, ...]
//
// A problem costs a few additions, whatever the size of the grid. T is std::int64_t (exact; a sum that does not fit throws DataError) or double.
//
// Thread-safety: not synchronised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "cope/base/error.h"
#include "cope/sweep/outcomes.h"
#include "cope/sweep/points.h"

namespace cope::sweep {

// For each point [T1, T2, ...], the cell of its steps [L1, L2, ...].
std::vector<std::uint32_t> cells_of_points(std::span<const Steps> steps);

template <typename T>
class Tables {
 public:
  // Steps [stage], the last stage's among them.
  explicit Tables(std::span<const Steps> steps);

  // Outcomes [stage]. REQUIRES: weight is 1 where T is an integer.
  void add(std::span<const Outcome> outcomes, T weight);
  void merge(const Tables& other);
  void finish();
  // REQUIRES: finish() was called. Spans that are empty are left out.
  void write(std::span<const std::uint32_t> cells, const Points<T>& points) const;

 private:
  struct Table {
    std::vector<T> resolved;  // over the steps of the stages up to this one: problems that it ended
    std::vector<T> correct;
    std::vector<T> cost_pusd;  // over the steps of the stages before: of problems that reached it
  };
  struct Cell {
    T correct{};
    T cost_pusd{};
  };
  static void add_to(T& sum, T value) {
    if constexpr (std::is_integral_v<T>) {
      if (__builtin_add_overflow(sum, value, &sum)) {
        throw DataError("cost_pusd: the total is above 2^63 - 1 pUSD, about nine million USD");
      }
    } else {
      sum += value;
    }
  }
  // Sums along one axis of a table [outer, size, inner]: up to each index, or from each index on.
  static void accumulate(std::vector<T>& table, std::size_t size, std::size_t inner, bool from);
  template <typename Visit>
  void visit(std::size_t stage, std::size_t at, std::size_t cell, Cell sums, const Visit& each) const;

  std::size_t gates_;
  std::vector<std::size_t> steps_;  // of each gate: its distinguishable thresholds
  std::vector<Table> tables_;       // [stage]
  std::vector<T> unscored_;         // over the steps of all gates
};

template <typename T>
Tables<T>::Tables(std::span<const Steps> steps) : gates_(steps.size() - 1) {
  std::size_t cells = 1;
  for (std::size_t s = 0; s < steps.size(); ++s) {
    Table& table = tables_.emplace_back();
    table.cost_pusd.resize(cells);
    if (s < gates_) {
      steps_.push_back(static_cast<std::size_t>(steps[s].count));
      cells *= steps_.back() + 1;
    }
    table.resolved.resize(cells);
    table.correct.resize(cells);
  }
  unscored_.resize(cells);
}

template <typename T>
void Tables<T>::add(std::span<const Outcome> outcomes, T weight) {
  std::size_t at = 0;
  for (std::size_t s = 0; s <= gates_; ++s) {
    const Outcome& outcome = outcomes[s];
    Table& table = tables_[s];
    add_to(table.cost_pusd[at], static_cast<T>(outcome.cost_pusd) * weight);
    if (s < gates_) at = at * (steps_[s] + 1) + static_cast<std::size_t>(outcome.step);
    table.resolved[at] += weight;
    if (outcome.correct) table.correct[at] += weight;
  }
  if (!outcomes[gates_].scored) unscored_[at] += weight;
}

template <typename T>
void Tables<T>::merge(const Tables& other) {
  const auto merge_one = [](std::vector<T>& to, const std::vector<T>& from) {
    for (std::size_t i = 0; i < to.size(); ++i) add_to(to[i], from[i]);
  };
  for (std::size_t s = 0; s <= gates_; ++s) {
    merge_one(tables_[s].resolved, other.tables_[s].resolved);
    merge_one(tables_[s].correct, other.tables_[s].correct);
    merge_one(tables_[s].cost_pusd, other.tables_[s].cost_pusd);
  }
  merge_one(unscored_, other.unscored_);
}

template <typename T>
void Tables<T>::accumulate(std::vector<T>& table, std::size_t size, std::size_t inner, bool from) {
  for (std::size_t begin = 0; begin < table.size(); begin += size * inner) {
    for (std::size_t step = 1; step < size; ++step) {
      T* to = &table[begin + (from ? size - 1 - step : step) * inner];
      const T* neighbour = from ? to + inner : to - inner;
      for (std::size_t i = 0; i < inner; ++i) add_to(to[i], neighbour[i]);
    }
  }
}

template <typename T>
void Tables<T>::finish() {
  // A stage is reached where every earlier one has at most the threshold's step, and ends a problem where it has more.
  const auto reached = [&](std::vector<T>& table, std::size_t gates, std::size_t inner) {
    for (std::size_t axis = gates; axis-- > 0;) {
      accumulate(table, steps_[axis] + 1, inner, /*from=*/false);
      inner *= steps_[axis] + 1;
    }
  };
  for (std::size_t s = 0; s <= gates_; ++s) {
    Table& table = tables_[s];
    reached(table.cost_pusd, s, 1);
    for (std::vector<T>* sums : {&table.resolved, &table.correct}) {
      if (s < gates_) accumulate(*sums, steps_[s] + 1, 1, /*from=*/true);
      reached(*sums, s, s < gates_ ? steps_[s] + 1 : 1);
    }
  }
  reached(unscored_, gates_, 1);
}

// Calls each(cell, at, sums) for every cell; `at` is its place in tables over all gates.
template <typename T>
template <typename Visit>
void Tables<T>::visit(std::size_t stage, std::size_t at, std::size_t cell, Cell sums, const Visit& each) const {
  const Table& table = tables_[stage];
  add_to(sums.cost_pusd, table.cost_pusd[at]);
  if (stage == gates_) {
    sums.correct += table.correct[at];
    each(cell, at, sums);
    return;
  }
  for (std::size_t step = 0; step < steps_[stage]; ++step) {
    const std::size_t here = at * (steps_[stage] + 1) + step;
    visit(stage + 1, here, cell * steps_[stage] + step,
          Cell{static_cast<T>(sums.correct + table.correct[here + 1]), sums.cost_pusd}, each);
  }
}

template <typename T>
void Tables<T>::write(std::span<const std::uint32_t> cells, const Points<T>& points) const {
  const std::size_t stages = gates_ + 1;
  std::size_t count = 1;
  for (const std::size_t steps : steps_) count *= steps;
  std::vector<Cell> sums(count);
  std::vector<std::size_t> place(count);  // of a cell in tables over all gates
  visit(0, 0, 0, Cell{}, [&](std::size_t cell, std::size_t at, const Cell& sum) {
    sums[cell] = sum;
    place[cell] = at;
  });
  for (std::size_t i = 0; i < cells.size(); ++i) {
    points.correct[i] = sums[cells[i]].correct;
    points.cost_pusd[i] = sums[cells[i]].cost_pusd;
  }
  if (points.resolved.empty()) return;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    std::size_t at = place[cells[i]];
    points.unscored[i] = unscored_[at];
    points.resolved[i * stages + gates_] = tables_[gates_].resolved[at];
    for (std::size_t s = gates_; s-- > 0;) {  // its steps are the later digits of `at`
      points.resolved[i * stages + s] = tables_[s].resolved[at + 1];
      at /= steps_[s] + 1;
    }
  }
}

}  // namespace cope::sweep
