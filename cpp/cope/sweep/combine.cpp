#include "cope/sweep/combine.h"

namespace cope::sweep {

Layout::Layout(const std::vector<StageLadder>& ladders, std::size_t k_index) {
  std::size_t reach = 1;
  for (const StageLadder& ladder : ladders) {
    Segment segment;
    segment.reach = reach;
    segment.own = ladder.last ? 1 : static_cast<std::size_t>(ladder.steps[k_index].count);
    segment.correct = size;
    segment.resolved = size += reach * segment.own;
    segment.cost = size += reach * segment.own;
    size += reach;
    segments.push_back(segment);
    if (ladder.last) {
      unscored = size;
      size += reach;
    } else {
      of_threshold_.push_back(ladder.steps[k_index].of_threshold);
      reach *= segment.own;
    }
  }
}

}  // namespace cope::sweep
