// The configurations that a kernel's row offers: one of its values for each tunable. A plain value; the row outlives
// it.
#pragma once

#include <backplane/plugin.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bp {

// A value for each tunable, in the row's order.
using KernelConfig = std::vector<int64_t>;

class ConfigSpace {
 public:
  // `deterministic`: a tunable that changes bits has its default alone, so that all buckets have one value.
  ConfigSpace(const bp_kernel& kernel, bool deterministic) : kernel_(kernel), deterministic_(deterministic) {}

  size_t n_tunables() const { return kernel_.n_tunable; }
  // Of the tunable at `index`, the default first.
  std::span<const int64_t> values(size_t index) const;
  // At most `most` + 1.
  size_t count(size_t most) const;
  bool contains(const KernelConfig& config) const;
  // Whether a tunable that changes bits has another value than its default.
  bool changes_bits(const KernelConfig& config) const;
  // All of them, the defaults first.
  std::vector<KernelConfig> all() const;
  // Those that differ from `center` in one tunable.
  std::vector<KernelConfig> around(const KernelConfig& center) const;

 private:
  const bp_kernel& kernel_;
  bool deterministic_;
};

}  // namespace bp
