// The members of the Llama family, by the names files give them, and what each assumes where its config.json is silent.
// Thread-safe: constants.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace bp {

struct Family {
  std::string_view name;       // also config.json's model_type
  std::string_view hf_class;   // config.json's architectures[0]
  std::string_view gguf_name;  // general.architecture; empty: its GGUF files say "llama"
  int64_t default_context;
  int64_t default_kv_heads;  // 0: as many as query heads
  int64_t default_head_dim;  // 0: hidden / n_heads
  int64_t default_window;    // Mistral's every layer has one; 0: none
  bool layer_windows;        // use_sliding_window, max_window_layers and layer_types decide by layer
  bool qkv_bias;
  bool qk_norm;
  // llama.cpp reorders the rows of q and k of these files so that rotated pairs are neighbours.
  bool gguf_interleaved_rope;
};

// By config.json's model_type, or by general.architecture. Errors: kUnsupported, with what is supported.
Result<const Family*> find_hf_family(std::string_view model_type, const std::string& where);
Result<const Family*> find_gguf_family(std::string_view architecture, const std::string& where);

}  // namespace bp
