// DeepSeek V2 (https://arxiv.org/abs/2405.04434) and V3 (https://arxiv.org/abs/2412.19437): latent attention, and in
// all but the first layers many small experts beside a shared one, chosen within the best groups of them.
//   V2  softmax of the router; a group is worth its best expert
//   V3  sigmoid; chosen by scores that a learned bias corrects; a group is worth its two best experts
// Layers past the last, which predict further tokens (MTP), are left out.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/arch/all.h"
#include "model/arch/blocks.h"
#include "model/arch/latent.h"
#include "model/folder_weights.h"
#include "model/hf_fields.h"

namespace bp {
namespace {

constexpr std::string_view kTypes[] = {"deepseek_v2", "deepseek_v3", "kimi_k2"};
constexpr std::string_view kClasses[] = {"DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM"};
constexpr TensorName kOwnNames[] = {
    {"blk.{}.attn_q_a", "layers.{}.self_attn.q_a_proj"},
    {"blk.{}.attn_q_a_norm", "layers.{}.self_attn.q_a_layernorm"},
    {"blk.{}.attn_q_b", "layers.{}.self_attn.q_b_proj"},
    {"blk.{}.attn_kv_a_mqa", "layers.{}.self_attn.kv_a_proj_with_mqa"},
    {"blk.{}.attn_kv_a_norm", "layers.{}.self_attn.kv_a_layernorm"},
    {"blk.{}.attn_kv_b", "layers.{}.self_attn.kv_b_proj"},
    {"blk.{}.attn_k_b", "layers.{}.self_attn.kv_b_proj"},  // what becomes of it, for messages
    {"blk.{}.attn_v_b", "layers.{}.self_attn.kv_b_proj"},
    {"blk.{}.ffn_gate_inp", "layers.{}.mlp.gate"},
    {"blk.{}.exp_probs_b.bias", "layers.{}.mlp.gate.e_score_correction_bias"},
    {"blk.{}.ffn_gate_exps", "layers.{}.mlp.experts.{}.gate_proj"},
    {"blk.{}.ffn_up_exps", "layers.{}.mlp.experts.{}.up_proj"},
    {"blk.{}.ffn_down_exps", "layers.{}.mlp.experts.{}.down_proj"},
    {"blk.{}.ffn_gate_up_exps.weight", "layers.{}.mlp.experts.gate_up_proj"},
    {"blk.{}.ffn_down_exps.weight", "layers.{}.mlp.experts.down_proj"},
    {"blk.{}.ffn_gate_shexp", "layers.{}.mlp.shared_experts.gate_proj"},
    {"blk.{}.ffn_up_shexp", "layers.{}.mlp.shared_experts.up_proj"},
    {"blk.{}.ffn_down_shexp", "layers.{}.mlp.shared_experts.down_proj"},
};
constexpr auto kNames = joined(kLlamaNames, kOwnNames);

// What a config.json of either version may leave out.
struct Defaults {
  int64_t context, first_dense, n_experts, n_used, n_shared, ffn, n_groups, n_groups_used, n_spare_layers;
  double scale;
  bool normalize;
};
constexpr Defaults kV2 = {2048, 0, 64, 6, 2, 1407, 1, 1, 0, 1.0, false};
constexpr Defaults kV3 = {4096, 3, 256, 8, 1, 2048, 8, 4, 1, 2.5, true};

// 0 where the member is null.
Result<int64_t> integer_or_none(const JsonFields& fields, std::string_view key, int64_t fallback) {
  BP_TRY(const auto value, fields.integer(key));
  return value.value_or(fields.members().contains(key) ? 0 : fallback);
}

Result<int64_t> shared_size(int64_t n_shared, int64_t ffn, const std::string& where) {
  if (n_shared >= 0 && n_shared <= 1024 && ffn >= 0 && ffn <= int64_t{1} << 24) return n_shared * ffn;
  return fail(ErrorCode::kRefused, where, fmt::format("{} shared experts of size {}", n_shared, ffn),
              "correct the model's configuration, or download it again");
}

// Refuses what is there and is not `known`.
Status expect_text(const JsonFields& fields, std::string_view key, std::string_view known) {
  BP_TRY(const auto value, fields.text(key));
  if (!value || *value == known) return {};
  return unsupported(fields, fmt::format("{} \"{}\" is not supported", key, *value),
                     fmt::format("supported is {}", known));
}

Status read_groups(const JsonFields& fields, bool v3, const Defaults& defaults, ExpertConfig& experts) {
  BP_TRY(const auto method, fields.text("topk_method"));
  if (v3) {
    BP_TRY_VOID(expect_text(fields, "topk_method", "noaux_tc"));
  } else if (method && *method != "greedy") {
    BP_TRY_VOID(expect_text(fields, "topk_method", "group_limited_greedy"));
  } else {
    return {};
  }
  BP_TRY(const auto n_groups, fields.integer("n_group"));
  BP_TRY(const auto n_used, fields.integer("topk_group"));
  experts.n_groups = n_groups.value_or(defaults.n_groups);
  experts.n_groups_used = n_used.value_or(defaults.n_groups_used);
  return {};
}

Status read_experts(const JsonFields& fields, bool v3, const Defaults& defaults, ModelConfig& config) {
  ExpertConfig& experts = config.experts;
  BP_TRY(experts.n_experts, integer_or_none(fields, "n_routed_experts", defaults.n_experts));
  if (experts.n_experts == 0) return {};
  BP_TRY_VOID(expect_text(fields, "scoring_func", v3 ? "sigmoid" : "softmax"));
  BP_TRY(const auto n_used, fields.integer("num_experts_per_tok"));
  BP_TRY(const auto ffn, fields.integer("moe_intermediate_size"));
  BP_TRY(const auto n_shared, integer_or_none(fields, "n_shared_experts", defaults.n_shared));
  BP_TRY(const auto scale, fields.number("routed_scaling_factor"));
  BP_TRY(const auto normalize, fields.boolean("norm_topk_prob"));
  BP_TRY(const auto first, fields.integer("first_k_dense_replace"));
  BP_TRY(const auto each, fields.integer("moe_layer_freq"));
  experts.n_used = n_used.value_or(defaults.n_used);
  experts.ffn = ffn.value_or(defaults.ffn);
  BP_TRY(experts.shared_ffn, shared_size(n_shared, experts.ffn, fields.where()));
  experts.gate = v3 ? ExpertGate::kSigmoid : ExpertGate::kSoftmax;
  experts.group_by_top2 = v3;
  experts.scale = scale.value_or(defaults.scale);
  // transformers' V2 never normalises, whatever its file says.
  experts.normalize = v3 && normalize.value_or(defaults.normalize);
  if (each.value_or(1) < 1) return fields.wrong("moe_layer_freq", "a positive number of layers");
  experts.layers.assign(config.windows.size(), false);
  for (size_t i = 0; i < experts.layers.size(); ++i) {
    const auto layer = static_cast<int64_t>(i);
    experts.layers[i] = layer >= first.value_or(defaults.first_dense) && layer % each.value_or(1) == 0;
  }
  return read_groups(fields, v3, defaults, experts);
}

// The head's sizes follow from its parts; a stretched context sharpens the softmax.
void finish_latent(double mscale_all_dim, ModelConfig& config) {
  config.n_kv_heads = 1;
  config.rope.n_rot = config.latent.rope_dim;
  const double mscale = mscale_all_dim == 0 ? 1.0 : yarn_mscale(config.rope.factor, mscale_all_dim);
  config.attention_scale = mscale * mscale / std::sqrt(static_cast<double>(config.head_dim));
}

Status read_hf(const JsonFields& fields, ModelConfig& config) {
  BP_TRY(const auto model_type, fields.text("model_type"));
  const bool v3 = model_type.value_or("") != "deepseek_v2";
  const Defaults& defaults = v3 ? kV3 : kV2;
  BP_TRY_VOID(read_hf_sizes(fields, {.context = defaults.context, .head_dim = 64}, config));
  BP_TRY_VOID(read_hf_activation(fields, "hidden_act", "silu", config));
  LatentConfig& latent = config.latent;
  BP_TRY(latent.q_rank, integer_or_none(fields, "q_lora_rank", 1536));
  BP_TRY(const auto kv_rank, fields.integer("kv_lora_rank"));
  BP_TRY(const auto nope_dim, fields.integer("qk_nope_head_dim"));
  BP_TRY(const auto rope_dim, fields.integer("qk_rope_head_dim"));
  BP_TRY(const auto v_dim, fields.integer("v_head_dim"));
  latent.kv_rank = kv_rank.value_or(512);
  latent.nope_dim = nope_dim.value_or(128);
  latent.rope_dim = rope_dim.value_or(64);
  BP_TRY_VOID(check_latent(latent, fields.where()));
  config.head_dim = latent.nope_dim + latent.rope_dim;
  config.v_head_dim = v_dim.value_or(128);

  BP_TRY(const auto bias, fields.boolean("attention_bias"));
  config.qkv_bias = config.o_bias = bias.value_or(false);
  BP_TRY(const auto mlp_bias, fields.boolean("mlp_bias"));
  config.mlp_bias = !v3 && mlp_bias.value_or(false);
  BP_TRY(const auto interleaved, fields.boolean("rope_interleave"));
  config.rope.interleaved = !v3 || interleaved.value_or(true);
  BP_TRY(const auto spare, fields.integer("num_nextn_predict_layers"));
  config.n_spare_layers = spare.value_or(defaults.n_spare_layers);
  BP_TRY_VOID(read_experts(fields, v3, defaults, config));
  BP_TRY_VOID(read_hf_rope(fields, config));
  finish_latent(config.rope.mscale_all_dim, config);
  return {};
}

Status read_gguf_gate(const GgufKeys& keys, ExpertConfig& experts) {
  constexpr int64_t kUnset = 0, kSoftmax = 1, kSigmoid = 2;
  BP_TRY(const auto gate, keys.get_or<int64_t>("expert_gating_func", kUnset));
  if (gate != kUnset && gate != kSoftmax && gate != kSigmoid) {
    return keys.unsupported(
        fmt::format("{} = {} is neither softmax (1) nor sigmoid (2)", keys.key("expert_gating_func"), gate));
  }
  experts.gate = gate == kSigmoid ? ExpertGate::kSigmoid : ExpertGate::kSoftmax;
  experts.group_by_top2 = gate == kSigmoid;
  return {};
}

// Files before the absorbed form say the heads' own sizes where newer ones say those of the latent vectors.
Status read_gguf_latent(const GgufKeys& keys, ModelConfig& config) {
  LatentConfig& latent = config.latent;
  BP_TRY(latent.kv_rank, keys.get<int64_t>("attention.kv_lora_rank"));
  BP_TRY(latent.q_rank, keys.get_or<int64_t>("attention.q_lora_rank", 0));
  BP_TRY(latent.rope_dim, keys.get<int64_t>("rope.dimension_count"));
  BP_TRY(config.head_dim, keys.get_or<int64_t>("attention.key_length_mla", config.head_dim));
  BP_TRY(config.v_head_dim, keys.get_or<int64_t>("attention.value_length_mla", config.v_head_dim));
  if (config.head_dim > latent.rope_dim) latent.nope_dim = config.head_dim - latent.rope_dim;
  return check_latent(latent, keys.where());
}

Status read_gguf(const GgufKeys& keys, ModelConfig& config) {
  BP_TRY_VOID(read_gguf_sizes(keys, config));
  BP_TRY_VOID(read_gguf_latent(keys, config));
  BP_TRY(config.n_spare_layers, keys.get_or<int64_t>("nextn_predict_layers", 0));
  if (config.n_spare_layers < 0 || config.n_spare_layers >= config.n_layers) {
    return fail(ErrorCode::kRefused, keys.where(),
                fmt::format("{} of {} layers predict further tokens", config.n_spare_layers, config.n_layers),
                "download the model again");
  }
  config.n_layers -= config.n_spare_layers;
  config.windows.resize(std::min(config.windows.size(), static_cast<size_t>(config.n_layers)));
  BP_TRY(const auto temperature, keys.get_or<double>("attention.temperature_scale", 0.0));
  if (temperature != 0) return keys.unsupported("the attention's temperature grows with the position");

  BP_TRY(const auto first, keys.get_or<int64_t>("leading_dense_block_count", 0));
  BP_TRY_VOID(read_gguf_experts(keys, first, config));
  BP_TRY(const auto n_shared, keys.get_or<int64_t>("expert_shared_count", 0));
  BP_TRY(config.experts.shared_ffn, shared_size(n_shared, config.experts.ffn, keys.where()));
  BP_TRY_VOID(read_gguf_gate(keys, config.experts));

  BP_TRY_VOID(read_gguf_rope(keys, config));
  config.rope.interleaved = true;
  double mscale_all_dim = 0;
  if (config.rope.type == RopeType::kYarn) {
    // Here the key holds a tenth of mscale_all_dim; mscale, which no key holds, equals it in DeepSeek's models.
    BP_TRY(const auto tenth, keys.get_or<double>("rope.scaling.yarn_log_multiplier", 0.0));
    mscale_all_dim = tenth * 10;
    if (tenth != 0) config.rope.attention_factor = 1.0;
  }
  finish_latent(mscale_all_dim, config);
  return {};
}

Status adapt(const ModelConfig& config, Weights& weights) {
  remove_spare_layers(config, weights);
  return split_latent_weights(config, weights);
}

ValueId layer(DecoderBuilder& b, ValueId x) {
  x = b.graph().add(x, latent_attention(b, b.rms_norm(x, "attn_norm")));
  return b.graph().add(x, feed_forward(b, b.rms_norm(x, "ffn_norm")));
}

Result<Graph> build(const ModelSource& source) { return build_decoder(source, layer); }

}  // namespace

constinit const Architecture kDeepseek = {.name = "deepseek",
                                          .hf_types = kTypes,
                                          .hf_classes = kClasses,
                                          .gguf_name = "deepseek2",
                                          .read_hf = read_hf,
                                          .read_gguf = read_gguf,
                                          .names = {.table = kNames, .prefixes = kModelPrefix, .ignored = {}},
                                          .adapt = adapt,
                                          .build = build};

}  // namespace bp
