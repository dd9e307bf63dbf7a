#include "kernels/matmul_blocks_tile.h"

namespace bp::cpu {

const MatmulKernel& matmul_blocks_avx2(WeightFormat format) { return kernel_of<4>(format); }

}  // namespace bp::cpu
