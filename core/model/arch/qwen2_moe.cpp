// Qwen2-MoE and Qwen1.5-MoE (https://arxiv.org/abs/2407.10671): Qwen2 with experts, beside which every token also goes
// through a shared block:  y = experts(n) + sigmoid(gate(n)) * shared(n)
#include <fmt/format.h>

#include <utility>

#include "model/arch/all.h"
#include "model/arch/blocks.h"
#include "model/arch/qwen.h"

namespace bp {
namespace {

constexpr std::string_view kTypes[] = {"qwen2_moe"};
constexpr std::string_view kClasses[] = {"Qwen2MoeForCausalLM"};
constexpr TensorName kExpertNames[] = {
    {"blk.{}.ffn_gate_inp", "layers.{}.mlp.gate"},
    {"blk.{}.ffn_gate_exps", "layers.{}.mlp.experts.{}.gate_proj"},
    {"blk.{}.ffn_up_exps", "layers.{}.mlp.experts.{}.up_proj"},
    {"blk.{}.ffn_down_exps", "layers.{}.mlp.experts.{}.down_proj"},
    {"blk.{}.ffn_gate_up_exps.weight", "layers.{}.mlp.experts.gate_up_proj"},
    {"blk.{}.ffn_down_exps.weight", "layers.{}.mlp.experts.down_proj"},
    {"blk.{}.ffn_gate_inp_shexp", "layers.{}.mlp.shared_expert_gate"},
    {"blk.{}.ffn_gate_shexp", "layers.{}.mlp.shared_expert.gate_proj"},
    {"blk.{}.ffn_up_shexp", "layers.{}.mlp.shared_expert.up_proj"},
    {"blk.{}.ffn_down_shexp", "layers.{}.mlp.shared_expert.down_proj"},
};
constexpr auto kNames = joined(kLlamaNames, kExpertNames);

// Every other layer of the first max_window_layers, unless layer_types says it.
Status read_windows(const JsonFields& fields, ModelConfig& config) {
  BP_TRY(const auto used, fields.boolean("use_sliding_window"));
  BP_TRY(const auto layer_types, read_hf_layer_types(fields, config));
  BP_TRY(const auto last, fields.integer("max_window_layers"));
  std::vector<bool> windowed = layer_types;
  for (size_t i = 0; layer_types.empty() && i < config.windows.size(); ++i) {
    windowed.push_back(used.value_or(false) && i % 2 == 0 && static_cast<int64_t>(i) < last.value_or(28));
  }
  BP_TRY_VOID(read_hf_window(fields, 4096, config));
  const int64_t window = used.value_or(false) && !config.windows.empty() ? config.windows[0] : 0;
  return set_windows(fields, windowed, window, config);
}

Status read_hf(const JsonFields& fields, ModelConfig& config) {
  BP_TRY_VOID(read_hf_sizes(fields, {.context = 32768, .kv_heads = 16}, config));
  BP_TRY_VOID(read_hf_activation(fields, "hidden_act", "silu", config));
  BP_TRY_VOID(read_windows(fields, config));
  BP_TRY(const auto bias, fields.boolean("qkv_bias"));
  config.qkv_bias = bias.value_or(true);
  BP_TRY_VOID(read_qwen_experts(fields, {.n_experts = 60, .n_used = 4, .ffn = 1408}, config));
  BP_TRY(const auto shared, fields.integer("shared_expert_intermediate_size"));
  config.experts.shared_ffn = shared.value_or(5632);
  config.experts.shared_gate = true;
  return read_hf_rope(fields, config);
}

Status read_gguf(const GgufKeys& keys, ModelConfig& config) {
  BP_TRY_VOID(read_gguf_sizes(keys, config));
  BP_TRY_VOID(read_gguf_windows(keys, config));
  config.qkv_bias = true;
  BP_TRY_VOID(read_gguf_qwen_experts(keys, config));
  BP_TRY(config.experts.shared_ffn, keys.get_or<int64_t>("expert_shared_feed_forward_length", config.ffn));
  config.experts.shared_gate = true;
  return read_gguf_rope(keys, config);
}

// Files differ in whether the gate of the shared block is a row or a matrix of one row.
Status adapt(const ModelConfig& config, Weights& weights) {
  for (int64_t layer = 0; layer < config.n_layers; ++layer) {
    auto gate = weights.take(fmt::format("blk.{}.ffn_gate_inp_shexp.weight", layer));
    if (!gate) continue;
    if (gate->dims.size() == 1) gate->dims.insert(gate->dims.begin(), 1);
    weights.add(std::move(*gate));
  }
  return {};
}

Result<Graph> build(const ModelSource& source) { return build_decoder(source, prenorm_layer); }

}  // namespace

constinit const Architecture kQwen2Moe = {.name = "qwen2_moe",
                                          .hf_types = kTypes,
                                          .hf_classes = kClasses,
                                          .gguf_name = "qwen2moe",
                                          .read_hf = read_hf,
                                          .read_gguf = read_gguf,
                                          .names = {.table = kNames, .prefixes = kModelPrefix, .ignored = {}},
                                          .adapt = adapt,
                                          .build = build};

}  // namespace bp
