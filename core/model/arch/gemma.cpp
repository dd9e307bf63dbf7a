// Gemma (https://arxiv.org/abs/2403.08295): Llama with √hidden on the embeddings, norms by 1 + w, GELU, and a tied
// head.
#include "model/arch/gemma.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "model/arch/all.h"
#include "model/arch/blocks.h"
#include "quant/quant.h"

namespace bp {
namespace {

constexpr std::string_view kTypes[] = {"gemma"};
constexpr std::string_view kClasses[] = {"GemmaForCausalLM"};

Status read_hf(const JsonFields& fields, ModelConfig& config) {
  const HfDefaults defaults = {
      .context = 8192, .n_heads = 16, .vocab = 256000, .kv_heads = 16, .head_dim = 256, .tied_head = true};
  BP_TRY_VOID(read_hf_sizes(fields, defaults, config));
  // The first files say "gelu" and mean its approximation, which transformers takes too.
  config.activation = Activation::kGeluTanh;
  config.embedding_scale = std::sqrt(static_cast<float>(config.hidden));
  BP_TRY(const auto bias, fields.boolean("attention_bias"));
  config.qkv_bias = config.o_bias = bias.value_or(false);
  return read_hf_rope(fields, config);
}

Status read_gguf(const GgufKeys& keys, ModelConfig& config) {
  BP_TRY_VOID(read_gguf_sizes(keys, config));
  config.activation = Activation::kGeluTanh;
  config.embedding_scale = std::sqrt(static_cast<float>(config.hidden));
  return read_gguf_rope(keys, config);
}

Result<Graph> build(const ModelSource& source) { return build_decoder(source, prenorm_layer); }

Result<double> optional_number(const JsonFields& fields, std::string_view key, double missing) {
  if (!fields.members().contains(key)) return missing;
  BP_TRY(const auto value, fields.number(key));
  return value.value_or(0);
}

}  // namespace

Status add_one_to_norms(const ModelConfig&, Weights& weights) {
  if (weights.gguf() != nullptr) return {};
  std::vector<WeightView> norms;
  for (const auto& [name, view] : weights.all()) {
    if (name.ends_with("norm.weight")) norms.push_back(view);
  }
  for (const WeightView& view : norms) {
    if (!can_decode(view.dtype) || view.dims.size() != 1) continue;  // refused where it is used
    std::vector<float> row(static_cast<size_t>(view.dims[0]));
    decode_row(view.dtype, view.bytes.data(), row.data(), view.dims[0]);
    for (float& w : row) w += 1.0f;
    BP_TRY(const std::span<std::byte> made, weights.make(view.name, DType::kF32, view.dims));
    std::memcpy(made.data(), row.data(), made.size());
  }
  return {};
}

ValueId sandwich_layer(DecoderBuilder& b, ValueId x) {
  const ValueId y = grouped_attention(b, b.rms_norm(x, "attn_norm"));
  x = b.graph().add(x, b.rms_norm(y, "post_attention_norm"));
  const ValueId z = b.gated_ffn(b.rms_norm(x, "ffn_norm"), b.config().ffn);
  return b.graph().add(x, b.rms_norm(z, "post_ffw_norm"));
}

Status read_gemma_switches(const JsonFields& fields, ModelConfig& config) {
  BP_TRY_VOID(read_hf_activation(fields, "hidden_activation", "gelu_pytorch_tanh", config));
  BP_TRY(const auto bias, fields.boolean("attention_bias"));
  config.qkv_bias = config.o_bias = bias.value_or(false);
  BP_TRY(const auto scalar, fields.number("query_pre_attn_scalar"));
  config.attention_scale = 1.0 / std::sqrt(scalar.value_or(256));
  BP_TRY(config.attention_softcap, optional_number(fields, "attn_logit_softcapping", config.attention_softcap));
  BP_TRY(config.logit_softcap, optional_number(fields, "final_logit_softcapping", config.logit_softcap));
  config.embedding_scale = std::sqrt(static_cast<float>(config.hidden));
  BP_TRY(const auto both_ways, fields.boolean("use_bidirectional_attention"));
  if (!both_ways.value_or(false)) return {};
  return unsupported(fields, "use_bidirectional_attention is set", "take a model that attends to the past only");
}

Status read_gemma_gguf(const GgufKeys& keys, int64_t layers_of_largest, ModelConfig& config) {
  BP_TRY_VOID(read_gguf_sizes(keys, config));
  config.activation = Activation::kGeluTanh;
  config.embedding_scale = std::sqrt(static_cast<float>(config.hidden));
  if (config.n_layers == layers_of_largest && config.n_heads > 0) {
    config.attention_scale = 1.0 / std::sqrt(static_cast<double>(config.hidden) / static_cast<double>(config.n_heads));
  }
  BP_TRY(config.attention_scale, keys.get_or<double>("attention.scale", config.attention_scale));
  BP_TRY(config.attention_softcap, keys.get_or<double>("attn_logit_softcapping", config.attention_softcap));
  BP_TRY(config.logit_softcap, keys.get_or<double>("final_logit_softcapping", config.logit_softcap));
  return read_gguf_rope(keys, config);
}

constinit const Architecture kGemma = {.name = "gemma",
                                       .hf_types = kTypes,
                                       .hf_classes = kClasses,
                                       .gguf_name = "gemma",
                                       .read_hf = read_hf,
                                       .read_gguf = read_gguf,
                                       .names = {.table = kLlamaNames, .prefixes = kModelPrefix, .ignored = {}},
                                       .adapt = add_one_to_norms,
                                       .build = build};

}  // namespace bp
