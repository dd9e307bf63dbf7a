// MXFP4 as gpt-oss checkpoints ship it, made GGUF's mxfp4 blocks. Thread-safe: a pure function.
#pragma once

#include "quant/tensor_bytes.h"

namespace bp::quant {

// blocks u8 [.., K / 32, 16]: byte i holds the elements 2i (lower nibble) and 2i + 1; scales u8 [.., K / 32].
// Returns [.., K] of DType::kMXFP4, whose bytes hold the elements i and i + 16.
// `where` names file and tensor in errors: kRefused where dtypes, shapes or sizes contradict each other.
Result<std::vector<std::byte>> repack_mxfp4(const TensorBytes& blocks, const TensorBytes& scales,
                                            const std::string& where);

}  // namespace bp::quant
