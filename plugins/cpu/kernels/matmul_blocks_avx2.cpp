#include "kernels/matmul_blocks_tile.h"
#include "kernels/matmul_bytes_tile.h"

namespace bp::cpu {

const MatmulKernel& matmul_blocks_avx2(WeightFormat format) {
  return is_block_format(format) ? block_kernel<4>(format) : byte_kernel<4>(format);
}

}  // namespace bp::cpu
