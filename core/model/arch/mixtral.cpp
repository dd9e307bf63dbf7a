// Mixtral (https://arxiv.org/abs/2401.04088): Mistral with experts in every layer; the router's softmax is over the
// chosen ones, which is that over all, normalised. Its GGUF files say "llama".
#include "model/arch/all.h"
#include "model/arch/blocks.h"
#include "model/hf_fields.h"

namespace bp {
namespace {

constexpr std::string_view kTypes[] = {"mixtral"};
constexpr std::string_view kClasses[] = {"MixtralForCausalLM"};
constexpr TensorName kOwnNames[] = {
    {"blk.{}.ffn_norm", "layers.{}.post_attention_layernorm"},
    {"blk.{}.ffn_gate_inp", "layers.{}.block_sparse_moe.gate"},
    {"blk.{}.ffn_gate_exps", "layers.{}.block_sparse_moe.experts.{}.w1"},
    {"blk.{}.ffn_down_exps", "layers.{}.block_sparse_moe.experts.{}.w2"},
    {"blk.{}.ffn_up_exps", "layers.{}.block_sparse_moe.experts.{}.w3"},
};
constexpr auto kNames = joined(kAttentionNames, kOwnNames);

Status read_hf(const JsonFields& fields, ModelConfig& config) {
  BP_TRY_VOID(read_hf_sizes(fields, {.context = 131072, .kv_heads = 8, .norm_eps = 1e-5}, config));
  BP_TRY_VOID(read_hf_activation(fields, "hidden_act", "silu", config));
  BP_TRY_VOID(read_hf_window(fields, 0, config));
  ExpertConfig& experts = config.experts;
  BP_TRY(const auto n_experts, fields.integer("num_local_experts"));
  BP_TRY(const auto n_used, fields.integer("num_experts_per_tok"));
  experts.n_experts = n_experts.value_or(8);
  experts.n_used = n_used.value_or(2);
  experts.ffn = config.ffn;
  experts.normalize = true;
  experts.layers.assign(config.windows.size(), true);
  config.rope.theta = 1e6;
  return read_hf_rope(fields, config);
}

Result<Graph> build(const ModelSource& source) { return build_decoder(source, prenorm_layer); }

}  // namespace

constinit const Architecture kMixtral = {.name = "mixtral",
                                         .hf_types = kTypes,
                                         .hf_classes = kClasses,
                                         .gguf_name = {},
                                         .read_hf = read_hf,
                                         .read_gguf = nullptr,
                                         .names = {.table = kNames, .prefixes = kModelPrefix, .ignored = {}},
                                         .adapt = nullptr,
                                         .build = build};

}  // namespace bp
