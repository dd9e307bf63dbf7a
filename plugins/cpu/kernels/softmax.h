// Over rows of f32, [n_rows, n] contiguous. A row's bits depend on that row alone.
//   softmax  y = exp(x - max) / sum; y may be x        argmax  the place of the largest; the lowest wins ties
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace bp::cpu {

BP_CPU_EACH_ISA(void softmax(const float* x, float* y, int64_t n, int64_t row_begin, int64_t row_end);
                // NaN counts as -inf. REQUIRES: n > 0.
                int32_t argmax(const float* x, int64_t n);)

}  // namespace bp::cpu
