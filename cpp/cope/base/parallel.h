// A loop over independent items on several cores.
//
//   parallel_for(texts.size(), {.chunk = 16}, [&](std::size_t i) { found[i] = extract(texts[i], kind); });
//
// The first exception of a body is rethrown once all threads have ended; items not begun by then are left out.
//
// Thread-safety: `body` is called from several threads, for each index once.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace cope {

struct ParallelOptions {
  std::size_t chunk = 1;  // items that a thread takes at a time
  int threads = 0;        // 0: all cores
};

template <typename Body>
void parallel_for(std::size_t count, const ParallelOptions& options, const Body& body) {
  const std::size_t chunks = (count + options.chunk - 1) / options.chunk;
  std::atomic<std::size_t> next{0};
  std::mutex mu;
  std::exception_ptr error;  // guarded by mu
  const auto work = [&] {
    try {
      for (std::size_t k = next.fetch_add(1); k < chunks; k = next.fetch_add(1)) {
        for (std::size_t i = k * options.chunk; i < std::min(count, (k + 1) * options.chunk); ++i) body(i);
      }
    } catch (...) {
      next.store(chunks);
      const std::lock_guard lock(mu);
      if (!error) error = std::current_exception();
    }
  };
  const std::size_t cores = options.threads > 0 ? static_cast<std::size_t>(options.threads)
                                                : std::max(1U, std::thread::hardware_concurrency());
  {
    std::vector<std::jthread> helpers;
    for (std::size_t k = 1; k < std::min(cores, chunks); ++k) helpers.emplace_back(work);
    work();
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace cope
