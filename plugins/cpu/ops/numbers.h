// Dense rows of every dtype that decodes, as f32: bit for bit what the reference reads. Thread-safety: pure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bp::cpu {

// Elements that a row holds a whole number of; 0: not a dtype that is read here.
int64_t number_block(uint16_t dtype);
void numbers_to_f32(uint16_t dtype, const std::byte* row, float* y, int64_t n, bool avx512);

}  // namespace bp::cpu
