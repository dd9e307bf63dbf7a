// Slots sorted by expert, and the way back. Formulas: docs/opset.md.
#pragma once

#include "extent.h"

namespace bp::gpu {

struct ExpertSortArgs {
  const int32_t* idx;
  int32_t *order, *offsets;
  Count slots;
  int64_t n_experts;
};
void expert_sort(Launch& at, const ExpertSortArgs& args);

struct CombineArgs {
  const float* y;        // [T k, N]
  const int32_t* order;  // [T k]
  const float* weights;  // [T, k]
  float* z;              // [T, N]
  int32_t* row_of;       // scratch, [T k]
  Extent tokens;
  int64_t k, n;
};
void moe_combine(Launch& at, const CombineArgs& args);

}  // namespace bp::gpu
