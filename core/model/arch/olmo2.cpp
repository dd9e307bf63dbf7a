// OLMo 2 (https://arxiv.org/abs/2501.00656): the norms stand behind attention and feed-forward, and q and k are
// normalised as wholes, before they are split into heads.
//   x += post_attention_norm(attention(x));  x += post_ffw_norm(ffn(x))
// OLMo 3 (https://arxiv.org/abs/2512.13961) adds a window in three layers of four; the fourth alone scales its
// frequencies. Its GGUF files say "olmo2".
#include <algorithm>

#include "model/arch/all.h"
#include "model/arch/blocks.h"
#include "model/hf_fields.h"

namespace bp {
namespace {

constexpr int64_t kPattern = 4;
constexpr std::string_view kTypes[] = {"olmo2"};
constexpr std::string_view kClasses[] = {"Olmo2ForCausalLM"};
constexpr std::string_view kTypes3[] = {"olmo3"};
constexpr std::string_view kClasses3[] = {"Olmo3ForCausalLM"};
constexpr TensorName kNames[] = {
    {"token_embd", "embed_tokens"},
    {"output_norm", "norm"},
    {"output", "lm_head"},
    {"blk.{}.attn_q", "layers.{}.self_attn.q_proj"},
    {"blk.{}.attn_k", "layers.{}.self_attn.k_proj"},
    {"blk.{}.attn_v", "layers.{}.self_attn.v_proj"},
    {"blk.{}.attn_q_norm", "layers.{}.self_attn.q_norm"},
    {"blk.{}.attn_k_norm", "layers.{}.self_attn.k_norm"},
    {"blk.{}.attn_output", "layers.{}.self_attn.o_proj"},
    {"blk.{}.post_attention_norm", "layers.{}.post_attention_layernorm"},
    {"blk.{}.ffn_gate", "layers.{}.mlp.gate_proj"},
    {"blk.{}.ffn_up", "layers.{}.mlp.up_proj"},
    {"blk.{}.ffn_down", "layers.{}.mlp.down_proj"},
    {"blk.{}.post_ffw_norm", "layers.{}.post_feedforward_layernorm"},
};

Status read_hf(const JsonFields& fields, ModelConfig& config) {
  BP_TRY_VOID(read_hf_sizes(fields, {.context = 2048, .norm_eps = 1e-5}, config));
  BP_TRY_VOID(read_hf_activation(fields, "hidden_act", "silu", config));
  BP_TRY(const auto bias, fields.boolean("attention_bias"));
  config.qkv_bias = config.o_bias = bias.value_or(false);
  return read_hf_rope(fields, config);
}

Status read_hf3(const JsonFields& fields, ModelConfig& config) {
  BP_TRY_VOID(read_hf_sizes(fields, {.context = 2048, .norm_eps = 1e-5}, config));
  BP_TRY_VOID(read_hf_activation(fields, "hidden_act", "silu", config));
  BP_TRY(const auto bias, fields.boolean("attention_bias"));
  config.qkv_bias = config.o_bias = bias.value_or(false);
  BP_TRY_VOID(read_hf_windows(fields, kPattern, config));
  BP_TRY(const auto theta, fields.number("rope_theta"));
  config.rope.theta = config.local_rope.theta = theta.value_or(5e5);
  return read_hf_layer_ropes(fields, config);
}

Status read_gguf(const GgufKeys& keys, ModelConfig& config) {
  BP_TRY_VOID(read_gguf_sizes(keys, config));
  BP_TRY_VOID(read_gguf_rope(keys, config));
  BP_TRY_VOID(read_gguf_windows(keys, config, kPattern));
  config.has_local_rope = std::ranges::any_of(config.windows, [](int64_t window) { return window > 0; });
  config.local_rope.n_rot = config.rope.n_rot;
  BP_TRY(config.local_rope.theta, keys.get_or<double>("rope.freq_base_swa", config.rope.theta));
  return {};
}

ValueId attention(DecoderBuilder& b, ValueId x) {
  const ModelConfig& c = b.config();
  b.graph().push_scope("attn");
  const Qkv all = project_qkv(b, x);
  const ValueId q = b.split_heads(b.rms_norm(all.q, "attn_q_norm"), c.n_heads, c.head_dim);
  const ValueId k = b.split_heads(b.rms_norm(all.k, "attn_k_norm"), c.n_kv_heads, c.head_dim);
  const ValueId v = b.split_heads(all.v, c.n_kv_heads, c.v_head_dim);
  const ValueId heads = b.attention(b.rope(q), b.rope(k), v, {.window = b.window()});
  const ValueId y =
      b.linear(b.join_heads(heads), "attn_output", c.hidden, c.o_bias ? Bias::kRequired : Bias::kIfPresent);
  b.graph().pop_scope();
  return y;
}

ValueId layer(DecoderBuilder& b, ValueId x) {
  x = b.graph().add(x, b.rms_norm(attention(b, x), "post_attention_norm"));
  return b.graph().add(x, b.rms_norm(b.gated_ffn(x, b.config().ffn), "post_ffw_norm"));
}

Result<Graph> build(const ModelSource& source) { return build_decoder(source, layer); }

}  // namespace

constinit const Architecture kOlmo2 = {.name = "olmo2",
                                       .hf_types = kTypes,
                                       .hf_classes = kClasses,
                                       .gguf_name = "olmo2",
                                       .read_hf = read_hf,
                                       .read_gguf = read_gguf,
                                       .names = {.table = kNames, .prefixes = kModelPrefix, .ignored = {}},
                                       .adapt = nullptr,
                                       .build = build};

constinit const Architecture kOlmo3 = {.name = "olmo3",
                                       .hf_types = kTypes3,
                                       .hf_classes = kClasses3,
                                       .gguf_name = {},
                                       .read_hf = read_hf3,
                                       .read_gguf = nullptr,
                                       .names = {.table = kNames, .prefixes = kModelPrefix, .ignored = {}},
                                       .adapt = nullptr,
                                       .build = build};

}  // namespace bp
