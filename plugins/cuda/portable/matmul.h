// Products of f32 rows with matrices of any dtype, decoded element by element as they are read, added up in f32. The
// sum of a result has the same order whatever the other rows are. Formulas: docs/opset.md.
#pragma once

#include <backplane/plugin.h>

#include "extent.h"

namespace bp::gpu {

// Which matrix row r of the result is multiplied with, and which row of x it is.
enum class MatrixOf : int {
  kOne,      // the only one; row r of x
  kBatch,    // r % n_matrices: x [.., B, K]
  kIndex,    // idx[r]; x has a row for each result, or for each x_share results
  kOffsets,  // the one whose offsets r lies between
};

struct MatmulArgs {
  const float* x;  // [rows, K]
  const void* w;   // [n_matrices, N, K]
  float* y;        // [rows, N]
  int w_dtype;
  int64_t n, k, n_matrices;
  Count rows;
  MatrixOf matrix_of;
  const int32_t* idx;  // kIndex, kOffsets
  int64_t x_share;     // kIndex: results that share a row of x
};
bool can_multiply(int w_dtype);
void matmul(Launch& at, const MatmulArgs& args);

// x as the sum of numbers of 16 bits, for products that take no f32: two of f16, three of bf16, each the nearest to
// what the ones before leave. part[i] [n]
constexpr int kMostParts16 = 3;
constexpr int parts_of(int dtype) { return dtype == BP_DT_BF16 ? 3 : dtype == BP_DT_F16 ? 2 : 0; }
struct SplitArgs {
  const float* x;
  void* part[kMostParts16];
  int dtype;
  Count n;
};
void split(Launch& at, const SplitArgs& args);

}  // namespace bp::gpu
