#include "cope/sweep/product.h"

#include <gtest/gtest.h>

namespace cope::sweep {
namespace {

using Eigen::Index;

// Whole numbers, so that every order of summation gives the same.
RowMatrix numbers(Index rows, Index columns, int seed) {
  RowMatrix matrix(rows, columns);
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) matrix(i, j) = static_cast<double>((31 * i + 17 * j + seed) % 101 - 50);
  }
  return matrix;
}

void expect_the_definition(Index rows, Index inner, Index columns) {
  SCOPED_TRACE(testing::Message() << rows << " x " << inner << " x " << columns);
  const RowMatrix a = numbers(rows, inner, 1);
  const RowMatrix b = numbers(inner, columns, 2);
  RowMatrix c = numbers(rows, columns, 3);
  RowMatrix expected = c;
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) {
      for (Index k = 0; k < inner; ++k) expected(i, j) += a(i, k) * b(k, j);
    }
  }
  add_product(a, b, c);
  EXPECT_EQ(c, expected);
}

TEST(Product, adds_what_the_definition_gives_in_every_shape) {
  for (const Index rows : {0, 1, 5, 6, 7, 12, 17}) {
    for (const Index inner : {0, 1, 2, 33}) {
      for (const Index columns : {0, 1, 7, 8, 9, 40}) expect_the_definition(rows, inner, columns);
    }
  }
}

TEST(Product, of_parts_of_larger_matrices_leaves_the_rest_as_it_was) {
  const RowMatrix a = numbers(20, 30, 4);
  const RowMatrix b = numbers(40, 50, 5);
  RowMatrix c = RowMatrix::Zero(25, 50);
  add_product(a.middleCols(10, 15), b.block(3, 11, 15, 21), c.block(2, 11, 20, 21));
  RowMatrix expected = RowMatrix::Zero(25, 50);
  expected.block(2, 11, 20, 21) = a.middleCols(10, 15) * b.block(3, 11, 15, 21);
  EXPECT_EQ(c, expected);
}

TEST(Product, is_the_same_however_the_columns_are_cut) {
  RowMatrix a = numbers(13, 200, 6) / 7.0;
  RowMatrix b = numbers(200, 37, 7) / 3.0;
  RowMatrix whole = RowMatrix::Zero(13, 37);
  RowMatrix cut = whole;
  add_product(a, b, whole);
  for (Index column = 0; column < 37; ++column) add_product(a, b.middleCols(column, 1), cut.middleCols(column, 1));
  EXPECT_EQ(whole, cut);
}

}  // namespace
}  // namespace cope::sweep
