#include "model/gguf_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/arch/architecture.h"

namespace bp {
namespace {

Status read_yarn(const GgufKeys& keys, RopeConfig& rope) {
  BP_TRY(rope.beta_fast, keys.get_or<double>("rope.scaling.yarn_beta_fast", 32.0));
  BP_TRY(rope.beta_slow, keys.get_or<double>("rope.scaling.yarn_beta_slow", 1.0));
  BP_TRY(const auto log_multiplier, keys.get_or<double>("rope.scaling.yarn_log_multiplier", 0.0));
  BP_TRY(const auto attention, keys.get_or<double>("rope.scaling.attn_factor", 1.0));
  BP_TRY(const auto yarn_attention, keys.get_or<double>("rope.scaling.yarn_attn_factor", 1.0));
  double factor = yarn_mscale(rope.factor, 1.0) * attention * yarn_attention;
  if (log_multiplier != 0) factor /= yarn_mscale(rope.factor, log_multiplier);
  rope.attention_factor = factor;
  return {};
}

}  // namespace

Result<int64_t> GgufKeys::uniform(std::string_view name) const {
  const GgufValue* value = metadata_.find_value(key(name));
  if (value == nullptr || !value->is_array) return get<int64_t>(name);
  BP_TRY(const auto numbers, metadata_.numbers<int64_t>(key(name)));
  const bool same = !numbers.empty() && std::ranges::all_of(numbers, [&](int64_t n) { return n == numbers[0]; });
  if (!same) return unsupported(fmt::format("{} differs between layers", key(name)));
  return numbers[0];
}

std::unexpected<Error> GgufKeys::unsupported(std::string what) const {
  return fail(ErrorCode::kUnsupported, metadata_.where(), std::move(what), "this kind of model is not supported");
}

Status read_gguf_sizes(const GgufKeys& keys, ModelConfig& config) {
  BP_TRY(config.n_layers, keys.get<int64_t>("block_count"));
  BP_TRY(config.context, keys.get<int64_t>("context_length"));
  BP_TRY(config.hidden, keys.get<int64_t>("embedding_length"));
  BP_TRY(config.ffn, keys.uniform("feed_forward_length"));
  BP_TRY(config.n_heads, keys.uniform("attention.head_count"));
  config.n_kv_heads = config.n_heads;
  if (keys.has("attention.head_count_kv")) {
    BP_TRY(config.n_kv_heads, keys.uniform("attention.head_count_kv"));
  }
  BP_TRY(config.vocab, keys.get_or<int64_t>("vocab_size", 0));

  int64_t per_head = 0;
  if (config.n_heads > 0 && config.hidden % config.n_heads == 0) per_head = config.hidden / config.n_heads;
  BP_TRY(config.head_dim, keys.get_or<int64_t>("attention.key_length", per_head));
  BP_TRY(config.v_head_dim, keys.get_or<int64_t>("attention.value_length", config.head_dim));
  const bool has_rms = keys.has("attention.layer_norm_rms_epsilon") || !keys.has("attention.layer_norm_epsilon");
  BP_TRY(config.norm_eps,
         keys.get<double>(has_rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon"));
  const double usual_scale = config.head_dim > 0 ? 1.0 / std::sqrt(static_cast<double>(config.head_dim)) : 0.0;
  BP_TRY(config.attention_scale, keys.get_or<double>("attention.scale", usual_scale));
  if (config.attention_scale == 0) config.attention_scale = usual_scale;
  config.windows.assign(listable_layers(config), 0);
  return {};
}

Status read_gguf_windows(const GgufKeys& keys, ModelConfig& config, int64_t pattern) {
  BP_TRY(const auto window, keys.get_or<int64_t>("attention.sliding_window", 0));
  const std::string_view name = "attention.sliding_window_pattern";
  const GgufValue* listed = keys.metadata().find_value(keys.key(name));
  if (listed == nullptr || !listed->is_array) {
    BP_TRY(pattern, keys.get_or<int64_t>(name, pattern));
    for (size_t i = 0; i < config.windows.size(); ++i) {
      const bool whole = pattern > 0 && static_cast<int64_t>(i) % pattern == pattern - 1;
      config.windows[i] = whole ? 0 : window;
    }
    return {};
  }
  BP_TRY(const auto windowed, keys.metadata().numbers<int64_t>(keys.key(name)));
  if (windowed.size() != config.windows.size()) {
    return fail(ErrorCode::kRefused, keys.where(),
                fmt::format("{} has {} entries for {} layers", keys.key(name), windowed.size(), config.n_layers),
                "download the model again");
  }
  for (size_t i = 0; i < windowed.size(); ++i) config.windows[i] = windowed[i] != 0 ? window : 0;
  return {};
}

Status read_gguf_rope(const GgufKeys& keys, ModelConfig& config) {
  RopeConfig& rope = config.rope;
  BP_TRY(rope.n_rot, keys.get_or<int64_t>("rope.dimension_count", config.head_dim));
  BP_TRY(rope.theta, keys.get_or<double>("rope.freq_base", rope.theta));
  BP_TRY(const auto old_factor, keys.get_or<double>("rope.scale_linear", 0.0));
  BP_TRY(const auto factor, keys.get_or<double>("rope.scaling.factor", old_factor));
  rope.factor = factor == 0 ? 1.0 : factor;
  BP_TRY(rope.original_context, keys.get_or<int64_t>("rope.scaling.original_context_length", config.context));
  BP_TRY(const auto type, keys.get_or<std::string_view>("rope.scaling.type", rope.factor == 1 ? "none" : "linear"));
  if (type == "none") {
    rope.factor = 1.0;
  } else if (type == "linear") {
    rope.type = RopeType::kLinear;
  } else if (type == "yarn") {
    rope.type = RopeType::kYarn;
    BP_TRY_VOID(read_yarn(keys, rope));
  } else if (type == "longrope") {
    rope.type = RopeType::kLongrope;  // its divisors are tensors
  } else {
    return fail(ErrorCode::kUnsupported, keys.where(), fmt::format("rope scaling \"{}\" is not supported", type),
                "supported are none, linear, yarn and longrope");
  }
  if (rope.type != RopeType::kYarn && keys.has("rope.scaling.attn_factor")) {
    BP_TRY(rope.attention_factor, keys.get<double>("rope.scaling.attn_factor"));
  }
  return {};
}

Status read_gguf_experts(const GgufKeys& keys, int64_t first, ModelConfig& config) {
  ExpertConfig& experts = config.experts;
  BP_TRY(experts.n_experts, keys.get_or<int64_t>("expert_count", 0));
  if (experts.n_experts == 0) return {};
  BP_TRY(experts.n_used, keys.get<int64_t>("expert_used_count"));
  BP_TRY(experts.ffn, keys.get_or<int64_t>("expert_feed_forward_length", config.ffn));
  BP_TRY(const auto scale, keys.get_or<double>("expert_weights_scale", 1.0));
  experts.scale = scale == 0 ? 1.0 : scale;
  BP_TRY(experts.normalize, keys.get_or<bool>("expert_weights_norm", experts.normalize));
  BP_TRY(experts.n_groups, keys.get_or<int64_t>("expert_group_count", 1));
  BP_TRY(experts.n_groups_used, keys.get_or<int64_t>("expert_group_used_count", 1));
  experts.layers.assign(listable_layers(config), true);
  for (size_t i = 0; i < experts.layers.size() && static_cast<int64_t>(i) < first; ++i) experts.layers[i] = false;
  return {};
}

Result<ModelConfig> read_gguf_config(const GgufMetadata& metadata) {
  BP_TRY(const auto name, metadata.get<std::string_view>("general.architecture"));
  BP_TRY(const Architecture* architecture, find_gguf_architecture(name, metadata.where()));
  ModelConfig config;
  config.architecture = architecture->name;
  BP_TRY_VOID(architecture->read_gguf(GgufKeys(metadata, name), config));
  return config;
}

}  // namespace bp
