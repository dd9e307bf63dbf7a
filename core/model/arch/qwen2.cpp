// Qwen2 and 2.5 (https://arxiv.org/abs/2407.10671): Llama with biases on q, k and v; some layers may see a window.
#include "model/arch/all.h"
#include "model/arch/blocks.h"
#include "model/arch/qwen.h"

namespace bp {
namespace {

constexpr std::string_view kTypes[] = {"qwen2"};
constexpr std::string_view kClasses[] = {"Qwen2ForCausalLM"};

Status read_hf(const JsonFields& fields, ModelConfig& config) {
  BP_TRY_VOID(read_hf_sizes(fields, {.context = 32768, .kv_heads = 32}, config));
  BP_TRY_VOID(read_hf_activation(fields, "hidden_act", "silu", config));
  BP_TRY_VOID(read_qwen_windows(fields, config));
  config.qkv_bias = true;
  return read_hf_rope(fields, config);
}

Status read_gguf(const GgufKeys& keys, ModelConfig& config) {
  BP_TRY_VOID(read_gguf_sizes(keys, config));
  BP_TRY_VOID(read_gguf_windows(keys, config));
  config.qkv_bias = true;
  return read_gguf_rope(keys, config);
}

Result<Graph> build(const ModelSource& source) { return build_decoder(source, prenorm_layer); }

}  // namespace

Status read_qwen_windows(const JsonFields& fields, ModelConfig& config) {
  BP_TRY(const auto used, fields.boolean("use_sliding_window"));
  BP_TRY_VOID(read_hf_window(fields, 4096, config));
  const int64_t window = used.value_or(false) && !config.windows.empty() ? config.windows[0] : 0;
  config.windows.assign(config.windows.size(), 0);
  BP_TRY(auto windowed, read_hf_layer_types(fields, config));
  if (!windowed.empty()) return set_windows(fields, windowed, window, config);
  BP_TRY(const auto first, fields.integer("max_window_layers"));
  for (size_t i = 0; i < config.windows.size(); ++i) {
    if (static_cast<int64_t>(i) >= first.value_or(28)) config.windows[i] = window;
  }
  return {};
}

constinit const Architecture kQwen2 = {.name = "qwen2",
                                       .hf_types = kTypes,
                                       .hf_classes = kClasses,
                                       .gguf_name = "qwen2",
                                       .read_hf = read_hf,
                                       .read_gguf = read_gguf,
                                       .names = {.table = kLlamaNames, .prefixes = kModelPrefix, .ignored = {}},
                                       .adapt = nullptr,
                                       .build = build};

}  // namespace bp
