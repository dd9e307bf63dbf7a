// Qwen3-MoE (https://arxiv.org/abs/2505.09388): Qwen3 with experts in place of the feed-forward block of most layers.
#include <algorithm>

#include "model/arch/all.h"
#include "model/arch/blocks.h"
#include "model/arch/qwen.h"

namespace bp {
namespace {

constexpr std::string_view kTypes[] = {"qwen3_moe"};
constexpr std::string_view kClasses[] = {"Qwen3MoeForCausalLM"};
constexpr TensorName kExpertNames[] = {
    {"blk.{}.ffn_gate_inp", "layers.{}.mlp.gate"},
    {"blk.{}.ffn_gate_exps", "layers.{}.mlp.experts.{}.gate_proj"},
    {"blk.{}.ffn_up_exps", "layers.{}.mlp.experts.{}.up_proj"},
    {"blk.{}.ffn_down_exps", "layers.{}.mlp.experts.{}.down_proj"},
    {"blk.{}.ffn_gate_up_exps.weight", "layers.{}.mlp.experts.gate_up_proj"},
    {"blk.{}.ffn_down_exps.weight", "layers.{}.mlp.experts.down_proj"},
};
constexpr auto kNames = joined(kLlamaNames, kExpertNames);

Status read_hf(const JsonFields& fields, ModelConfig& config) {
  BP_TRY_VOID(read_hf_sizes(fields, {.context = 32768, .kv_heads = 4}, config));
  BP_TRY_VOID(read_hf_activation(fields, "hidden_act", "silu", config));
  BP_TRY(const auto windowed, fields.boolean("use_sliding_window"));
  if (windowed.value_or(false)) BP_TRY_VOID(read_hf_window(fields, 4096, config));
  BP_TRY(const auto bias, fields.boolean("attention_bias"));
  config.qkv_bias = config.o_bias = bias.value_or(false);
  config.qk_norm = true;
  BP_TRY_VOID(read_qwen_experts(fields, {.n_experts = 128, .n_used = 8, .ffn = 768}, config));
  return read_hf_rope(fields, config);
}

Status read_gguf(const GgufKeys& keys, ModelConfig& config) {
  BP_TRY_VOID(read_gguf_sizes(keys, config));
  BP_TRY_VOID(read_gguf_windows(keys, config));
  config.qk_norm = true;
  config.experts.normalize = true;
  BP_TRY_VOID(read_gguf_qwen_experts(keys, config));
  return read_gguf_rope(keys, config);
}

Result<Graph> build(const ModelSource& source) { return build_decoder(source, prenorm_layer); }

}  // namespace

// Layer i has experts where (i + 1) is a multiple of decoder_sparse_step, unless mlp_only_layers names it.
Status read_qwen_experts(const JsonFields& fields, const QwenExpertDefaults& defaults, ModelConfig& config) {
  ExpertConfig& experts = config.experts;
  BP_TRY(const auto n_experts, fields.integer("num_experts"));
  BP_TRY(const auto n_local_experts, fields.integer("num_local_experts"));
  BP_TRY(const auto n_used, fields.integer("num_experts_per_tok"));
  BP_TRY(const auto ffn, fields.integer("moe_intermediate_size"));
  BP_TRY(const auto normalize, fields.boolean("norm_topk_prob"));
  BP_TRY(const auto step, fields.integer("decoder_sparse_step"));
  BP_TRY(const auto dense, read_hf_integers(fields, "mlp_only_layers"));
  experts.n_experts = n_experts.value_or(n_local_experts.value_or(defaults.n_experts));
  experts.n_used = n_used.value_or(defaults.n_used);
  experts.ffn = ffn.value_or(defaults.ffn);
  experts.normalize = normalize.value_or(false);
  if (step.value_or(1) < 1) return fields.wrong("decoder_sparse_step", "a positive number of layers");
  experts.layers.assign(config.windows.size(), false);
  for (size_t i = 0; i < experts.layers.size(); ++i) {
    const auto layer = static_cast<int64_t>(i);
    experts.layers[i] = (layer + 1) % step.value_or(1) == 0 && std::ranges::find(dense, layer) == dense.end();
  }
  return {};
}

Status read_gguf_qwen_experts(const GgufKeys& keys, ModelConfig& config) {
  BP_TRY_VOID(read_gguf_experts(keys, 0, config));
  // Old files leave the size out.
  const bool implied = !keys.has("expert_feed_forward_length") && config.experts.n_used > 0;
  if (implied) config.experts.ffn = config.ffn / config.experts.n_used;
  return {};
}

constinit const Architecture kQwen3Moe = {.name = "qwen3_moe",
                                          .hf_types = kTypes,
                                          .hf_classes = kClasses,
                                          .gguf_name = "qwen3moe",
                                          .read_hf = read_hf,
                                          .read_gguf = read_gguf,
                                          .names = {.table = kNames, .prefixes = kModelPrefix, .ignored = {}},
                                          .adapt = nullptr,
                                          .build = build};

}  // namespace bp
