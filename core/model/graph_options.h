// The sizes and types a model's graph is built for. Thread-safe: plain values.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace bp {

struct GraphOptions {
  int64_t max_tokens = 512;  // rows of a step, over all its sequences
  int64_t max_seqs = 8;
  int64_t max_outputs = 8;  // rows whose logits are asked for
  int64_t page_size = 16;   // tokens of a KV page
  int64_t n_pages = 256;
  int64_t max_pages_per_seq = 32;
  DType kv_dtype = DType::kF32;   // f32, f16 or bf16
  DType act_dtype = DType::kF32;  // of the activations between ops
};

}  // namespace bp
