// Elements and rows moved: strided copies, concat, iota, and what goes by index. Indices are data: what lies outside
// gives zero, or is skipped. Formulas: docs/opset.md.
#pragma once

#include "extent.h"

namespace bp::gpu {

// y[i_0, i_1, …] = x[i_axis of each dim of x …]: transpose, slice and broadcast. Elements of 1, 2, 4 or 8 bytes.
struct StridedArgs {
  const void* x;
  void* y;
  int bytes;
  Shape x_shape, y_shape;
  int x_axis[kMaxRank];  // axis of x that axis d of y runs along, -1: none
  int sliced_axis = -1;  // of x
  int64_t start = 0, step = 1;
  Count n;  // elements of y
};
void strided_copy(Launch& at, const StridedArgs& args);

// Operand `which` of a concat: its bytes, in pieces of `unit`, into their place in y.
constexpr int kMostParts = 8;
struct ConcatArgs {
  const void* x[kMostParts];
  void* y;
  int n_parts;
  int unit;                  // bytes: 1, 2, 4 or 8
  Count outer, inner;        // inner: units below the axis
  Extent parts[kMostParts];  // along the axis
};
void concat(Launch& at, const ConcatArgs& args);

void iota(Launch& at, int32_t* y, const Extent& n);

// y[i] = table[rows[i]], as f32 out of any dtype of numbers.h (dtype), or as bytes (copy).
struct GatherRowsArgs {
  const void* table;
  const int32_t* rows;
  void* y;
  int dtype;
  int64_t row_elements;  // a whole number of blocks
  int64_t row_bytes;
  Extent n_table, n;
};
void gather_rows(Launch& at, const GatherRowsArgs& args);
void gather_rows_copy(Launch& at, const GatherRowsArgs& args);

// target[rows[i]] = src[i] in order of i; threads divide the bytes of a row.
struct ScatterRowsArgs {
  void* target;
  const int32_t* rows;
  const void* src;
  int64_t row_bytes;  // a multiple of 4
  Extent n_target, n;
};
void scatter_rows(Launch& at, const ScatterRowsArgs& args);

// gather_last: y[.., j] = x[.., idx[.., j]]. scatter_last: y = x, then y[.., idx[.., j]] = src[.., j] in order of j; y
// may be x. Elements of 4 or 8 bytes.
struct LastArgs {
  const void* x;
  const int32_t* idx;
  const void* src;
  void* y;
  int bytes;
  Count rows;
  Extent n, k;  // of x's last dim, of idx's
};
void gather_last(Launch& at, const LastArgs& args);
void scatter_last(Launch& at, const LastArgs& args);

// y[n, k] = (w[n, p] - zeros[n / block_n, p / block_k]) scales[n / block_n, p / block_k], p = perm[k]
struct DequantArgs {
  const void* w;
  const void* scales;
  const void* zeros;    // or null
  const int32_t* perm;  // or null
  void* y;
  int w_dtype, scales_dtype, zeros_dtype, y_dtype;
  int64_t n, k, block_n, block_k;
};
void dequant(Launch& at, const DequantArgs& args);

}  // namespace bp::gpu
