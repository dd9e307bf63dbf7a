// Granite (https://arxiv.org/abs/2408.13359): Llama with factors on the embeddings, the attention's scores, what each
// block adds to the residual stream, and the logits.
#include "model/arch/all.h"
#include "model/arch/blocks.h"
#include "model/hf_fields.h"

namespace bp {
namespace {

constexpr std::string_view kTypes[] = {"granite"};
constexpr std::string_view kClasses[] = {"GraniteForCausalLM"};

Status read_hf(const JsonFields& fields, ModelConfig& config) {
  BP_TRY_VOID(read_hf_sizes(fields, {.context = 2048}, config));
  BP_TRY_VOID(read_hf_activation(fields, "hidden_act", "silu", config));
  BP_TRY(const auto attention_bias, fields.boolean("attention_bias"));
  BP_TRY(const auto mlp_bias, fields.boolean("mlp_bias"));
  config.qkv_bias = config.o_bias = attention_bias.value_or(false);
  config.mlp_bias = mlp_bias.value_or(false);
  BP_TRY(const auto embedding, fields.number("embedding_multiplier"));
  BP_TRY(const auto attention, fields.number("attention_multiplier"));
  BP_TRY(const auto residual, fields.number("residual_multiplier"));
  BP_TRY(const auto logits, fields.number("logits_scaling"));
  if (logits && *logits == 0) return fields.wrong("logits_scaling", "a divisor");
  config.embedding_scale = embedding.value_or(1);
  config.attention_scale = attention.value_or(1);
  config.residual_scale = residual.value_or(1);
  config.logit_scale = 1 / logits.value_or(1);
  return read_hf_rope(fields, config);
}

Status read_gguf(const GgufKeys& keys, ModelConfig& config) {
  BP_TRY_VOID(read_gguf_sizes(keys, config));
  BP_TRY(config.embedding_scale, keys.get_or<double>("embedding_scale", 1));
  BP_TRY(config.residual_scale, keys.get_or<double>("residual_scale", 1));
  BP_TRY(const auto divisor, keys.get_or<double>("logit_scale", 1));
  // 0 stands for "none" in these files.
  if (config.embedding_scale == 0) config.embedding_scale = 1;
  if (config.residual_scale == 0) config.residual_scale = 1;
  config.logit_scale = divisor == 0 ? 1 : 1 / divisor;
  BP_TRY_VOID(read_gguf_rope(keys, config));
  config.rope.interleaved = true;  // rows of q and k are reordered as Llama's are
  return {};
}

Result<Graph> build(const ModelSource& source) { return build_decoder(source, prenorm_layer); }

}  // namespace

constinit const Architecture kGranite = {.name = "granite",
                                         .hf_types = kTypes,
                                         .hf_classes = kClasses,
                                         .gguf_name = "granite",
                                         .read_hf = read_hf,
                                         .read_gguf = read_gguf,
                                         .names = {.table = kLlamaNames, .prefixes = kModelPrefix, .ignored = {}},
                                         .adapt = nullptr,
                                         .build = build};

}  // namespace bp
