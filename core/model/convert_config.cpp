#include "model/convert_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/arch/architecture.h"
#include "model/convert_check.h"

namespace bp {
namespace {

// Architectures whose GGUF files go by another's name.
std::string_view gguf_architecture(const ModelConfig& config) {
  const Architecture& architecture = architecture_of(config);
  if (!architecture.gguf_name.empty()) return architecture.gguf_name;
  return config.architecture == "olmo3" ? "olmo2" : "llama";
}

bool has_layer_norms(std::string_view name) { return name == "gpt2" || name == "falcon" || name == "bert"; }

// Layers without a window among those with one, where llama.cpp knows it by the architecture.
int64_t usual_pattern(std::string_view name) {
  if (name == "gemma2" || name == "gpt-oss") return 2;
  if (name == "gemma3") return 6;
  return name == "olmo2" ? 4 : 0;
}

class Writer {
 public:
  explicit Writer(const ModelConfig& config) : config_(config), name_(gguf_architecture(config)) {}

  GgufConfig write() {
    out_.entries.set_text("general.architecture", name_);
    out_.entries.set_text("general.type", "model");
    sizes();
    heads();
    windows();
    factors();
    if (config_.positions == Positions::kRope) rope();
    if (config_.experts.n_experts > 0) experts();
    if (config_.pooling != Pooling::kOff) encoder();
    return std::move(out_);
  }

 private:
  std::string key(std::string_view name) const { return fmt::format("{}.{}", name_, name); }
  void u32(std::string_view name, int64_t value) { out_.entries.set_u32(key(name), static_cast<uint32_t>(value)); }
  void f32(std::string_view name, double value) { out_.entries.set_f32(key(name), static_cast<float>(value)); }

