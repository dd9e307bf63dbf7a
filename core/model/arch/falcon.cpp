// Falcon (https://arxiv.org/abs/2311.16867): attention and feed-forward block beside each other on one norm's output,
// one key and value for many queries.
//   parallel:    x += o(attention(n_a)) + down(gelu(up(n_m)))   n_a, n_m: the same layer norm of x, or one each
//   in series:   x += o(attention(norm(x))), then x += down(gelu(up(norm(x))))
// Positions by rotation, or by ALiBi (https://arxiv.org/abs/2108.12409) as Falcon was trained with it: the bias of head
// h for the key at j is bf16(bf16(slope_h) j), and it is scaled as q·k is. It rides in k as further columns, one for
// each query head of the group, which q selects: so no kernel has to know of that rounding.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/half.h"
#include "graph/extent.h"
#include "model/arch/all.h"
#include "model/arch/blocks.h"
#include "model/hf_fields.h"
#include "model/tensor_layout.h"

namespace bp {
namespace {

constexpr std::string_view kTypes[] = {"falcon", "RefinedWeb", "RefinedWebModel"};
constexpr std::string_view kClasses[] = {"FalconForCausalLM", "FalconModel", "RWForCausalLM"};
constexpr TensorName kNames[] = {
    {"token_embd", "word_embeddings"},
    {"output_norm", "ln_f"},
    {"output", "lm_head"},
    {"blk.{}.attn_norm", "h.{}.input_layernorm"},
    {"blk.{}.attn_norm", "h.{}.ln_mlp"},
    {"blk.{}.attn_norm_2", "h.{}.ln_attn"},
    {"blk.{}.attn_qkv", "h.{}.self_attention.query_key_value"},
    {"blk.{}.attn_output", "h.{}.self_attention.dense"},
    {"blk.{}.ffn_norm", "h.{}.post_attention_layernorm"},
    {"blk.{}.ffn_up", "h.{}.mlp.dense_h_to_4h"},
    {"blk.{}.ffn_down", "h.{}.mlp.dense_4h_to_h"},
};
constexpr std::string_view kPrefixes[] = {"transformer."};
constexpr std::string_view kBiases = "alibi.bias.weight";     // [context, n_heads] bf16
constexpr std::string_view kSelectors = "alibi.head.weight";  // [n_heads, group] f32, a one in each row
constexpr int64_t kAlibiContext = 8192;  // linear biases reach beyond the texts of the training; files name no limit
constexpr int64_t kMaxBiases = int64_t{1} << 27;
constexpr int64_t kMaxSelectors = int64_t{1} << 22;

// The member `key`, or what old files call it.
Result<std::optional<int64_t>> size(const JsonFields& fields, std::string_view key, std::string_view old_key) {
  BP_TRY(const auto value, fields.integer(key));
  return value ? value : fields.integer(old_key);
}

Status read_hf(const JsonFields& fields, ModelConfig& config) {
  BP_TRY(const auto model_type, fields.text("model_type"));
  BP_TRY(const auto n_layers, size(fields, "num_hidden_layers", "n_layer"));
  BP_TRY(const auto hidden, size(fields, "hidden_size", "n_embed"));
  BP_TRY(const auto n_heads, size(fields, "num_attention_heads", "n_head"));
  BP_TRY(const auto n_kv_heads, size(fields, "num_kv_heads", "n_head_kv"));
  BP_TRY(const auto vocab, fields.integer("vocab_size"));
  BP_TRY(const auto context, fields.integer("max_position_embeddings"));
  BP_TRY(const auto ffn, fields.integer("ffn_hidden_size"));
  BP_TRY(const auto eps, fields.number("layer_norm_epsilon"));
  BP_TRY(const auto tied, fields.boolean("tie_word_embeddings"));
  BP_TRY(const auto new_decoder, fields.boolean("new_decoder_architecture"));
  BP_TRY(const auto multi_query, fields.boolean("multi_query"));
  BP_TRY(const auto parallel, fields.boolean("parallel_attn"));
  BP_TRY(const auto norms, fields.integer("num_ln_in_parallel_attn"));
  BP_TRY(const auto alibi, fields.boolean("alibi"));
  BP_TRY(const auto bias, fields.boolean("bias"));
  config.n_layers = n_layers.value_or(32);
  config.hidden = hidden.value_or(4544);
  config.n_heads = n_heads.value_or(71);
  config.vocab = vocab.value_or(65024);
  config.positions = alibi.value_or(false) ? Positions::kAlibi : Positions::kRope;
  config.context = context.value_or(config.positions == Positions::kAlibi ? kAlibiContext : 2048);
  config.ffn = ffn.value_or(4 * std::clamp<int64_t>(config.hidden, 0, 1 << 24));
  config.norm_eps = eps.value_or(1e-5);
  config.tied_head = tied.value_or(true);
  config.qkv_bias = config.o_bias = config.mlp_bias = bias.value_or(false);
  const bool is_new = new_decoder.value_or(model_type == "RefinedWeb");
  config.parallel = is_new || parallel.value_or(true);
  config.parallel_norms = is_new ? norms.value_or(2) : 1;
  config.n_kv_heads = is_new ? n_kv_heads.value_or(config.n_heads) : multi_query.value_or(true) ? 1 : config.n_heads;
  if (is_new && !parallel.value_or(true)) {
    return unsupported(fields, "new_decoder_architecture with parallel_attn false", "no published model has both");
  }
  if (config.parallel_norms != 1 && config.parallel_norms != 2) {
    return fields.wrong("num_ln_in_parallel_attn", "1 or 2");
  }
  BP_TRY_VOID(read_hf_heads(fields, {}, config));
  BP_TRY_VOID(read_hf_activation(fields, "activation", "gelu", config));
  return read_hf_rope(fields, config);
}

// llama.cpp's files are all parallel and without ALiBi: they have no keys for these.
Status read_gguf(const GgufKeys& keys, ModelConfig& config) {
  BP_TRY_VOID(read_gguf_sizes(keys, config));
  config.activation = Activation::kGelu;
  BP_TRY(config.parallel, keys.get_or<bool>("use_parallel_residual", true));
  BP_TRY(const auto max_alibi_bias, keys.get_or<double>("attention.max_alibi_bias", 0.0));
  if (max_alibi_bias != 0) config.positions = Positions::kAlibi;
  return read_gguf_rope(keys, config);
}

// Of 2^floor(log2 n) heads 2^(-8/n'), its square and so on; the others take the odd powers of its root.
std::vector<float> alibi_slopes(int64_t n_heads) {
  const auto n = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(n_heads)));
  std::vector<float> slopes;
  for (int64_t i = 0; i < n_heads; ++i) {
    const double power = i < n ? static_cast<double>(i + 1) : static_cast<double>(2 * (i - n) + 1) / 2;
    slopes.push_back(static_cast<float>(std::exp2(-8 * power / static_cast<double>(n))));
  }
  return slopes;
}

