// Blocks of formats that only decode: any bits, under scales that give values of a wanted size.
#pragma once

#include <cstddef>
#include <random>
#include <span>

#include "base/dtype.h"

namespace bp::conformance {

// Fills whole blocks. REQUIRES: `dtype` is a K-quant, iq4_nl or iq4_xs.
void random_blocks(DType dtype, float spread, std::mt19937& random, std::span<std::byte> out);

}  // namespace bp::conformance
