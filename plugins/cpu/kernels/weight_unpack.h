// One block of a weight as a GGUF file has it, taken apart: its codes in order of k, and its scale record. What each
// format is lives here alone; packing, multiplying and gathering work on shapes (weight_format.h). Thread-safety: pure.
#pragma once

#include "kernels/weight_format.h"

namespace bp::cpu {

struct UnpackedBlock {
  alignas(64) uint8_t code[256];  // [block_k], those of tables not looked up
  uint16_t half[2];               // f16
  uint8_t byte[16];
};

// Fills in as much as the format's shape says. REQUIRES: is_block_format(format).
void unpack_block(WeightFormat format, const std::byte* block, UnpackedBlock& out);
// half and byte alone.
void unpack_record(WeightFormat format, const std::byte* block, UnpackedBlock& out);

}  // namespace bp::cpu
