#include "model/model_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

namespace bp {
namespace {

struct SizeLimit {
  std::string_view name;
  int64_t value;
  int64_t max;
};

Status check_sizes(std::span<const SizeLimit> sizes, const std::string& where) {
  for (const SizeLimit& size : sizes) {
    if (size.value >= 1 && size.value <= size.max) continue;
    return fail(ErrorCode::kRefused, where,
                fmt::format("{} {} is not between 1 and {}", size.name, size.value, size.max),
                "correct the model's configuration, or download it again");
  }
  return {};
}

Status check_experts(const ModelConfig& config, const std::string& where) {
  const ExpertConfig& e = config.experts;
  if (e.n_experts == 0) return {};
  const auto refuse = [&](std::string what) {
    return fail(ErrorCode::kRefused, where, std::move(what), "correct the model's configuration, or download it again");
  };
  if (e.n_experts < 0 || e.n_experts > 65536 || e.n_used < 1 || e.n_used > e.n_experts) {
    return refuse(fmt::format("{} of {} experts for a token", e.n_used, e.n_experts));
  }
  constexpr int64_t kMaxSize = int64_t{1} << 24;
  if (e.ffn < 1 || e.ffn > kMaxSize || e.shared_ffn < 0 || e.shared_ffn > kMaxSize) {
    return refuse(fmt::format("experts of size {}, and a shared one of {}", e.ffn, e.shared_ffn));
  }
  const bool groups = e.n_groups >= 1 && e.n_experts % e.n_groups == 0 && e.n_groups_used >= 1 &&
                      e.n_groups_used <= e.n_groups &&
                      (!e.group_by_top2 || e.n_groups == 1 || e.n_experts / e.n_groups >= 2);
  if (!groups) return refuse(fmt::format("{} of {} groups of {} experts", e.n_groups_used, e.n_groups, e.n_experts));
  if (!std::isfinite(e.scale)) return refuse(fmt::format("expert weights are scaled by {}", e.scale));
  return {};
}

}  // namespace

Status check_latent(const LatentConfig& latent, const std::string& where) {
  const SizeLimit sizes[] = {
      {"rank of keys and values", latent.kv_rank, 65536},
      {"rank of queries", latent.q_rank == 0 ? 1 : latent.q_rank, 65536},
      {"dimension without rotation", latent.nope_dim, 65536},
      {"rotated dimension", latent.rope_dim, 65536},
  };
  return check_sizes(sizes, where);
}

Status check_config(const ModelConfig& config, const std::string& where) {
  const auto refuse = [&](std::string what) {
    return fail(ErrorCode::kRefused, where, std::move(what), "correct the model's configuration, or download it again");
  };
  // Far above any model, and small enough that no product of two overflows.
  const SizeLimit sizes[] = {
      {"layers", config.n_layers, kMaxLayers},
      {"hidden size", config.hidden, int64_t{1} << 20},
      {"attention heads", config.n_heads, 65536},
      {"key-value heads", config.n_kv_heads, 65536},
      {"head dimension", config.head_dim, 65536},
      {"value head dimension", config.v_head_dim, 65536},
      {"feed-forward size", config.ffn, int64_t{1} << 24},
      {"vocabulary size", config.vocab, int64_t{1} << 26},
      {"context length", config.context, INT32_MAX},
  };
  BP_TRY_VOID(check_sizes(sizes, where));
  if (config.n_heads % config.n_kv_heads != 0) {
    return refuse(
        fmt::format("{} attention heads are not a multiple of {} key-value heads", config.n_heads, config.n_kv_heads));
  }
  if (!std::isfinite(config.norm_eps) || config.norm_eps < 0 || config.norm_eps > 1) {
    return refuse(fmt::format("norm epsilon {} is not between 0 and 1", config.norm_eps));
  }
  if (!std::isfinite(config.attention_scale) || config.attention_scale <= 0) {
    return refuse(fmt::format("attention scale {} is not a positive number", config.attention_scale));
  }
  if (static_cast<int64_t>(config.windows.size()) != config.n_layers) {
    return refuse(fmt::format("{} layer types for {} layers", config.windows.size(), config.n_layers));
  }
  for (const int64_t window : config.windows) {
    if (window < 0 || window > INT32_MAX) return refuse(fmt::format("sliding window {} is no length", window));
  }
  BP_TRY_VOID(check_experts(config, where));
  if (config.positions != Positions::kRope) return {};
  if (config.has_local_rope) BP_TRY_VOID(check_rope(config.local_rope, config.head_dim, where));
  return check_rope(config.rope, config.latent.kv_rank > 0 ? config.latent.rope_dim : config.head_dim, where);
}

}  // namespace bp
