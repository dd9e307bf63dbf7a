#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/arch/family.h"
#include "model/gguf_metadata.h"
#include "model/model_config.h"

// llama.cpp's metadata keys: "<architecture>.block_count" and so on.
namespace bp {
namespace {

constexpr int64_t kMaxLayers = 4096;  // no list is sized by a number above it; check_config() refuses it by name

class Keys {
 public:
  Keys(const GgufMetadata& metadata, std::string_view architecture)
      : metadata_(metadata), architecture_(architecture) {}

  std::string key(std::string_view name) const { return fmt::format("{}.{}", architecture_, name); }
  bool has(std::string_view name) const { return metadata_.has(key(name)); }

  template <class T>
  Result<T> get(std::string_view name) const {
    return metadata_.get<T>(key(name));
  }
  template <class T>
  Result<T> get_or(std::string_view name, T fallback) const {
    return metadata_.get_or<T>(key(name), fallback);
  }

  // A number, or an array with one number per layer that are all the same.
  Result<int64_t> uniform(std::string_view name) const {
    const GgufValue* value = metadata_.find_value(key(name));
    if (value == nullptr || !value->is_array) return get<int64_t>(name);
    BP_TRY(const auto numbers, metadata_.numbers<int64_t>(key(name)));
    const bool same = !numbers.empty() && std::ranges::all_of(numbers, [&](int64_t n) { return n == numbers[0]; });
    if (!same) return unsupported(fmt::format("{} differs between layers", key(name)));
    return numbers[0];
  }

  std::unexpected<Error> unsupported(std::string what) const {
    return fail(ErrorCode::kUnsupported, metadata_.where(), std::move(what), "this kind of model is not supported");
  }
  const GgufMetadata& metadata() const { return metadata_; }

 private:
  const GgufMetadata& metadata_;
  std::string_view architecture_;
};

Status read_sizes(const Keys& keys, ModelConfig& config) {
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
  BP_TRY(config.norm_eps, keys.get<double>("attention.layer_norm_rms_epsilon"));
  const double usual_scale = config.head_dim > 0 ? 1.0 / std::sqrt(static_cast<double>(config.head_dim)) : 0.0;
  BP_TRY(config.attention_scale, keys.get_or<double>("attention.scale", usual_scale));
  if (config.attention_scale == 0) config.attention_scale = usual_scale;
  return {};
}

Status read_windows(const Keys& keys, ModelConfig& config) {
  BP_TRY(const auto window, keys.get_or<int64_t>("attention.sliding_window", 0));
  const bool layers_listable = config.n_layers > 0 && config.n_layers <= kMaxLayers;
  config.windows.assign(layers_listable ? static_cast<size_t>(config.n_layers) : 0, window);
  const std::string pattern_key = keys.key("attention.sliding_window_pattern");
  const GgufValue* pattern = keys.metadata().find_value(pattern_key);
  if (pattern == nullptr || window == 0) return {};
  if (!pattern->is_array) return keys.unsupported(fmt::format("{} is not a list of layers", pattern_key));
  BP_TRY(const auto windowed, keys.metadata().numbers<int64_t>(pattern_key));
  if (windowed.size() != config.windows.size()) {
    return fail(ErrorCode::kRefused, keys.metadata().where(),
                fmt::format("{} has {} entries for {} layers", pattern_key, windowed.size(), config.n_layers),
                "download the model again");
  }
  for (size_t i = 0; i < windowed.size(); ++i) config.windows[i] = windowed[i] != 0 ? window : 0;
  return {};
}

Status read_yarn(const Keys& keys, RopeConfig& rope) {
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

Status read_rope(const Keys& keys, ModelConfig& config) {
  RopeConfig& rope = config.rope;
  BP_TRY(rope.n_rot, keys.get_or<int64_t>("rope.dimension_count", config.head_dim));
  BP_TRY(rope.theta, keys.get_or<double>("rope.freq_base", 10000.0));
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
  } else {
    return fail(ErrorCode::kUnsupported, keys.metadata().where(),
                fmt::format("rope scaling \"{}\" is not supported", type), "supported are none, linear and yarn");
  }
  return {};
}

}  // namespace

Result<ModelConfig> read_gguf_config(const GgufMetadata& metadata) {
  BP_TRY(const auto architecture, metadata.get<std::string_view>("general.architecture"));
  BP_TRY(const Family* family, find_gguf_family(architecture, metadata.where()));
  const Keys keys(metadata, architecture);
  BP_TRY(const auto n_experts, keys.get_or<int64_t>("expert_count", 0));
  if (n_experts != 0) return keys.unsupported(fmt::format("has a mixture of {} experts", n_experts));

  ModelConfig config;
  config.architecture = family->name;
  config.qkv_bias = family->qkv_bias;
  config.qk_norm = family->qk_norm;
  config.rope.interleaved = family->gguf_interleaved_rope;
  BP_TRY_VOID(read_sizes(keys, config));
  BP_TRY_VOID(read_windows(keys, config));
  BP_TRY_VOID(read_rope(keys, config));
  return config;
}

}  // namespace bp
