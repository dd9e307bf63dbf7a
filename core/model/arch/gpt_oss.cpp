// gpt-oss (https://arxiv.org/abs/2508.10925): experts in every layer, biases everywhere, a window in every other layer,
// and for each head a sink that takes its share of the softmax without having a value.
//   expert(n) = down((up + 1) * gate * sigmoid(1.702 gate)),  gate = min(gate(n), 7), up = clamp(up(n), -7, 7)
#include <fmt/format.h>

#include <cfloat>

#include "model/arch/all.h"
#include "model/arch/blocks.h"
#include "model/arch/experts.h"
#include "model/arch/gpt_oss_weights.h"
#include "model/hf_fields.h"

namespace bp {
namespace {

constexpr std::string_view kTypes[] = {"gpt_oss"};
constexpr std::string_view kClasses[] = {"GptOssForCausalLM"};
constexpr TensorName kOwnNames[] = {
    {"blk.{}.attn_sinks.weight", "layers.{}.self_attn.sinks"},
    {"blk.{}.post_attention_norm", "layers.{}.post_attention_layernorm"},
    {"blk.{}.ffn_gate_inp", "layers.{}.mlp.router"},
    {"blk.{}.ffn_pairs.weight", "layers.{}.mlp.experts.gate_up_proj"},
    {"blk.{}.ffn_pairs.bias", "layers.{}.mlp.experts.gate_up_proj_bias"},
    {"blk.{}.ffn_pairs.blocks", "layers.{}.mlp.experts.gate_up_proj_blocks"},
    {"blk.{}.ffn_pairs.scales", "layers.{}.mlp.experts.gate_up_proj_scales"},
    {"blk.{}.ffn_down_exps.transposed", "layers.{}.mlp.experts.down_proj"},
    {"blk.{}.ffn_down_exps.bias", "layers.{}.mlp.experts.down_proj_bias"},
    {"blk.{}.ffn_down_exps.blocks", "layers.{}.mlp.experts.down_proj_blocks"},
    {"blk.{}.ffn_down_exps.scales", "layers.{}.mlp.experts.down_proj_scales"},
};
constexpr auto kNames = joined(kAttentionNames, kOwnNames);

// What a config.json without rope parameters means.
RopeConfig default_rope() {
  RopeConfig rope;
  rope.type = RopeType::kYarn;
  rope.theta = 150000;
  rope.factor = 32;
  rope.original_context = 4096;
  rope.truncate = false;
  return rope;
}

Status read_windows(const JsonFields& fields, ModelConfig& config) {
  BP_TRY_VOID(read_hf_window(fields, 128, config));
  const int64_t window = config.windows.empty() ? 0 : config.windows[0];
  BP_TRY(auto windowed, read_hf_layer_types(fields, config));
  for (size_t i = windowed.size(); i < config.windows.size(); ++i) windowed.push_back(window > 0 && i % 2 == 0);
  return set_windows(fields, windowed, window, config);
}

Status read_experts(const JsonFields& fields, ModelConfig& config) {
  ExpertConfig& experts = config.experts;
  BP_TRY(const auto n_experts, fields.integer("num_local_experts"));
  BP_TRY(const auto n_experts_too, fields.integer("num_experts"));
  BP_TRY(const auto n_used, fields.integer("num_experts_per_tok"));
  BP_TRY(const auto alpha, fields.number("swiglu_alpha"));
  BP_TRY(const auto limit, fields.number("swiglu_limit"));
  experts.n_experts = n_experts.value_or(n_experts_too.value_or(128));
  experts.n_used = n_used.value_or(4);
  experts.ffn = config.ffn;
  experts.normalize = true;  // the softmax is over the chosen ones
  experts.layers.assign(config.windows.size(), true);
  experts.swiglu_alpha = alpha.value_or(experts.swiglu_alpha);
  experts.swiglu_limit = limit.value_or(experts.swiglu_limit);
  if (!(experts.swiglu_limit > 0 && experts.swiglu_limit < FLT_MAX)) {
    return fields.wrong("swiglu_limit", "a positive number");
  }
  return {};
}

Status read_hf(const JsonFields& fields, ModelConfig& config) {
  BP_TRY_VOID(read_hf_sizes(fields, {.context = 131072, .kv_heads = 8, .head_dim = 64, .norm_eps = 1e-5}, config));
  BP_TRY_VOID(read_windows(fields, config));
  BP_TRY_VOID(read_experts(fields, config));
  BP_TRY(const auto bias, fields.boolean("attention_bias"));
  config.qkv_bias = config.o_bias = bias.value_or(true);
  config.rope.theta = 150000;
  if (fields.has("rope_scaling") || fields.has("rope_parameters")) return read_hf_rope(fields, config);
  config.rope = default_rope();
  config.rope.n_rot = config.head_dim;
  BP_TRY(const auto theta, fields.number("rope_theta"));
  config.rope.theta = theta.value_or(config.rope.theta);
  return {};
}

Status read_gguf(const GgufKeys& keys, ModelConfig& config) {
  BP_TRY_VOID(read_gguf_sizes(keys, config));
  BP_TRY_VOID(read_gguf_windows(keys, config, 2));
  config.experts.normalize = true;
  BP_TRY_VOID(read_gguf_experts(keys, 0, config));
  config.qkv_bias = config.o_bias = true;
  config.rope.truncate = false;  // no key says it, and all models have it so
  return read_gguf_rope(keys, config);
}

// [T, k, ffn] both
ValueId swiglu(DecoderBuilder& b, ValueId gate, ValueId up) {
  const ExpertConfig& e = b.config().experts;
  GraphBuilder& g = b.graph();
  gate = g.op("clamp", {gate}, {{"min", -static_cast<double>(FLT_MAX)}, {"max", e.swiglu_limit}});
  up = g.op("clamp", {up}, {{"min", -e.swiglu_limit}, {"max", e.swiglu_limit}});
  const ValueId glu = g.mul(gate, g.op("sigmoid", {b.scale(gate, e.swiglu_alpha)}));
  return g.mul(g.scale(up, 1, 1), glu);
}

ValueId experts(DecoderBuilder& b, ValueId n) {
  const ModelConfig& c = b.config();
  b.graph().push_scope("experts");
  const Routing routing = route(b, n);
  const ValueId gate = expert_linear(b, n, "ffn_gate_exps", c.experts.ffn, routing);
  const ValueId up = expert_linear(b, n, "ffn_up_exps", c.experts.ffn, routing);
  const ValueId y = combine_experts(b, routing, swiglu(b, gate, up));
  b.graph().pop_scope();
  return y;
}

ValueId layer(DecoderBuilder& b, ValueId x) {
  const ValueId n = b.rms_norm(x, "attn_norm");
  x = b.graph().add(x, grouped_attention(b, n, {.sinks = b.weight("attn_sinks.weight", {b.config().n_heads})}));
  return b.graph().add(x, experts(b, b.rms_norm(x, "post_attention_norm")));
}

Result<Graph> build(const ModelSource& source) { return build_decoder(source, layer); }

}  // namespace

constinit const Architecture kGptOss = {.name = "gpt_oss",
                                        .hf_types = kTypes,
                                        .hf_classes = kClasses,
                                        .gguf_name = "gpt-oss",
                                        .read_hf = read_hf,
                                        .read_gguf = read_gguf,
                                        .names = {.table = kNames, .prefixes = kModelPrefix, .ignored = {}},
                                        .adapt = adapt_gpt_oss,
                                        .build = build};

}  // namespace bp
