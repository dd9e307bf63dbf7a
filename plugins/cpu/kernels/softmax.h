// Over rows of f32, [n_rows, n] contiguous. A row's bits depend on that row alone.
//   softmax      y = exp(x - max) / sum; zeros of a row of -inf; y may be x
//   log_softmax  y = x - max - ln sum; y may be x
//   argmax       the place of the largest; the lowest wins ties
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace bp::cpu {

BP_CPU_EACH_ISA(void softmax(const float* x, float* y, int64_t n, int64_t row_begin, int64_t row_end);
                void log_softmax(const float* x, float* y, int64_t n, int64_t row_begin, int64_t row_end);
                // NaN counts as -inf. REQUIRES: n > 0.
                int32_t argmax(const float* x, int64_t n);
                // Of one row; the maximum ignores NaN and is -inf of none.
                float row_sum(const float* x, int64_t n); float row_max(const float* x, int64_t n);)

}  // namespace bp::cpu
