// GPT-2 (https://openai.com/research/better-language-models): learned positions, norms with biases before each block.
//   x = embedding[token_ids] + position_embedding[positions]
//   each layer:  x += o(attention(q, k, v))    with q, k, v = qkv(layer_norm(x))
//                x += down(gelu(up(layer_norm(x))))
//   logits = head(layer_norm(x))
// Folders keep the layers' matrices as [in, out]. Positions end with the table: that is the model's context.
#include <fmt/format.h>

#include <algorithm>

#include "model/arch/all.h"
#include "model/arch/blocks.h"
#include "model/hf_fields.h"
#include "model/tensor_layout.h"

namespace bp {
namespace {

constexpr std::string_view kTypes[] = {"gpt2"};
constexpr std::string_view kClasses[] = {"GPT2LMHeadModel", "GPT2Model"};
constexpr TensorName kNames[] = {
    {"token_embd", "wte"},
    {"position_embd", "wpe"},
    {"output_norm", "ln_f"},
    {"output", "lm_head"},
    {"blk.{}.attn_norm", "h.{}.ln_1"},
    {"blk.{}.attn_qkv", "h.{}.attn.c_attn"},
    {"blk.{}.attn_output", "h.{}.attn.c_proj"},
    {"blk.{}.ffn_norm", "h.{}.ln_2"},
    {"blk.{}.ffn_up", "h.{}.mlp.c_fc"},
    {"blk.{}.ffn_down", "h.{}.mlp.c_proj"},
};
constexpr std::string_view kPrefixes[] = {"transformer."};
// The causal mask, which old checkpoints carry.
constexpr std::string_view kIgnored[] = {"h.{}.attn.bias", "h.{}.attn.masked_bias"};

Status read_hf(const JsonFields& fields, ModelConfig& config) {
  BP_TRY(const auto n_layers, fields.integer("n_layer"));
  BP_TRY(const auto hidden, fields.integer("n_embd"));
  BP_TRY(const auto n_heads, fields.integer("n_head"));
  BP_TRY(const auto vocab, fields.integer("vocab_size"));
  BP_TRY(const auto context, fields.integer("n_positions"));
  BP_TRY(const auto ffn, fields.integer("n_inner"));
  BP_TRY(const auto eps, fields.number("layer_norm_epsilon"));
  BP_TRY(const auto tied, fields.boolean("tie_word_embeddings"));
  BP_TRY(const auto scaled, fields.boolean("scale_attn_weights"));
  BP_TRY(const auto scaled_by_layer, fields.boolean("scale_attn_by_inverse_layer_idx"));
  BP_TRY(const auto cross, fields.boolean("add_cross_attention"));
  if (cross.value_or(false)) {
    return unsupported(fields, "add_cross_attention is set", "take a model that only decodes");
  }
  config.n_layers = n_layers.value_or(12);
  config.hidden = hidden.value_or(768);
  config.n_heads = config.n_kv_heads = n_heads.value_or(12);
  config.vocab = vocab.value_or(50257);
  config.context = context.value_or(1024);
  config.ffn = ffn.value_or(4 * std::clamp<int64_t>(config.hidden, 0, 1 << 24));
  config.norm_eps = eps.value_or(1e-5);
  config.tied_head = tied.value_or(true);
  config.positions = Positions::kLearned;
  config.qkv_bias = config.o_bias = config.mlp_bias = true;
  config.scale_by_layer = scaled_by_layer.value_or(false);
  BP_TRY_VOID(read_hf_heads(fields, {}, config));
  if (!scaled.value_or(true)) config.attention_scale = 1;
  return read_hf_activation(fields, "activation_function", "gelu_new", config);
}

Status read_gguf(const GgufKeys& keys, ModelConfig& config) {
  BP_TRY_VOID(read_gguf_sizes(keys, config));
  config.positions = Positions::kLearned;
  config.qkv_bias = config.o_bias = config.mlp_bias = true;
  config.activation = Activation::kGeluTanh;
  return {};
}

Status adapt(const ModelConfig& config, Weights& weights) {
  if (weights.gguf() != nullptr) return {};
  for (int64_t i = 0; i < config.n_layers; ++i) {
    for (const std::string_view stem : {"attn_qkv", "attn_output", "ffn_up", "ffn_down"}) {
      BP_TRY_VOID(transpose_matrix(weights, fmt::format("blk.{}.{}.weight", i, stem)));
    }
  }
  return {};
}

ValueId layer(DecoderBuilder& b, ValueId x) {
  const ModelConfig& c = b.config();
  GraphBuilder& g = b.graph();
  const Qkv all = project_qkv(b, b.layer_norm(x, "attn_norm"));
  const double scale = c.scale_by_layer ? 1.0 / static_cast<double>(b.layer() + 1) : 1.0;
  const auto split = [&](ValueId part) { return b.split_heads(part, c.n_heads, c.head_dim); };
  const ValueId heads = b.attention(split(b.scale(all.q, scale)), split(all.k), split(all.v), {});
  x = g.add(x, b.linear(b.join_heads(heads), "attn_output", c.hidden, Bias::kRequired));
  return g.add(x, b.plain_ffn(b.layer_norm(x, "ffn_norm"), c.ffn, Bias::kRequired));
}

Result<Graph> build(const ModelSource& source) {
  DecoderBuilder b(source);
  ValueId x = b.graph().add(b.embed(), b.rows_at_positions("position_embd.weight", source.config.hidden));
  for (int64_t i = 0; i < source.config.n_layers; ++i) {
    b.begin_layer(i);
    x = layer(b, x);
    b.end_layer();
  }
  return b.finish(b.head(b.layer_norm(b.output_rows(x), "output_norm")));
}

}  // namespace

constinit const Architecture kGpt2 = {.name = "gpt2",
                                      .hf_types = kTypes,
                                      .hf_classes = kClasses,
                                      .gguf_name = "gpt2",
                                      .read_hf = read_hf,
                                      .read_gguf = read_gguf,
                                      .names = {.table = kNames, .prefixes = kPrefixes, .ignored = kIgnored},
                                      .adapt = adapt,
                                      .build = build};

}  // namespace bp
