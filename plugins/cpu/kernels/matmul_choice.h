// The matmul kernels for a weight format on an instruction set.
#pragma once

#include "isa_level.h"
#include "kernels/matmul.h"

namespace bp::cpu {

const MatmulKernel& matmul_kernel(WeightFormat format, IsaLevel isa);
// The fastest for many rows of x; its results have the same bits as those of matmul_kernel.
const MatmulKernel& matmul_kernel_many(WeightFormat format, IsaLevel isa);

}  // namespace bp::cpu
