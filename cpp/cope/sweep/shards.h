// Problems cut into contiguous shards, each summed by itself and then added up in order: so sums do not depend on the number of threads.
//
//   const Shards shards(problems, bytes_a_shard, /*at_a_time=*/32);
//   for (std::size_t p = shards.begin(shard); p < shards.begin(shard + 1); ++p) ...
//
// Thread-safety: const after construction.
#pragma once

#include <algorithm>
#include <cstddef>

namespace cope::sweep {

class Shards {
 public:
  // As many as keep cores busy, and as few as keep the shards' tables small and give each at least about so many problems as are taken at a time.
  Shards(std::size_t problems, std::size_t bytes_a_shard, std::size_t at_a_time)
      : problems_(problems),
        count_(std::clamp<std::size_t>(most_bytes / std::max<std::size_t>(bytes_a_shard, 1), 1,
                                       std::clamp<std::size_t>((problems + at_a_time - 1) / at_a_time, 1, most))) {}
  std::size_t count() const { return count_; }
  std::size_t begin(std::size_t shard) const { return problems_ * shard / count_; }

 private:
  static constexpr std::size_t most = 64;
  static constexpr std::size_t most_bytes = std::size_t{256} << 20;
  std::size_t problems_;
  std::size_t count_;
};

}  // namespace cope::sweep
