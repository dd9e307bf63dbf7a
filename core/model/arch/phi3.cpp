// Phi-3 and Phi-4-mini (https://arxiv.org/abs/2404.14219): Llama with q, k, v in one matrix and gate, up in another,
// rotation of a part of each head, and frequencies that depend on the length of the text (longrope).
#include "model/arch/all.h"
#include "model/arch/blocks.h"
#include "model/hf_fields.h"

namespace bp {
namespace {

constexpr int64_t kOriginalContext = 4096;
constexpr std::string_view kTypes[] = {"phi3"};
constexpr std::string_view kClasses[] = {"Phi3ForCausalLM"};
constexpr TensorName kNames[] = {
    {"token_embd", "embed_tokens"},
    {"output_norm", "norm"},
    {"output", "lm_head"},
    {"blk.{}.attn_norm", "layers.{}.input_layernorm"},
    {"blk.{}.attn_qkv", "layers.{}.self_attn.qkv_proj"},
    {"blk.{}.attn_output", "layers.{}.self_attn.o_proj"},
    {"blk.{}.ffn_norm", "layers.{}.post_attention_layernorm"},
    {"blk.{}.ffn_up", "layers.{}.mlp.gate_up_proj"},
    {"blk.{}.ffn_down", "layers.{}.mlp.down_proj"},
};

// transformers rotates this part of each head whatever the rope type, where other architectures look at it only when
// the frequencies are scaled.
Status read_partial_rotation(const JsonFields& fields, ModelConfig& config) {
  BP_TRY(auto partial, fields.number("partial_rotary_factor"));
  for (const std::string_view key : {"rope_parameters", "rope_scaling"}) {
    BP_TRY(const auto parameters, fields.object(key));
    if (!parameters) continue;
    BP_TRY(const auto own, parameters->number("partial_rotary_factor"));
    if (own) partial = own;
  }
  if (!partial) return {};
  if (!(*partial > 0 && *partial <= 1)) return fields.wrong("partial_rotary_factor", "a part of 1");
  config.rope.n_rot = static_cast<int64_t>(static_cast<double>(config.head_dim) * *partial);
  return {};
}

Status read_hf(const JsonFields& fields, ModelConfig& config) {
  BP_TRY_VOID(read_hf_sizes(fields, {.context = 4096, .vocab = 32064, .norm_eps = 1e-5}, config));
  BP_TRY_VOID(read_hf_activation(fields, "hidden_act", "silu", config));
  BP_TRY_VOID(read_hf_window(fields, 0, config));
  BP_TRY_VOID(read_hf_rope(fields, config));
  return read_partial_rotation(fields, config);
}

Status read_gguf(const GgufKeys& keys, ModelConfig& config) {
  BP_TRY_VOID(read_gguf_sizes(keys, config));
  BP_TRY_VOID(read_gguf_windows(keys, config));
  BP_TRY_VOID(read_gguf_rope(keys, config));
  BP_TRY(config.rope.original_context,
         keys.get_or<int64_t>("rope.scaling.original_context_length", std::min(config.context, kOriginalContext)));
  if (config.rope.original_context > 0) {
    config.rope.factor = static_cast<double>(config.context) / static_cast<double>(config.rope.original_context);
  }
  return {};
}

ValueId ffn(DecoderBuilder& b, ValueId n) {
  const ModelConfig& c = b.config();
  const ValueId gate_up = b.linear(n, "ffn_up", 2 * c.ffn);
  const ValueId gate = b.activate(b.columns(gate_up, 0, c.ffn));
  return b.linear(b.graph().mul(gate, b.columns(gate_up, c.ffn, c.ffn)), "ffn_down", c.hidden);
}

ValueId layer(DecoderBuilder& b, ValueId x) {
  x = b.graph().add(x, grouped_attention(b, b.rms_norm(x, "attn_norm")));
  return b.graph().add(x, ffn(b, b.rms_norm(x, "ffn_norm")));
}

Result<Graph> build(const ModelSource& source) { return build_decoder(source, layer); }

}  // namespace

constinit const Architecture kPhi3 = {.name = "phi3",
                                      .hf_types = kTypes,
                                      .hf_classes = kClasses,
                                      .gguf_name = "phi3",
                                      .read_hf = read_hf,
                                      .read_gguf = read_gguf,
                                      .names = {.table = kNames, .prefixes = kModelPrefix, .ignored = {}},
                                      .adapt = nullptr,
                                      .build = build};

}  // namespace bp
