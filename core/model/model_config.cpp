#include "model/model_config.h"

#include <fmt/format.h>

#include <cmath>

namespace bp {
namespace {

struct SizeLimit {
  std::string_view name;
  int64_t value;
  int64_t max;
};

}  // namespace

Status check_config(const ModelConfig& config, const std::string& where) {
  const auto refuse = [&](std::string what) {
    return fail(ErrorCode::kRefused, where, std::move(what), "correct the model's configuration, or download it again");
  };
  // Far above any model, and small enough that no product of two overflows.
  const SizeLimit sizes[] = {
      {"layers", config.n_layers, 4096},
      {"hidden size", config.hidden, int64_t{1} << 20},
      {"attention heads", config.n_heads, 65536},
      {"key-value heads", config.n_kv_heads, 65536},
      {"head dimension", config.head_dim, 65536},
      {"value head dimension", config.v_head_dim, 65536},
      {"feed-forward size", config.ffn, int64_t{1} << 24},
      {"vocabulary size", config.vocab, int64_t{1} << 26},
      {"context length", config.context, INT32_MAX},
  };
  for (const SizeLimit& size : sizes) {
    if (size.value < 1 || size.value > size.max) {
      return refuse(fmt::format("{} {} is not between 1 and {}", size.name, size.value, size.max));
    }
  }
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
  return check_rope(config.rope, config.head_dim, where);
}

}  // namespace bp
