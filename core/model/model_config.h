// What a model of the Llama family is: its sizes and switches, read from GGUF metadata or a Hugging Face config.json.
// Thread-safe: plain values. Invariant after reading: every size is positive and plausible (see check_config), so that
// products of two of them cannot overflow int64.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/rope.h"

namespace bp {

class GgufMetadata;

enum class Activation { kSilu, kGelu, kGeluTanh, kRelu };

struct ModelConfig {
  std::string architecture;  // "llama", "mistral", "qwen2", "qwen3"
  int64_t n_layers = 0;
  int64_t hidden = 0;
  int64_t n_heads = 0;
  int64_t n_kv_heads = 0;
  int64_t head_dim = 0;    // of queries and keys
  int64_t v_head_dim = 0;  // of values
  int64_t ffn = 0;
  int64_t vocab = 0;    // GGUF: 0 where the metadata does not say; the embedding's rows then decide
  int64_t context = 0;  // positions the model was made for
  double norm_eps = 1e-6;
  RopeConfig rope;
  std::vector<int64_t> windows;  // [n_layers]: keys a query sees, itself included; 0: all
  double attention_scale = 0;    // multiplies q·k
  Activation activation = Activation::kSilu;
  bool tied_head = false;  // the head is the embedding
  bool qkv_bias = false;
  bool o_bias = false;
  bool mlp_bias = false;
  bool qk_norm = false;  // q and k of each head are normalised before the rotation
};

// Errors: kUnsupported, naming it, for an architecture or a switch this build cannot run; kRefused for nonsense.
Result<ModelConfig> read_gguf_config(const GgufMetadata& metadata);
// `text`: the content of config.json, `where` its path.
Result<ModelConfig> read_hf_config(std::string_view text, const std::string& where);

// Sizes positive and plausible, heads divisible, rope sound.
Status check_config(const ModelConfig& config, const std::string& where);

}  // namespace bp
