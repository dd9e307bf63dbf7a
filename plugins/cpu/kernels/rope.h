// Rotary embedding of one token's heads, x [n_heads, head_dim] to y (may be x), and the angles it needs.
//   angle[i] = position * freq[i] in f32; pairs (i, i + n_rot/2), or (2i, 2i + 1) when interleaved
//   (a, b) -> (a cos - b sin, a sin + b cos)
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace bp::cpu {

struct RopeShape {
  int64_t n_heads;
  int64_t head_dim;
  int64_t n_rot;   // even, offset + n_rot <= head_dim
  int64_t offset;  // first rotated column
  bool interleaved;
  float scale;  // of cos and sin
};

BP_CPU_EACH_ISA(
    // cos and sin of n angles, each times scale. Within 1.5 ulp for |angle| up to 1e9.
    void rope_angles(float position, const float* freqs, int64_t n, float scale, float* cos_out, float* sin_out);
    void rope_rotate(const RopeShape& shape, const float* cos_in, const float* sin_in, const float* x, float* y);)

}  // namespace bp::cpu
