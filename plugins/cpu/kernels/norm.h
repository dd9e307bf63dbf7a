// Norms over rows of f32, [n_rows, hidden] contiguous. y may be x. A row's bits depend on that row alone.
//   rms_norm    y = x / sqrt(mean(x^2) + eps) * w
//   layer_norm  y = (x - mean(x)) / sqrt(mean((x - mean)^2) + eps) * w + b
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace bp::cpu {

struct NormArgs {
  const float* x;
  const float* w;  // [hidden] or null: ones
  const float* b;  // [hidden] or null: zeros; layer_norm only
  float* y;
  int64_t hidden;
  float eps;
};

// s = x + r, then y = rms_norm(s); s may be x or r.
struct AddNormArgs {
  NormArgs norm;  // norm.x is x
  const float* r;
  float* s;
};

BP_CPU_EACH_ISA(void rms_norm(const NormArgs& args, int64_t row_begin, int64_t row_end);
                void layer_norm(const NormArgs& args, int64_t row_begin, int64_t row_end);
                void add_rms_norm(const AddNormArgs& args, int64_t row_begin, int64_t row_end);)

}  // namespace bp::cpu