Status make_alibi(const ModelConfig& config, Weights& weights) {
  const int64_t group = config.n_heads / config.n_kv_heads;
  if (config.context > kMaxBiases / config.n_heads || group > kMaxSelectors / config.n_heads) {
    return fail(ErrorCode::kUnsupported, "falcon",
                fmt::format("ALiBi of {} heads over {} tokens is not supported", config.n_heads, config.context),
                fmt::format("lower the configuration's context to {}", kMaxBiases / config.n_heads));
  }
  BP_TRY(const auto biases, weights.make(std::string(kBiases), DType::kBF16, {config.context, config.n_heads}));
  BP_TRY(const auto selectors, weights.make(std::string(kSelectors), DType::kF32, {config.n_heads, group}));
  const std::vector<float> slopes = alibi_slopes(config.n_heads);
  const auto n_heads = static_cast<size_t>(config.n_heads);
  for (size_t h = 0; h < n_heads; ++h) {
    const float slope = bf16_to_f32(f32_to_bf16(slopes[h]));
    for (size_t j = 0; j < static_cast<size_t>(config.context); ++j) {
      const float position = bf16_to_f32(f32_to_bf16(static_cast<float>(j)));
      const uint16_t bits = f32_to_bf16(slope * position);
      std::memcpy(biases.data() + (j * n_heads + h) * sizeof(bits), &bits, sizeof(bits));
    }
    const float one = 1;
    const size_t column = h % static_cast<size_t>(group);
    std::memcpy(selectors.data() + (h * static_cast<size_t>(group) + column) * sizeof(one), &one, sizeof(one));
  }
  return {};
}

