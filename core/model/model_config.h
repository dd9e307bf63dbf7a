// What a model is: its sizes and switches, read from GGUF metadata or a Hugging Face config.json by the reader of its
// architecture. An architecture uses the members its paper has; the others keep their neutral values.
// Thread-safe: plain values. Invariant after reading: every size is positive and plausible (see check_config), so that
// products of two of them cannot overflow int64.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/quant_config.h"
#include "model/rope.h"

namespace bp {

class GgufMetadata;

enum class Activation : uint8_t { kSilu, kGelu, kGeluTanh, kRelu };
enum class ExpertGate : uint8_t { kSoftmax, kSigmoid };
// How a model knows where a token stands.
enum class Positions : uint8_t { kRope, kAlibi, kLearned };
enum class Pooling : uint8_t { kOff, kMean, kCls, kLast };

// A mixture of experts in the feed-forward blocks.
struct ExpertConfig {
  int64_t n_experts = 0;     // 0: none
  int64_t n_used = 0;        // experts a token goes through
  int64_t ffn = 0;           // their inner size
  int64_t shared_ffn = 0;    // inner size of the block that every token goes through; 0: none
  bool shared_gate = false;  // that block is multiplied by the sigmoid of a gate (Qwen2-MoE)
  std::vector<bool> layers;  // [n_layers]: which layers have experts; the others are dense
  ExpertGate gate = ExpertGate::kSoftmax;
  bool normalize = false;  // the weights of the chosen experts are made to sum to 1
  double scale = 1.0;      // factor of those weights
  int64_t n_groups = 1;    // experts lie in groups, of which the best n_groups_used are eligible
  int64_t n_groups_used = 1;
  double swiglu_alpha = 1.702;  // gpt-oss
  double swiglu_limit = 7.0;
  bool group_by_top2 = false;  // a group is worth the sum of its two best experts, not its best
};

// Latent attention (DeepSeek): keys and values of a token are one latent vector and one rotated key for all heads.
struct LatentConfig {
  int64_t kv_rank = 0;   // 0: no latent attention
  int64_t q_rank = 0;    // 0: queries are projected at once
  int64_t nope_dim = 0;  // columns of each query head that do not rotate
  int64_t rope_dim = 0;
};

struct ModelConfig {
  std::string architecture;  // "llama", "gemma2", …: a name of arch/architecture.h
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
  RopeConfig local_rope;         // of layers with a window, where has_local_rope
  bool has_local_rope = false;   // Gemma 3: layers with a window rotate by frequencies of their own
  std::vector<int64_t> windows;  // [n_layers]: keys a query sees, itself included; 0: all
  double attention_scale = 0;    // multiplies q·k
  double attention_softcap = 0;  // 0: none
  bool scale_by_layer = false;   // q·k of layer i is divided by i + 1 as well (GPT-2)
  Positions positions = Positions::kRope;
  Activation activation = Activation::kSilu;
  bool tied_head = false;  // the head is the embedding
  bool qkv_bias = false;
  bool o_bias = false;
  bool mlp_bias = false;
  bool qk_norm = false;        // q and k of each head are normalised before the rotation
  bool parallel = false;       // attention and feed-forward read the same input (Falcon)
  int64_t parallel_norms = 1;  // Falcon: norms of those two, 1 or 2
  double embedding_scale = 1.0;
  double residual_scale = 1.0;
  double logit_scale = 1.0;
  double logit_softcap = 0;  // 0: none
  ExpertConfig experts;
  LatentConfig latent;
  QuantConfig quant;           // of a folder; GGUF's weights say it themselves
  int64_t n_spare_layers = 0;  // behind the last layer; they predict further tokens (MTP) and are left out
  // Encoders.
  int64_t n_token_types = 0;
  Pooling pooling = Pooling::kOff;  // other than kOff: the output is one embedding a sequence
  bool normalize_embedding = false;
  int64_t max_input = 0;  // tokens of one text; 0: the context
};

// The size of lists of layers: no list is sized by a number of layers beyond this, which check_config() refuses.
inline constexpr int64_t kMaxLayers = 4096;
inline size_t listable_layers(const ModelConfig& config) {
  return config.n_layers > 0 && config.n_layers <= kMaxLayers ? static_cast<size_t>(config.n_layers) : 0;
}

// Errors: kUnsupported, naming it, for an architecture or a switch this build cannot run; kRefused for nonsense.
Result<ModelConfig> read_gguf_config(const GgufMetadata& metadata);
// `text`: the content of config.json, `where` its path.
Result<ModelConfig> read_hf_config(std::string_view text, const std::string& where);

// Sizes positive and plausible, heads divisible, rope sound.
Status check_config(const ModelConfig& config, const std::string& where);

Status check_latent(const LatentConfig& latent, const std::string& where);

}  // namespace bp
