// Rows of any supported type to f32, and f32 to 16 bits.
#pragma once

#include <cstdint>

#include "kernels/isa.h"
#include "kernels/weight_format.h"

namespace bp::cpu {

BP_CPU_EACH_ISA(
    // `dtype` is BP_DT_F32, F16 or BF16.
    void row_to_f32(uint16_t dtype, const void* row, float* y, int64_t n);
    // A row of blocks as GGUF lays them out, n a whole number of them, bit for bit what the reference decodes.
    void block_row_to_f32(WeightFormat format, const std::byte* row, float* y, int64_t n);
    // `dtype` is BP_DT_F32, F16 or BF16; rounds to nearest even.
    void row_from_f32(uint16_t dtype, const float* x, void* row, int64_t n);)

}  // namespace bp::cpu
