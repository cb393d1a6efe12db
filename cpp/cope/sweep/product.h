// The matrix product of the bootstrap: sums += weights x values, as fast as the processor's vectors allow.
//
//   add_product(weights, values.middleCols(begin, count), sums.middleCols(begin, count));
//
// Wheels are compiled for any processor of an architecture, and Eigen's product with them; this one is compiled for several and picks at run time. Each sum
// is added up in the order of the inner index, each product rounded by itself, so that the result is the same on every processor.
//
// Thread-safety: a pure function; disjoint columns may be computed at the same time.
#pragma once

#include <Eigen/Core>

namespace cope::sweep {

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// How many columns a call should get, for its part of `b` to stay in a core's cache.
inline constexpr Eigen::Index product_columns = 32;

// c[rows, columns] += a[rows, inner] b[inner, columns]
void add_product(const Eigen::Ref<const RowMatrix>& a, const Eigen::Ref<const RowMatrix>& b, Eigen::Ref<RowMatrix> c);

}  // namespace cope::sweep
