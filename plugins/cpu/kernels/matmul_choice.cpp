#include "kernels/matmul_choice.h"

namespace bp::cpu {

const MatmulKernel& matmul_kernel(WeightFormat format, IsaLevel isa) {
  if (is_block_format(format) || is_byte_format(format))
    return isa >= IsaLevel::kAvx512Vnni ? matmul_blocks_avx512vnni(format) : matmul_blocks_avx2(format);
  if (format == WeightFormat::kBf16 && isa >= IsaLevel::kAmx) return matmul_bf16_amx(false);
  if (format == WeightFormat::kBf16 && isa >= IsaLevel::kAvx512Bf16) return matmul_bf16_avx512bf16();
  return isa >= IsaLevel::kAvx512 ? matmul_dense_avx512(format) : matmul_dense_avx2(format);
}

const MatmulKernel& matmul_kernel_many(WeightFormat format, IsaLevel isa) {
  if (is_block_format(format) && isa >= IsaLevel::kAmx) {
    if (const MatmulKernel* kernel = matmul_blocks_amx(format); kernel != nullptr) return *kernel;
  }
  if (format == WeightFormat::kBf16 && isa >= IsaLevel::kAmx) return matmul_bf16_amx(true);
  return matmul_kernel(format, isa);
}

}  // namespace bp::cpu
