// Qwen3 (https://arxiv.org/abs/2505.09388): Llama with a norm on each head of q and k.
#include "model/arch/all.h"
#include "model/arch/blocks.h"
#include "model/arch/qwen.h"

namespace bp {
namespace {

constexpr std::string_view kTypes[] = {"qwen3"};
constexpr std::string_view kClasses[] = {"Qwen3ForCausalLM"};

Status read_hf(const JsonFields& fields, ModelConfig& config) {
  BP_TRY_VOID(read_hf_sizes(fields, {.context = 32768, .kv_heads = 32, .head_dim = 128}, config));
  BP_TRY_VOID(read_hf_activation(fields, "hidden_act", "silu", config));
  BP_TRY_VOID(read_qwen_windows(fields, config));
  BP_TRY(const auto bias, fields.boolean("attention_bias"));
  config.qkv_bias = config.o_bias = bias.value_or(false);
  config.qk_norm = true;
  return read_hf_rope(fields, config);
}

Status read_gguf(const GgufKeys& keys, ModelConfig& config) {
  BP_TRY_VOID(read_gguf_sizes(keys, config));
  BP_TRY_VOID(read_gguf_windows(keys, config));
  config.qk_norm = true;
  return read_gguf_rope(keys, config);
}

Result<Graph> build(const ModelSource& source) { return build_decoder(source, prenorm_layer); }

}  // namespace

constinit const Architecture kQwen3 = {.name = "qwen3",
                                       .hf_types = kTypes,
                                       .hf_classes = kClasses,
                                       .gguf_name = "qwen3",
                                       .read_hf = read_hf,
                                       .read_gguf = read_gguf,
                                       .names = {.table = kLlamaNames, .prefixes = kModelPrefix, .ignored = {}},
                                       .adapt = nullptr,
                                       .build = build};

}  // namespace bp
