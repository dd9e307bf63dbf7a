// The quantised weights of a Hugging Face folder as the op `dequant` takes them (docs/opset.md). For a module X:
//   X.weight [.., N, K] fp8_e4m3, u4 or u8
//   X.scales [.., N / block_n, K / block_k], X.zeros likewise; WeightView::block holds the sizes of the blocks
//   X.perm   [.., K] i32, where the columns of GPTQ lie in another order
// ".." is the expert, where there are some. Thread-safe: pure functions.
#pragma once

#include "base/result.h"
#include "model/model_config.h"
#include "model/weights.h"

namespace bp {

// Leaves out what only matters to those who quantise activations or the cache too: these are kept in full here. By the
// names of the folder.
void remove_activation_scales(const QuantConfig& quant, Weights& weights);

// Brings what ModelConfig::quant says into that form, under GGUF's names. Experts whose columns are permuted, each in
// an order of its own, become f16. Errors: kRefused where tensors are missing or contradict each other.
Status unpack_quantized(const QuantConfig& quant, Weights& weights);

}  // namespace bp
