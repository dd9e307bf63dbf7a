// Gemma 2 (https://arxiv.org/abs/2408.00118): Gemma with norms after attention and feed-forward too, capped scores and
// logits, and a window in every other layer.
#include "model/arch/all.h"
#include "model/arch/blocks.h"
#include "model/arch/gemma.h"

namespace bp {
namespace {

constexpr int64_t kLayersOf27b = 46;
constexpr std::string_view kTypes[] = {"gemma2"};
constexpr std::string_view kClasses[] = {"Gemma2ForCausalLM"};

Status read_hf(const JsonFields& fields, ModelConfig& config) {
  const HfDefaults defaults = {
      .context = 8192, .n_heads = 8, .vocab = 256000, .kv_heads = 4, .head_dim = 256, .tied_head = true};
  BP_TRY_VOID(read_hf_sizes(fields, defaults, config));
  config.attention_softcap = 50;
  config.logit_softcap = 30;
  BP_TRY_VOID(read_gemma_switches(fields, config));
  BP_TRY_VOID(read_hf_windows(fields, 2, config));
  return read_hf_rope(fields, config);
}

Status read_gguf(const GgufKeys& keys, ModelConfig& config) {
  config.attention_softcap = 50;
  config.logit_softcap = 30;
  BP_TRY_VOID(read_gemma_gguf(keys, kLayersOf27b, config));
  return read_gguf_windows(keys, config, 2);
}

Result<Graph> build(const ModelSource& source) { return build_decoder(source, sandwich_layer); }

}  // namespace

constinit const Architecture kGemma2 = {.name = "gemma2",
                                        .hf_types = kTypes,
                                        .hf_classes = kClasses,
                                        .gguf_name = "gemma2",
                                        .read_hf = read_hf,
                                        .read_gguf = read_gguf,
                                        .names = {.table = kSandwichNames, .prefixes = kModelPrefix, .ignored = {}},
                                        .adapt = add_one_to_norms,
                                        .build = build};

}  // namespace bp
