#include "kernels/matmul_blocks_tile.h"

namespace bp::cpu {

const MatmulKernel& matmul_blocks_avx512vnni(WeightFormat format) { return kernel_of<8>(format); }

}  // namespace bp::cpu
