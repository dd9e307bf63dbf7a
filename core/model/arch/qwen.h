// What the configurations of the Qwen family have in common.
#pragma once

#include "model/gguf_keys.h"
#include "model/hf_fields.h"

namespace bp {

struct QwenExpertDefaults {
  int64_t n_experts = 0;
  int64_t n_used = 0;
  int64_t ffn = 0;
};

// use_sliding_window, max_window_layers and layer_types decide by layer which have the window.
Status read_qwen_windows(const JsonFields& fields, ModelConfig& config);
// The experts, and by decoder_sparse_step and mlp_only_layers which layers have them.
Status read_qwen_experts(const JsonFields& fields, const QwenExpertDefaults& defaults, ModelConfig& config);
Status read_gguf_qwen_experts(const GgufKeys& keys, ModelConfig& config);

}  // namespace bp
