// Weights of 4 or 8 bits as AWQ and GPTQ checkpoints pack them into int32 words, unpacked into the operands of the op
// `dequant` (docs/opset.md) with block_n = 1 and block_k = group_size:
//
//   y[n, k] = (w[n, p] - zeros[n, p / group_size]) * scales[n, p / group_size],  p = perm[k], or k without perm
//
// Thread-safe: pure functions.
#pragma once

#include "quant/tensor_bytes.h"

namespace bp::quant {

struct DequantOperands {
  int64_t n = 0;  // outputs
  int64_t k = 0;  // inputs
  int64_t group_size = 0;
  DType w_dtype = DType::kU4;        // kU4 or kU8
  DType scales_dtype = DType::kF16;  // as the file has them: f16, bf16, f32
  std::vector<std::byte> w;          // [n, k], rows in whole bytes, the lower nibble first
  std::vector<std::byte> scales;     // [n, k / group_size]
  std::vector<std::byte> zeros;      // u8 [n, k / group_size]: a zero of 16 does not fit four bits
  std::vector<int32_t> perm;         // [k], empty where the columns lie in order
};

// AWQ, version "gemm", 4 bits. Word c of a row holds the columns 8c + 0 2 4 6 1 3 5 7, from its lowest nibble up.
struct AwqTensors {
  TensorBytes qweight;  // i32 [k, n / 8]
  TensorBytes qzeros;   // i32 [k / group_size, n / 8]
  TensorBytes scales;   // float [k / group_size, n]
};

// GPTQ, 4 or 8 bits, e = 32 / bits elements to a word, from its lowest bits up.
struct GptqTensors {
  TensorBytes qweight;  // i32 [k / e, n]
  TensorBytes qzeros;   // i32 [k / group_size, n / e]
  TensorBytes scales;   // float [k / group_size, n]
  TensorBytes g_idx;    // i32 [k], the group of each column; dtype kInvalid: absent
};

struct GptqOptions {
  int bits = 4;
  bool zeros_less_one = true;  // the file holds zero - 1: checkpoint_format "gptq"; false: "gptq_v2"
};

// group_size -1: one group of all columns, as the descriptions of both formats write it. `where` names file and tensor
// in errors. Errors: kRefused where dtypes, shapes or sizes contradict each other or group_size, where g_idx names no
// group, or an 8-bit zero is 256; kUnsupported where g_idx gives a group more or fewer columns than group_size, or for
// other bits.
Result<DequantOperands> unpack_awq(const AwqTensors& tensors, int64_t group_size, const std::string& where);
Result<DequantOperands> unpack_gptq(const GptqTensors& tensors, int64_t group_size, const GptqOptions& options,
                                    const std::string& where);

}  // namespace bp::quant
