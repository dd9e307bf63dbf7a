// Ops along the last axis of f32, each row by a block of threads in a fixed order: a row's bits depend on nothing but
// the row. Formulas: docs/opset.md.
#pragma once

#include "extent.h"

namespace bp::gpu {

struct RowArgs {
  const void* x;
  void* y;
  Count rows;
  Count n;  // elements of a row
};

enum class Reduction : int { kSum, kMean, kMax, kArgmax };
void reduce(Launch& at, Reduction op, const RowArgs& args);  // y f32, of argmax i32
void softmax(Launch& at, bool log, const RowArgs& args);
void cumsum(Launch& at, int dtype, const RowArgs& args);  // f32, i32 or i64

struct TopkArgs {
  const float* x;
  float* values;
  int32_t* indices;
  Count rows, n;
  int64_t k;
};
void topk(Launch& at, const TopkArgs& args);

// layer_norm, or rms_norm where not centered. w and b may be null.
struct NormArgs {
  const float* x;
  const void *w, *b;
  int w_dtype, b_dtype;
  float* y;
  Count rows;
  int64_t n;
  float eps;
  bool centered;
};
void norm(Launch& at, const NormArgs& args);

// y is not x.
struct RopeArgs {
  const float* x;
  const int32_t* positions;
  const float* freqs;
  const int32_t* variant;  // or null
  float* y;
  Extent tokens, n_variants;
  int64_t heads, head_dim, n_rot, offset;
  bool interleaved;
  float scale;
};
void rope(Launch& at, const RopeArgs& args);

// y[s] = the mean of rows start[s] .. start[s+1] - 1
struct SegmentMeanArgs {
  const float* x;
  const int32_t* start;
  float* y;
  int64_t hidden;
  Extent rows, n_starts;  // of x, of start
};
void segment_mean(Launch& at, const SegmentMeanArgs& args);

}  // namespace bp::gpu
