// BERT (https://arxiv.org/abs/1810.04805) as an encoder of sentences (https://arxiv.org/abs/1908.10084): every token
// sees every other, norms come after the sums, and the tokens of a text are pooled into one vector.
//   x = norm(embedding[token_ids] + type_embedding[0] + position_embedding[positions])
//   each layer:  a = norm(x + o(attention(q(x), k(x), v(x))))
//                x = norm(a + down(gelu(up(a))))
// How texts are pooled stands in sentence-transformers' files beside the model, or in GGUF's metadata.
#include "model/arch/all.h"
#include "model/arch/blocks.h"
#include "model/arch/encoder.h"
#include "model/hf_fields.h"
#include "quant/quant.h"

#include <fmt/format.h>

#include <cstring>

namespace bp {
namespace {

constexpr std::string_view kTypes[] = {"bert"};
constexpr std::string_view kClasses[] = {"BertModel", "BertForMaskedLM", "BertForPreTraining"};
constexpr TensorName kNames[] = {
    {"token_embd", "embeddings.word_embeddings"},
    {"position_embd", "embeddings.position_embeddings"},
    {"token_types", "embeddings.token_type_embeddings"},
    {"token_embd_norm", "embeddings.LayerNorm"},
    {"blk.{}.attn_q", "encoder.layer.{}.attention.self.query"},
    {"blk.{}.attn_k", "encoder.layer.{}.attention.self.key"},
    {"blk.{}.attn_v", "encoder.layer.{}.attention.self.value"},
    {"blk.{}.attn_output", "encoder.layer.{}.attention.output.dense"},
    {"blk.{}.attn_output_norm", "encoder.layer.{}.attention.output.LayerNorm"},
    {"blk.{}.ffn_up", "encoder.layer.{}.intermediate.dense"},
    {"blk.{}.ffn_down", "encoder.layer.{}.output.dense"},
    {"blk.{}.layer_output_norm", "encoder.layer.{}.output.LayerNorm"},
};
constexpr std::string_view kPrefixes[] = {"bert."};
constexpr std::string_view kTypeRow = "token_type.weight";  // [hidden] f32: that of a text alone, which is all of them

Status read_hf(const JsonFields& fields, ModelConfig& config) {
  BP_TRY_VOID(read_hf_sizes(fields, {.context = 512, .norm_eps = 1e-12, .tied_head = true}, config));
  BP_TRY(const auto eps, fields.number("layer_norm_eps"));
  BP_TRY(const auto n_types, fields.integer("type_vocab_size"));
  BP_TRY(const auto positions, fields.text("position_embedding_type"));
  BP_TRY(const auto is_decoder, fields.boolean("is_decoder"));
  if (positions.value_or("absolute") != "absolute") {
    return unsupported(fields, fmt::format("position_embedding_type \"{}\" is not supported", *positions),
                       "supported is absolute");
  }
  if (is_decoder.value_or(false)) return unsupported(fields, "is_decoder is set", "BERT is supported as an encoder");
  config.norm_eps = eps.value_or(1e-12);
  config.n_token_types = n_types.value_or(2);
  config.positions = Positions::kLearned;
  config.qkv_bias = config.o_bias = config.mlp_bias = true;
  config.pooling = Pooling::kMean;
  return read_hf_activation(fields, "hidden_act", "gelu", config);
}

// The files do not say whether embeddings are normalised; llama.cpp's tools do it.
Status read_gguf(const GgufKeys& keys, ModelConfig& config) {
  BP_TRY_VOID(read_gguf_sizes(keys, config));
  BP_TRY(const auto causal, keys.get_or<bool>("attention.causal", false));
  if (causal) return keys.unsupported("attention.causal is set");
  constexpr int64_t kNone = 0, kMean = 1, kCls = 2, kLast = 3;
  BP_TRY(const auto pooling, keys.get_or<int64_t>("pooling_type", kMean));
  if (pooling == kNone || pooling == kMean) {
    config.pooling = Pooling::kMean;
  } else if (pooling == kCls || pooling == kLast) {
    config.pooling = pooling == kCls ? Pooling::kCls : Pooling::kLast;
  } else {
    return keys.unsupported(fmt::format("pooling_type {} is not supported", pooling));
  }
  config.normalize_embedding = true;
  config.positions = Positions::kLearned;
  config.activation = Activation::kGelu;
  return {};
}

// Old checkpoints say gamma and beta.
Status rename_norms(Weights& weights) {
  std::vector<std::string> names;
  for (const auto& [name, view] : weights.all()) {
    if (name.ends_with(".gamma") || name.ends_with(".beta")) names.push_back(name);
  }
  for (const std::string& name : names) {
    WeightView view = *weights.take(name);
    view.name = name.substr(0, name.rfind('.')) + (name.ends_with(".gamma") ? ".weight" : ".bias");
    weights.add(std::move(view));
  }
  return {};
}

Status make_type_row(const ModelConfig& config, Weights& weights) {
  const WeightView* types = weights.find("token_types.weight");
  const bool from_folder = weights.gguf() == nullptr;
  if (types == nullptr && !from_folder) return {};
  const int64_t n_types = types == nullptr ? 0 : types->dims.front();
  if (types == nullptr || types->dims.size() != 2 || types->dims[1] != config.hidden || n_types < 1 ||
      (from_folder && n_types != config.n_token_types) || !can_decode(types->dtype)) {
    return fail(ErrorCode::kRefused, "token type embeddings",
                fmt::format("are {}, the configuration says [{}, {}]",
                            types == nullptr ? "missing" : dims_text(types->dims), config.n_token_types, config.hidden),
                "download the model again");
  }
  const WeightView table = *types;
  BP_TRY(const auto bytes, weights.make(std::string(kTypeRow), DType::kF32, {config.hidden}));
  decode_row(table.dtype, table.bytes.data(), reinterpret_cast<float*>(bytes.data()), config.hidden);
  return {};
}

Status adapt(const ModelConfig& config, Weights& weights) {
  BP_TRY_VOID(rename_norms(weights));
  BP_TRY_VOID(make_type_row(config, weights));
  return make_normalizer(config, weights);
}

ValueId layer(DecoderBuilder& b, ValueId x) {
  const ModelConfig& c = b.config();
  GraphBuilder& g = b.graph();
  const Bias bias = c.o_bias ? Bias::kRequired : Bias::kIfPresent;
  g.push_scope("attn");
  const Qkv all = project_qkv(b, x);
  const ValueId heads = attention_both_ways(b, b.split_heads(all.q, c.n_heads, c.head_dim),
                                            b.split_heads(all.k, c.n_kv_heads, c.head_dim),
                                            b.split_heads(all.v, c.n_kv_heads, c.v_head_dim));
  const ValueId attended = b.linear(b.join_heads(heads), "attn_output", c.hidden, bias);
  g.pop_scope();
  const ValueId a = b.layer_norm(g.add(x, attended), "attn_output_norm");
  return b.layer_norm(g.add(a, b.plain_ffn(a, c.ffn, bias)), "layer_output_norm");
}

Result<Graph> build(const ModelSource& source) {
  DecoderBuilder b(source);
  const int64_t hidden = source.config.hidden;
  ValueId x = b.embed();
  if (b.has(kTypeRow)) x = b.graph().add(x, b.weight(kTypeRow, {hidden}));
  x = b.layer_norm(b.graph().add(x, b.rows_at_positions("position_embd.weight", hidden)), "token_embd_norm");
  for (int64_t i = 0; i < source.config.n_layers; ++i) {
    b.begin_layer(i);
    x = layer(b, x);
    b.end_layer();
  }
  return b.finish(pool(b, x));
}

}  // namespace

constinit const Architecture kBert = {.name = "bert",
                                      .hf_types = kTypes,
                                      .hf_classes = kClasses,
                                      .gguf_name = "bert",
                                      .read_hf = read_hf,
                                      .read_gguf = read_gguf,
                                      .names = {.table = kNames, .prefixes = kPrefixes, .ignored = {}},
                                      .adapt = adapt,
                                      .build = build};

}  // namespace bp
