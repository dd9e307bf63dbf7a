// Mistral (https://arxiv.org/abs/2310.06825): Llama whose every layer sees a window of the keys. Its GGUF files say
// "llama".
#include "model/arch/all.h"
#include "model/arch/blocks.h"
#include "model/hf_fields.h"

namespace bp {
namespace {

constexpr std::string_view kTypes[] = {"mistral"};
constexpr std::string_view kClasses[] = {"MistralForCausalLM"};

Status read_hf(const JsonFields& fields, ModelConfig& config) {
  BP_TRY_VOID(read_hf_sizes(fields, {.context = 131072, .kv_heads = 8}, config));
  BP_TRY_VOID(read_hf_activation(fields, "hidden_act", "silu", config));
  BP_TRY_VOID(read_hf_window(fields, 4096, config));
  return read_hf_rope(fields, config);
}

Result<Graph> build(const ModelSource& source) { return build_decoder(source, prenorm_layer); }

}  // namespace

constinit const Architecture kMistral = {.name = "mistral",
                                         .hf_types = kTypes,
                                         .hf_classes = kClasses,
                                         .gguf_name = {},
                                         .read_hf = read_hf,
                                         .read_gguf = nullptr,
                                         .names = {.table = kLlamaNames, .prefixes = kModelPrefix, .ignored = {}},
                                         .adapt = nullptr,
                                         .build = build};

}  // namespace bp
