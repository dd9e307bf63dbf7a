// Llama 2 and 3 (https://arxiv.org/abs/2302.13971): pre-normalised attention and SwiGLU over a residual stream.
//   x = embedding[token_ids]
//   each layer:  x += o(attention(rope(q(n)), rope(k(n)), v(n)))   with n = rms_norm(x)
//                x += down(silu(gate(n)) * up(n))                  with n = rms_norm(x)
//   logits = head(rms_norm(x))
// GGUF files of Mistral and Mixtral say "llama" too, and differ by a window or by experts.
#include "model/arch/all.h"
#include "model/arch/blocks.h"
#include "model/folder_weights.h"
#include "model/hf_fields.h"

namespace bp {
namespace {

constexpr std::string_view kTypes[] = {"llama"};
constexpr std::string_view kClasses[] = {"LlamaForCausalLM"};

Status read_hf(const JsonFields& fields, ModelConfig& config) {
  BP_TRY_VOID(read_hf_sizes(fields, {.context = 2048}, config));
  BP_TRY_VOID(read_hf_activation(fields, "hidden_act", "silu", config));
  BP_TRY(const auto attention_bias, fields.boolean("attention_bias"));
  BP_TRY(const auto mlp_bias, fields.boolean("mlp_bias"));
  config.qkv_bias = config.o_bias = attention_bias.value_or(false);
  config.mlp_bias = mlp_bias.value_or(false);
  return read_hf_rope(fields, config);
}

Status read_gguf(const GgufKeys& keys, ModelConfig& config) {
  BP_TRY_VOID(read_gguf_sizes(keys, config));
  BP_TRY_VOID(read_gguf_windows(keys, config));
  BP_TRY_VOID(read_gguf_rope(keys, config));
  // llama.cpp reorders the rows of q and k so that rotated pairs are neighbours.
  config.rope.interleaved = true;
  config.experts.normalize = true;
  return read_gguf_experts(keys, 0, config);
}

// Old files keep each expert on its own.
Status adapt(const ModelConfig& config, Weights& weights) {
  constexpr static TensorName kOldExperts[] = {{"blk.{}.ffn_gate_exps", "blk.{}.ffn_gate.{}"},
                                               {"blk.{}.ffn_up_exps", "blk.{}.ffn_up.{}"},
                                               {"blk.{}.ffn_down_exps", "blk.{}.ffn_down.{}"}};
  if (weights.gguf() == nullptr || config.experts.n_experts == 0) return {};
  return join_experts({.table = kOldExperts, .prefixes = {}, .ignored = {}}, config, weights.gguf()->path(), weights);
}

Result<Graph> build(const ModelSource& source) { return build_decoder(source, prenorm_layer); }

}  // namespace

constinit const Architecture kLlama = {.name = "llama",
                                       .hf_types = kTypes,
                                       .hf_classes = kClasses,
                                       .gguf_name = "llama",
                                       .read_hf = read_hf,
                                       .read_gguf = read_gguf,
                                       .names = {.table = kLlamaNames, .prefixes = kModelPrefix, .ignored = {}},
                                       .adapt = adapt,
                                       .build = build};

}  // namespace bp