// Folders have, for each key-value head, its queries, its key and its value; GGUF all queries, all keys, all values.
Status adapt(const ModelConfig& config, Weights& weights) {
  if (config.positions == Positions::kAlibi) BP_TRY_VOID(make_alibi(config, weights));
  if (weights.gguf() != nullptr) return {};
  const int64_t group = config.n_heads / config.n_kv_heads;
  std::vector<int64_t> order;
  for (int64_t i = 0; i < config.n_heads; ++i) order.push_back(i / group * (group + 2) + i % group);
  for (int64_t i = 0; i < config.n_kv_heads; ++i) order.push_back(i * (group + 2) + group);
  for (int64_t i = 0; i < config.n_kv_heads; ++i) order.push_back(i * (group + 2) + group + 1);
  for (int64_t i = 0; i < config.n_layers; ++i) {
    for (const std::string_view part : {"weight", "bias", "scales", "zeros"}) {
      BP_TRY_VOID(reorder_rows(weights, fmt::format("blk.{}.attn_qkv.{}", i, part), order, config.head_dim));
    }
  }
  return {};
}

// The further columns of q [T, n_heads, group] and k [T, n_kv_heads, group].
struct Alibi {
  ValueId q = kNone;
  ValueId k = kNone;
};

Alibi alibi_columns(DecoderBuilder& b) {
  const ModelConfig& c = b.config();
  const int64_t group = c.n_heads / c.n_kv_heads;
  const std::vector<int64_t> dims = {encode_extent(b.tokens()), c.n_heads, group};
  ValueId selectors = b.weight(kSelectors, {c.n_heads, group});
  if (b.act_dtype() != DType::kF32) {
    selectors = b.graph().op("cast", {selectors}, {{"dtype", static_cast<int64_t>(b.act_dtype())}});
  }
  return {b.graph().op("broadcast", {selectors}, {{"dims", dims}}),
          b.split_heads(b.rows_at_positions(kBiases, c.n_heads), c.n_kv_heads, group)};
}

ValueId attend(DecoderBuilder& b, ValueId n, const Alibi& alibi) {
  const ModelConfig& c = b.config();
  const Qkv all = project_qkv(b, n);
  ValueId q = b.split_heads(all.q, c.n_heads, c.head_dim);
  ValueId k = b.split_heads(all.k, c.n_kv_heads, c.head_dim);
  const ValueId v = b.split_heads(all.v, c.n_kv_heads, c.v_head_dim);
  if (c.positions == Positions::kAlibi) {
    q = b.graph().op("concat", {q, alibi.q}, {{"axis", int64_t{-1}}});
    k = b.graph().op("concat", {k, alibi.k}, {{"axis", int64_t{-1}}});
  } else {
    q = b.rope(q);
    k = b.rope(k);
  }
  const ValueId heads = b.join_heads(b.attention(q, k, v, {}));
  return b.linear(heads, "attn_output", c.hidden, c.o_bias ? Bias::kRequired : Bias::kIfPresent);
}

ValueId layer(DecoderBuilder& b, ValueId x, const Alibi& alibi) {
  const ModelConfig& c = b.config();
  GraphBuilder& g = b.graph();
  const Bias bias = c.mlp_bias ? Bias::kRequired : Bias::kIfPresent;
  const ValueId n = b.layer_norm(x, "attn_norm");
  if (!c.parallel) {
    x = g.add(x, attend(b, n, alibi));
    return g.add(x, b.plain_ffn(b.layer_norm(x, "ffn_norm"), c.ffn, bias));
  }
  const bool own_norm = c.parallel_norms == 2 || b.has("attn_norm_2.weight");
  const ValueId attended = attend(b, own_norm ? b.layer_norm(x, "attn_norm_2") : n, alibi);
  return g.add(x, g.add(b.plain_ffn(n, c.ffn, bias), attended));
}

Result<Graph> build(const ModelSource& source) {
  DecoderBuilder b(source);
  const Alibi alibi = source.config.positions == Positions::kAlibi ? alibi_columns(b) : Alibi{};
  ValueId x = b.embed();
  for (int64_t i = 0; i < source.config.n_layers; ++i) {
    b.begin_layer(i);
    x = layer(b, x, alibi);
    b.end_layer();
  }
  return b.finish(b.head(b.layer_norm(b.output_rows(x), "output_norm")));
}

}  // namespace

constinit const Architecture kFalcon = {.name = "falcon",
                                        .hf_types = kTypes,
                                        .hf_classes = kClasses,
                                        .gguf_name = "falcon",
                                        .read_hf = read_hf,
                                        .read_gguf = read_gguf,
                                        .names = {.table = kNames, .prefixes = kPrefixes, .ignored = {}},
                                        .adapt = adapt,
                                        .build = build};

}  // namespace bp
