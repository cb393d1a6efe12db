#include "cope/cascade/replay.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "cope/base/error.h"
#include "cope/cascade/decide_on.h"

namespace cope {

namespace {

constexpr std::size_t small_draw = 32;  // up to here all pairs are compared
constexpr int unscored = -1;
constexpr Eigen::Index chunk = 2048;  // problems that a thread takes at a time

// GCC's and clang's vectors: four lanes are one instruction on every machine. A comparison gives -1 (true) or 0 in each lane.
using Lanes [[gnu::vector_size(16)]] = std::int32_t;

// All pairs at once, without a branch.
template <std::size_t Width>
deciding::Vote pairwise_vote(const std::int32_t* labels, std::size_t count) {
  constexpr std::size_t lanes = sizeof(Lanes) / sizeof(std::int32_t);
  constexpr std::size_t parts = Width / lanes;
  Lanes label[parts];
  if (count < Width) std::fill_n(label, parts, Lanes{} + unscored);
  std::memcpy(label, labels, (count == Width ? Width : count) * sizeof *labels);
  Lanes votes[parts] = {};
  for (std::size_t i = 0; i < parts; ++i) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const Lanes one = Lanes{} + label[i][lane];
      for (std::size_t j = 0; j < parts; ++j) votes[j] -= label[j] == one;
    }
  }
  // The most votes first, then the first in sampling order; an unscored sample has none.
  constexpr auto width = static_cast<std::int32_t>(Width);
  Lanes best{};
  Lanes answered{};
  for (std::size_t i = 0; i < parts; ++i) {
    const auto last = width - 1 - static_cast<std::int32_t>(i * lanes);
    const Lanes scored = label[i] >= 0;
    const Lanes rank = (votes[i] * width + Lanes{last, last - 1, last - 2, last - 3}) & scored;
    best = rank > best ? rank : best;
    answered -= scored;
  }
  const std::int32_t most = std::max(std::max(best[0], best[1]), std::max(best[2], best[3]));
  if (most == 0) return {};
  return {most / width, width - 1 - most % width, answered[0] + answered[1] + answered[2] + answered[3]};
}

// The recorded samples of one draw, read in place.
struct LabelSamples {
  std::span<const std::int32_t> labels;

  int size() const { return static_cast<int>(labels.size()); }
  bool scored(int index) const { return labels[static_cast<std::size_t>(index)] >= 0; }
  VoteKey key(int index) const { return {0, static_cast<std::uint64_t>(labels[static_cast<std::size_t>(index)])}; }
  double measure(int) const { return 0.0; }  // of no gate that replay_classes lets through
  deciding::Vote vote() const {
    if (size() == 1) return scored(0) ? deciding::Vote{1, 0, 1} : deciding::Vote{};
    if (labels.size() <= 8) return pairwise_vote<8>(labels.data(), labels.size());
    if (labels.size() <= 16) return pairwise_vote<16>(labels.data(), labels.size());
    if (labels.size() <= small_draw) return pairwise_vote<small_draw>(labels.data(), labels.size());
    return deciding::tallied_vote(*this);
  }
};

// Where the samples of each draw lie in a row.
struct Columns {
  std::size_t first;
  std::size_t count;
};

struct RowView {
  const std::int32_t* row;
  std::span<const Columns> columns;

  LabelSamples draw(int draw) const {
    const Columns& at = columns[static_cast<std::size_t>(draw)];
    return {{row + at.first, at.count}};
  }
  std::optional<double> custom(int) const { return std::nullopt; }
};

std::vector<Columns> columns_of(const Cascade& cascade) {
  std::vector<Columns> columns;
  std::size_t first = 0;
  for (const Draw& draw : cascade.draws) {
    columns.push_back({first, static_cast<std::size_t>(draw.n)});
    first += columns.back().count;
  }
  return columns;
}

Eigen::Index samples_of(const Cascade& cascade) {
  Eigen::Index samples = 0;
  for (const Draw& draw : cascade.draws) samples += draw.n;
  return samples;
}

}  // namespace

Decisions replay_classes(const Cascade& cascade, const Eigen::Ref<const Classes>& classes, int threads) {
  for (const Stage& stage : cascade.stages) {
    const Gate::Measure measure = stage.gate.measure;
    if (measure != Gate::Measure::always && measure != Gate::Measure::consensus &&
        measure != Gate::Measure::agreement) {
      throw ConfigError("stage '" + stage.name + "': only gates on votes can be replayed from classes");
    }
  }
  if (classes.cols() != samples_of(cascade)) {
    throw ConfigError("classes must have the shape (problems, " + std::to_string(samples_of(cascade)) +
                      "): all samples of all draws, got " + std::to_string(classes.cols()) + " columns");
  }
  Cascade complete = cascade;
  complete.early_stop = false;
  const std::vector<Columns> columns = columns_of(complete);
  Decisions decisions(classes.rows(), 2);
  std::atomic<Eigen::Index> next{0};
  const auto work = [&] {
    Decision decision;
    for (;;) {
      const Eigen::Index first = next.fetch_add(chunk);
      if (first >= classes.rows()) return;
      const Eigen::Index end = std::min(first + chunk, classes.rows());
      for (Eigen::Index problem = first; problem < end; ++problem) {
        const RowView view{classes.row(problem).data(), columns};
        deciding::decide_on(complete, view, decision);
        decisions(problem, 0) = decision.stage;
        decisions(problem, 1) =
            decision.action == Action::accept
                ? view.draw(decision.answer_draw).labels[static_cast<std::size_t>(decision.answer_sample)]
                : unscored;
      }
    }
  };
  const Eigen::Index chunks = (classes.rows() + chunk - 1) / chunk;
  std::vector<std::jthread> helpers;  // beside the calling thread
  for (Eigen::Index i = 1; i < std::min<Eigen::Index>(threads, chunks); ++i) helpers.emplace_back(work);
  work();
  helpers.clear();  // joins
  return decisions;
}

}  // namespace cope
