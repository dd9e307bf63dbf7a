// The matmul kernel for a weight format on an instruction set.
#pragma once

#include "isa_level.h"
#include "kernels/matmul.h"

namespace bp::cpu {

const MatmulKernel& matmul_kernel(WeightFormat format, IsaLevel isa);

}  // namespace bp::cpu
