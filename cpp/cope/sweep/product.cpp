#include "cope/sweep/product.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace cope::sweep {

namespace {

using Eigen::Index;

constexpr Index width = 8;   // columns of a tile
constexpr Index height = 6;  // rows: as many sums as the registers hold

using Eight [[gnu::vector_size(width * sizeof(double))]] = double;

// sums[height, width] = a[height, inner] b[inner, width]
using Tile = void (*)(const double* a, Index stride, const double* b, Index inner, double* sums);

[[gnu::always_inline]] inline void tile(const double* a, Index stride, const double* b, Index inner, double* sums) {
  Eight held[height] = {};
  for (Index k = 0; k < inner; ++k) {
    Eight values;
    std::memcpy(&values, b + k * width, sizeof values);
#pragma GCC unroll 6
    for (Index row = 0; row < height; ++row) held[row] += a[row * stride + k] * values;
  }
  std::memcpy(sums, held, sizeof held);
}

void tile_baseline(const double* a, Index stride, const double* b, Index inner, double* sums) {
  tile(a, stride, b, inner, sums);
}

#ifdef __x86_64__
[[gnu::target("avx2")]] void tile_avx2(const double* a, Index stride, const double* b, Index inner, double* sums) {
  tile(a, stride, b, inner, sums);
}
[[gnu::target("avx512f")]] void tile_avx512(const double* a, Index stride, const double* b, Index inner, double* sums) {
  tile(a, stride, b, inner, sums);
}
#endif

Tile best_tile() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f")) return tile_avx512;
  if (__builtin_cpu_supports("avx2")) return tile_avx2;
#endif
  return tile_baseline;
}

}  // namespace

void add_product(const Eigen::Ref<const RowMatrix>& a, const Eigen::Ref<const RowMatrix>& b, Eigen::Ref<RowMatrix> c) {
  static const Tile product = best_tile();
  const Index inner = a.cols();
  if (inner == 0) return;
  // The columns of b in strips of eight, each contiguous, the last filled up with zeros.
  const Index strips = (b.cols() + width - 1) / width;
  std::vector<double> packed(static_cast<std::size_t>(strips * inner * width));
  for (Index k = 0; k < inner; ++k) {
    for (Index column = 0; column < b.cols(); ++column) {
      packed[static_cast<std::size_t>((column / width * inner + k) * width + column % width)] = b(k, column);
    }
  }
  RowMatrix last = RowMatrix::Zero(height, inner);  // the rows that fill no tile
  for (Index row = 0; row < a.rows(); row += height) {
    const Index rows = std::min(height, a.rows() - row);
    if (rows < height) last.topRows(rows) = a.middleRows(row, rows);
    const double* const begin = rows < height ? last.data() : a.data() + row * a.outerStride();
    const Index stride = rows < height ? inner : a.outerStride();
    for (Index strip = 0; strip < strips; ++strip) {
      double sums[height][width];
      product(begin, stride, &packed[static_cast<std::size_t>(strip * inner * width)], inner, &sums[0][0]);
      const Index columns = std::min(width, b.cols() - strip * width);
      for (Index i = 0; i < rows; ++i) {
        for (Index j = 0; j < columns; ++j) c(row + i, strip * width + j) += sums[i][j];
      }
    }
  }
}

}  // namespace cope::sweep
