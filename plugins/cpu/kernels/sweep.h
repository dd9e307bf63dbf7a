// A read-only sweep over memory, as fast as one thread reads it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/isa.h"

namespace bp::cpu {

// Sums what it reads, so that no read can be left out. REQUIRES: bytes is a multiple of 512.
BP_CPU_EACH_ISA(float sweep(const std::byte* data, int64_t bytes);)

}  // namespace bp::cpu
