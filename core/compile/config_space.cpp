#include "compile/config_space.h"

#include <algorithm>

#include "compile/tuning.h"

namespace bp {

std::span<const int64_t> ConfigSpace::values(size_t index) const {
  const bp_tunable& tunable = tunable_at(kernel_, index);
  const bool is_fixed = deterministic_ && (tunable.flags & BP_TUN_BITS) != 0;
  return {tunable.value, is_fixed ? 1 : tunable.n};
}

size_t ConfigSpace::count(size_t most) const {
  size_t n = 1;
  for (size_t i = 0; i < n_tunables() && n <= most; ++i) n *= values(i).size();
  return std::min(n, most + 1);
}

bool ConfigSpace::contains(const KernelConfig& config) const {
  if (config.size() != n_tunables()) return false;
  for (size_t i = 0; i < config.size(); ++i) {
    if (std::ranges::find(values(i), config[i]) == values(i).end()) return false;
  }
  return true;
}

bool ConfigSpace::changes_bits(const KernelConfig& config) const {
  for (size_t i = 0; i < config.size(); ++i) {
    const bp_tunable& tunable = tunable_at(kernel_, i);
    if ((tunable.flags & BP_TUN_BITS) != 0 && config[i] != tunable.value[0]) return true;
  }
  return false;
}

std::vector<KernelConfig> ConfigSpace::all() const {
  std::vector<KernelConfig> configs;
  KernelConfig config = default_config(kernel_);
  std::vector<size_t> at(config.size(), 0);
  for (;;) {
    for (size_t i = 0; i < at.size(); ++i) config[i] = values(i)[at[i]];
    configs.push_back(config);
    size_t i = 0;
    while (i < at.size() && ++at[i] == values(i).size()) at[i++] = 0;
    if (i == at.size()) return configs;
  }
}

std::vector<KernelConfig> ConfigSpace::around(const KernelConfig& center) const {
  std::vector<KernelConfig> configs;
  for (size_t i = 0; i < center.size(); ++i) {
    for (const int64_t value : values(i)) {
      if (value == center[i]) continue;
      configs.push_back(center);
      configs.back()[i] = value;
    }
  }
  return configs;
}

}  // namespace bp