  void sizes() {
    u32("block_count", config_.n_layers);
    u32("context_length", config_.context);
    u32("embedding_length", config_.hidden);
    u32("feed_forward_length", config_.ffn);
    u32("attention.head_count", config_.n_heads);
    u32("attention.head_count_kv", config_.n_kv_heads);
    f32(has_layer_norms(name_) ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", config_.norm_eps);
    u32("vocab_size", config_.vocab);
  }

  void heads() {
    const LatentConfig& latent = config_.latent;
    if (latent.kv_rank == 0) {
      u32("attention.key_length", config_.head_dim);
      u32("attention.value_length", config_.v_head_dim);
      return;
    }
    u32("attention.key_length", latent.kv_rank + latent.rope_dim);
    u32("attention.value_length", latent.kv_rank);
    u32("attention.key_length_mla", config_.head_dim);
    u32("attention.value_length_mla", config_.v_head_dim);
    u32("attention.kv_lora_rank", latent.kv_rank);
    if (latent.q_rank > 0) u32("attention.q_lora_rank", latent.q_rank);
  }

  void windows() {
    const auto window = std::ranges::max_element(config_.windows);
    if (window == config_.windows.end() || *window == 0) return;
    u32("attention.sliding_window", *window);
    const int64_t pattern = usual_pattern(name_);
    std::vector<bool> windowed;
    bool usual = true;
    for (size_t i = 0; i < config_.windows.size(); ++i) {
      windowed.push_back(config_.windows[i] != 0);
      const bool whole = pattern > 0 && static_cast<int64_t>(i) % pattern == pattern - 1;
      usual = usual && windowed.back() == !whole;
    }
    if (!usual) out_.entries.set_bools(key("attention.sliding_window_pattern"), windowed);
  }

  void factors() {
    // Gemma 2 has caps unless its file says 0.
    const bool says_caps = name_ == "gemma2";
    if (says_caps || config_.attention_softcap != 0) f32("attn_logit_softcapping", config_.attention_softcap);
    if (says_caps || config_.logit_softcap != 0) f32("final_logit_softcapping", config_.logit_softcap);
    const double usual_scale = 1.0 / std::sqrt(static_cast<double>(config_.head_dim));
    const bool scaled = std::fabs(config_.attention_scale - usual_scale) > 1e-6 * usual_scale;
    if (scaled && config_.latent.kv_rank == 0) f32("attention.scale", config_.attention_scale);
    if (name_ == "granite") {
      f32("embedding_scale", config_.embedding_scale);
      f32("residual_scale", config_.residual_scale);
      f32("logit_scale", 1.0 / config_.logit_scale);
      f32("attention.scale", config_.attention_scale);
    }
    if (config_.positions == Positions::kAlibi) f32("attention.max_alibi_bias", 8.0);
    if (name_ == "falcon" && !config_.parallel) out_.entries.set_bool(key("use_parallel_residual"), false);
  }

  void rope() {
    const RopeConfig& rope = config_.rope;
    u32("rope.dimension_count", rope.n_rot);
    f32("rope.freq_base", rope.theta);
    if (config_.has_local_rope) f32("rope.freq_base_swa", config_.local_rope.theta);
    switch (rope.type) {
      case RopeType::kDefault:
      case RopeType::kDynamic:
        return;
      case RopeType::kLinear:
        out_.entries.set_text(key("rope.scaling.type"), "linear");
        f32("rope.scaling.factor", rope.factor);
        return;
      case RopeType::kLlama3:
        return divisors();
      case RopeType::kYarn:
        return yarn();
      case RopeType::kLongrope:
        return longrope();
    }
  }

  // Frequencies that no formula of GGUF's gives, as what the plain ones are divided by.
  void divisors() {
    RopeConfig plain = config_.rope;
    plain.type = RopeType::kDefault;
    const std::vector<float> from = compute_rope(plain).inv_freq, to = compute_rope(config_.rope).inv_freq;
    ConfigTensor tensor{"rope_freqs.weight", {}};
    for (size_t i = 0; i < from.size(); ++i) tensor.values.push_back(from[i] / to[i]);
    out_.tensors.push_back(std::move(tensor));
  }

  void yarn() {
    const RopeConfig& rope = config_.rope;
    out_.entries.set_text(key("rope.scaling.type"), "yarn");
    f32("rope.scaling.factor", rope.factor);
    u32("rope.scaling.original_context_length", rope.original_context);
    f32("rope.scaling.yarn_beta_fast", rope.beta_fast);
    f32("rope.scaling.yarn_beta_slow", rope.beta_slow);
    if (config_.latent.kv_rank > 0) {
      if (rope.mscale_all_dim != 0) f32("rope.scaling.yarn_log_multiplier", 0.1 * rope.mscale_all_dim);
      return;
    }
    const double factor = compute_rope(rope).attention_factor / yarn_mscale(rope.factor, 1.0);
    if (std::fabs(factor - 1.0) > 1e-6) f32("rope.scaling.attn_factor", factor);
  }

  void longrope() {
    const RopeConfig& rope = config_.rope;
    out_.entries.set_text(key("rope.scaling.type"), "longrope");
    u32("rope.scaling.original_context_length", rope.original_context);
    f32("rope.scaling.factor", rope.factor);
    f32("rope.scaling.attn_factor", compute_rope(rope).attention_factor);
    out_.tensors.push_back({"rope_factors_long.weight", rope.long_divisors});
    out_.tensors.push_back({"rope_factors_short.weight", rope.divisors});
  }

  void encoder() {
    out_.entries.set_bool(key("attention.causal"), false);
    u32("pooling_type", config_.pooling == Pooling::kMean ? 1 : config_.pooling == Pooling::kCls ? 2 : 3);
    out_.entries.set_u32("tokenizer.ggml.token_type_count", static_cast<uint32_t>(config_.n_token_types));
  }

  void experts() {
    const ExpertConfig& experts = config_.experts;
    u32("expert_count", experts.n_experts);
    u32("expert_used_count", experts.n_used);
    u32("expert_feed_forward_length", experts.ffn);
    if (experts.shared_ffn > 0) {
      u32("expert_shared_feed_forward_length", experts.shared_ffn);
      if (config_.latent.kv_rank > 0 && experts.ffn > 0) u32("expert_shared_count", experts.shared_ffn / experts.ffn);
    }
    f32("expert_weights_scale", experts.scale);
    out_.entries.set_bool(key("expert_weights_norm"), experts.normalize);
    if (experts.n_groups > 1) {
      u32("expert_group_count", experts.n_groups);
      u32("expert_group_used_count", experts.n_groups_used);
    }
    if (config_.latent.kv_rank > 0) {
      u32("expert_gating_func", experts.gate == ExpertGate::kSigmoid ? 2 : 1);
      const auto first = std::ranges::find(experts.layers, true);
      u32("leading_dense_block_count", first - experts.layers.begin());
    }
  }

  const ModelConfig& config_;
  std::string name_;
  GgufConfig out_;
};

}  // namespace

Result<GgufConfig> config_to_gguf(const ModelConfig& config, const std::string& where) {
  GgufConfig written = Writer(config).write();
  BP_TRY(written.interleaves_rope, check_written(config, written, where));
  return written;
}

}  // namespace bp
