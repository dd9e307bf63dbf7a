// Gemma 3 (https://arxiv.org/abs/2503.19786): Gemma 2 without caps, with norms on each head of q and k, five layers
// with a window to one without, and frequencies of their own in the layers with one. Of the models that see, the text
// part.
#include <cmath>

#include "model/arch/all.h"
#include "model/arch/blocks.h"
#include "model/arch/gemma.h"

namespace bp {
namespace {

constexpr int64_t kLayersOf27b = 62;
constexpr int64_t kPattern = 6;
constexpr std::string_view kTypes[] = {"gemma3_text", "gemma3"};
constexpr std::string_view kClasses[] = {"Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"};
constexpr std::string_view kPrefixes[] = {"language_model.model.", "model.language_model.", "language_model.",
                                          "model."};
constexpr std::string_view kIgnored[] = {"vision_tower.", "multi_modal_projector.", "model.vision_tower.",
                                         "model.multi_modal_projector."};

Status read_text(const JsonFields& fields, ModelConfig& config) {
  const HfDefaults defaults = {
      .context = 131072, .n_heads = 8, .vocab = 262208, .kv_heads = 4, .head_dim = 256, .tied_head = true};
  BP_TRY_VOID(read_hf_sizes(fields, defaults, config));
  config.qk_norm = true;
  BP_TRY_VOID(read_gemma_switches(fields, config));
  config.attention_softcap = 0;  // transformers reads a cap of the scores, and does not apply it
  BP_TRY_VOID(read_hf_windows(fields, kPattern, config));
  BP_TRY(const auto local_theta, fields.number("rope_local_base_freq"));
  config.rope.theta = 1e6;
  config.local_rope.theta = local_theta.value_or(1e4);
  return read_hf_layer_ropes(fields, config);
}

Status read_hf(const JsonFields& fields, ModelConfig& config) {
  BP_TRY(const auto text, fields.object("text_config"));
  return read_text(text ? *text : fields, config);
}

Status read_gguf(const GgufKeys& keys, ModelConfig& config) {
  config.rope.theta = 1e6;
  config.qk_norm = true;
  BP_TRY_VOID(read_gemma_gguf(keys, kLayersOf27b, config));
  config.has_local_rope = true;
  config.local_rope.n_rot = config.rope.n_rot;
  BP_TRY(config.local_rope.theta, keys.get_or<double>("rope.freq_base_swa", 1e4));
  return read_gguf_windows(keys, config, kPattern);
}

Result<Graph> build(const ModelSource& source) { return build_decoder(source, sandwich_layer); }

}  // namespace

constinit const Architecture kGemma3 = {.name = "gemma3",
                                        .hf_types = kTypes,
                                        .hf_classes = kClasses,
                                        .gguf_name = "gemma3",
                                        .read_hf = read_hf,
                                        .read_gguf = read_gguf,
                                        .names = {.table = kSandwichNames, .prefixes = kPrefixes, .ignored = kIgnored},
                                        .adapt = add_one_to_norms,
                                        .build = build};

}  // namespace bp
