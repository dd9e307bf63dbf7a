// Interleaves up to 16 rows of a weight into one group of a packed layout (weight_layout.h). Thread-safety: pure.
// Bound by memory. SSE2 alone: every x86-64 processor has it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/weight_format.h"

namespace bp::cpu {

struct PackGroup {
  WeightFormat format;
  int64_t k;
  int64_t rows;  // 1 .. 16; the others become zeros
  uint64_t src_row_bytes;
  const std::byte* src;  // the first row, as the file has it
  std::byte* dst;        // group_bytes(), 64-byte aligned
};
void pack_group(const PackGroup& group);

}  // namespace bp::cpu
