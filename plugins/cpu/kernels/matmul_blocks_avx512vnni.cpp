#include "kernels/matmul_blocks_tile.h"
#include "kernels/matmul_bytes_tile.h"

namespace bp::cpu {

const MatmulKernel& matmul_blocks_avx512vnni(WeightFormat format) {
  return is_block_format(format) ? block_kernel<8>(format) : byte_kernel<8>(format);
}

}  // namespace bp::cpu
