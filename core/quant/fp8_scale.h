// How the scales of fp8 checkpoints meet the op `dequant` (docs/opset.md). Nothing is repacked: the weight is its
// operand w and the scale tensor its operand scales, reshaped to two dims; only block_n and block_k are to be found.
//
//   scales of the file        as operand                        block_n  block_k
//   per tensor  [] or [1]     [1, 1]                            N        K
//   per row     [N] or [N, 1] [N, 1]                            1        K
//   per block   as operand    [ceil(N / b_n), ceil(K / b_k)]    b_n      b_k      (DeepSeek: 128 x 128)
//
// All multiply: y = w * scale. DeepSeek's name weight_scale_inv does not mean a division. Thread-safe: pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace bp::quant {

struct Fp8Scale {
  int64_t block_n = 0;
  int64_t block_k = 0;
  std::array<int64_t, 2> dims{};  // of the operand scales
};

// w [n, k]; scale_dims as in the file. `block`: the weight_block_size of the model's quantization_config, {0, 0} where
// it has none. `where` names file and tensor in errors: kRefused where the scale has none of the shapes above.
Result<Fp8Scale> fp8_scale(int64_t n, int64_t k, std::span<const int64_t> scale_dims, std::array<int64_t, 2> block,
                           const std::string& where);

}  // namespace bp::quant
