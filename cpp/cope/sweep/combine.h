// From the laws of a problem's stages to its contribution at every point of one k: a flat row of numbers in segments, each at the resolution of the stages
// that matter to it.
//
//   Layout layout(ladders, k_index);
//   combine(layout, laws, carrier, row);         // row: layout.size numbers
//   layout.spread(row, sink);                    // sink(point, correct, unscored, cost, resolved): all points of the k
//
// Segments: for each stage `correct` and `resolved` over the thresholds up to its own, `cost` over those before it; `unscored` of the last.
//
// Thread-safety: pure functions; a Layout is const after construction.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <vector>

#include "cope/sweep/law.h"

namespace cope::sweep {

template <typename Number>
using Table = Eigen::Matrix<Number, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

class Layout {
 public:
  Layout(const std::vector<StageLadder>& ladders, std::size_t k_index);

  struct Segment {
    std::size_t correct = 0, resolved = 0, cost = 0;  // offsets
    std::size_t reach = 1;                            // points that tell whether the stage is reached
    std::size_t own = 1;                              // its steps: reach x own points tell whether it ends there
  };
  std::vector<Segment> segments;
  std::size_t unscored = 0;  // offset; as many as the last stage's reach
  std::size_t size = 0;

  // Calls sink(point, place of the last stage's reach, segment index by stage ...) for each point of the full axes of thresholds.
  template <typename Sink>
  void each_point(const Sink& sink) const {
    const std::size_t axes = of_threshold_.size();
    std::vector<std::size_t> index(axes, 0);
    std::vector<std::size_t> place(axes + 1, 0);  // [stage]: of its `reach`
    for (std::size_t point = 0;; ++point) {
      for (std::size_t s = 0; s < axes; ++s) {
        place[s + 1] = place[s] * segments[s].own + static_cast<std::size_t>(of_threshold_[s][index[s]]);
      }
      sink(point, place);
      std::size_t axis = axes;
      while (axis > 0 && ++index[axis - 1] == of_threshold_[axis - 1].size()) index[--axis] = 0;
      if (axis == 0) return;
    }
  }

 private:
  std::vector<std::vector<int>> of_threshold_;  // [stage but the last][threshold]
};

// The laws of one problem at one k: by stage, then by variant where the stage depends on the carried sample, else one.
template <typename Number>
using StageLaws = std::vector<std::vector<const Law<Number>*>>;

// Fills a row. `carrier`: the stage whose carried sample later stages' variants follow; -1 where laws[s] has one entry each.
template <typename Number>
void combine(const Layout& layout, const StageLaws<Number>& laws, int carrier, Number* row) {
  const std::size_t last = layout.segments.size() - 1;
  Table<Number> reach = Table<Number>::Ones(1, 1);  // [points before][carried alternatives]
  for (std::size_t s = 0; s <= last; ++s) {
    const Layout::Segment& segment = layout.segments[s];
    const auto& of = laws[s];
    const auto alternatives = static_cast<Eigen::Index>(reach.cols());
    const auto law_of = [&](Eigen::Index i) -> const Law<Number>& {
      return *of[of.size() == 1 ? 0 : static_cast<std::size_t>(i)];
    };
    const auto own = static_cast<Eigen::Index>(segment.own);
    // Of step j: accepted where more than j steps are climbed.
    Table<Number> accepted(alternatives, own), correct(alternatives, own), rejected(alternatives, own);
    Eigen::Matrix<Number, Eigen::Dynamic, 1> cost(alternatives), unscored(alternatives);
    for (Eigen::Index i = 0; i < alternatives; ++i) {
      const Law<Number>& law = law_of(i);
      cost(i) = law.cost_pusd;
      unscored(i) = law.unscored;
      if (s == last) {
        accepted(i, 0) = correct(i, 0) = 0;
        for (std::size_t l = 0; l < law.mass.size(); ++l) {
          accepted(i, 0) += law.mass[l];
          correct(i, 0) += law.correct[l];
        }
        continue;
      }
      Number up = 0, right = 0;
      for (Eigen::Index j = own - 1; j >= 0; --j) {
        accepted(i, j) = up += law.mass[static_cast<std::size_t>(j) + 1];
        correct(i, j) = right += law.correct[static_cast<std::size_t>(j) + 1];
      }
      Number down = 0;
      for (Eigen::Index j = 0; j < own; ++j) rejected(i, j) = down += law.mass[static_cast<std::size_t>(j)];
    }
    const auto points = static_cast<Eigen::Index>(segment.reach);
    Eigen::Map<Table<Number>>(row + segment.correct, points, own).noalias() = reach * correct;
    Eigen::Map<Table<Number>>(row + segment.resolved, points, own).noalias() = reach * accepted;
    Eigen::Map<Eigen::Matrix<Number, Eigen::Dynamic, 1>>(row + segment.cost, points).noalias() = reach * cost;
    if (s == last) {
      Eigen::Map<Eigen::Matrix<Number, Eigen::Dynamic, 1>>(row + layout.unscored, points).noalias() = reach * unscored;
      return;
    }
    if (static_cast<int>(s) == carrier) {  // from here on by carried sample
      const Law<Number>& law = law_of(0);
      const auto samples = static_cast<Eigen::Index>(law.carry.size() / law.mass.size());
      Table<Number> carried(own, samples);
      Eigen::Map<const Table<Number>> by_step(law.carry.data(), static_cast<Eigen::Index>(law.mass.size()), samples);
      carried.row(0) = by_step.row(0);
      for (Eigen::Index j = 1; j < own; ++j) carried.row(j) = carried.row(j - 1) + by_step.row(j);
      Table<Number> next(points * own, samples);
      for (Eigen::Index p = 0; p < points; ++p) next.middleRows(p * own, own) = carried * reach(p, 0);
      reach = std::move(next);
      continue;
    }
    Table<Number> next(points * own, alternatives);
    for (Eigen::Index p = 0; p < points; ++p) {
      for (Eigen::Index j = 0; j < own; ++j) {
        next.row(p * own + j) = reach.row(p).cwiseProduct(rejected.col(j).transpose());
      }
    }
    reach = std::move(next);
  }
}

}  // namespace cope::sweep
