// Asks the kernel for large pages behind memory that is about to be written for the first time: a page fault for every 2 MB, not for every 4 KB. Where a
// result takes a hundred megabytes, the faults cost more than what is computed. A hint: nothing depends on its being followed.
//
//   std::vector<double> values;
//   values.reserve(count);
//   prefer_large_pages(values.data(), count * sizeof(double));
//   values.resize(count);
//
// Thread-safety: pure, but for the hint.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

namespace cope {

inline void prefer_large_pages(void* data, std::size_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr std::size_t page = std::size_t{2} << 20;
  if (bytes < 2 * page) return;
  constexpr std::size_t small = 4096;
  const std::size_t skipped = (small - reinterpret_cast<std::uintptr_t>(data) % small) % small;
  (void)madvise(static_cast<char*>(data) + skipped, bytes - skipped, MADV_HUGEPAGE);
#else
  (void)data;
  (void)bytes;
#endif
}

}  // namespace cope
