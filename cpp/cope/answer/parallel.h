// A loop over independent items on all cores.
//
//   parallel_for(texts.size(), [&](std::size_t i) { found[i] = extract(texts[i], kind); });
//
// Thread-safety: `body` is called from several threads, for each index once. It must not throw.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace cope::answer {

template <typename Body>
void parallel_for(std::size_t count, const Body& body) {
  constexpr std::size_t chunk = 16;
  const std::size_t chunks = (count + chunk - 1) / chunk;
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t k = next.fetch_add(1); k < chunks; k = next.fetch_add(1)) {
      for (std::size_t i = k * chunk; i < std::min(count, (k + 1) * chunk); ++i) body(i);
    }
  };
  const std::size_t wanted = std::min<std::size_t>(std::max(1U, std::thread::hardware_concurrency()), (chunks + 3) / 4);
  std::vector<std::jthread> helpers;
  for (std::size_t k = 1; k < wanted; ++k) helpers.emplace_back(work);
  work();
}

}  // namespace cope::answer
