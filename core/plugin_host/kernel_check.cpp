#include <fmt/format.h>

#include <set>

#include "plugin_host/contained_text.h"
#include "plugin_host/table_check.h"

namespace bp {
namespace {

constexpr uint32_t kMaxKernels = 1 << 16;
constexpr uint32_t kMaxTunables = 64;
constexpr uint32_t kMaxTunableValues = 4096;
constexpr size_t kMaxIdBytes = 128;
constexpr size_t kMaxTextBytes = 4096;
constexpr uint32_t kMaxKernelBytes = 1 << 16;
// A row is read in place, so that all of the first version must be there.
constexpr size_t kKernelBytesV0 = offsetof(bp_kernel, plan) + sizeof(bp_kernel::plan);

std::unexpected<Refusal> bad(std::string reason) {
  return refuse(Verdict::kBadTable, std::move(reason), "report this to the plugin's author");
}

Checked<void> check_tunables(const bp_kernel& kernel) {
  if (kernel.n_tunable == 0) return {};
  if (kernel.tunable == nullptr || kernel.n_tunable > kMaxTunables || kernel.tunable_stride < sizeof(bp_tunable) ||
      kernel.tunable_stride > kMaxTextBytes || kernel.tunable_stride % alignof(bp_tunable) != 0) {
    return bad(
        fmt::format("kernel \"{}\": {} tunables of {} bytes", kernel.id, kernel.n_tunable, kernel.tunable_stride));
  }
  for (uint32_t i = 0; i < kernel.n_tunable; ++i) {
    const auto* at =
        reinterpret_cast<const std::byte*>(kernel.tunable) + static_cast<size_t>(i) * kernel.tunable_stride;
    const auto& tunable = *reinterpret_cast<const bp_tunable*>(at);
    const auto name = bounded_text(tunable.name, kMaxIdBytes);
    if (!name || !is_identifier(*name)) return bad(fmt::format("kernel \"{}\": tunable {} has no name", kernel.id, i));
    if (tunable.value == nullptr || tunable.n == 0 || tunable.n > kMaxTunableValues) {
      return bad(fmt::format("kernel \"{}\": tunable \"{}\" has {} values", kernel.id, *name, tunable.n));
    }
  }
  return {};
}

Checked<void> check_texts(const bp_kernel& kernel) {
  const auto pattern = bounded_text(kernel.pattern, kMaxTextBytes);
  if (!pattern || pattern->empty()) return bad(fmt::format("kernel \"{}\" has no pattern", kernel.id));
  for (const char* text : {kernel.where, kernel.layouts, kernel.alias, kernel.numerics}) {
    if (text != nullptr && !bounded_text(text, kMaxTextBytes)) {
      return bad(fmt::format("kernel \"{}\": a text is longer than {} bytes", kernel.id, kMaxTextBytes));
    }
  }
  return {};
}

Checked<void> check_kernel(const bp_kernel* kernel, uint32_t index) {
  if (kernel == nullptr) return bad(fmt::format("kernel {} is null", index));
  if (reinterpret_cast<uintptr_t>(kernel) % alignof(bp_kernel) != 0)
    return bad(fmt::format("kernel {} is at an odd address", index));
  if (kernel->struct_size < kKernelBytesV0 || kernel->struct_size > kMaxKernelBytes) {
    return bad(
        fmt::format("kernel {}: struct_size is {}, at least {} wanted", index, kernel->struct_size, kKernelBytesV0));
  }
  const auto id = bounded_text(kernel->id, kMaxIdBytes);
  if (!id || !is_identifier(*id)) return bad(fmt::format("kernel {} has no id", index));
  if (kernel->plan == nullptr) return bad(fmt::format("kernel \"{}\" has no plan function", *id));
  if (auto texts = check_texts(*kernel); !texts) return texts;
  return check_tunables(*kernel);
}

}  // namespace

Checked<void> check_kernels(const bp_kernel* const* kernels, uint32_t n) {
  if (n > kMaxKernels) return bad(fmt::format("{} kernels, at most {}", n, kMaxKernels));
  if (n > 0 && kernels == nullptr) return bad(fmt::format("no kernel table, but {} kernels", n));
  std::set<std::string_view> ids;
  for (uint32_t i = 0; i < n; ++i) {
    if (auto kernel = check_kernel(kernels[i], i); !kernel) return kernel;
    if (!ids.insert(kernels[i]->id).second) return bad(fmt::format("kernel id \"{}\" is there twice", kernels[i]->id));
  }
  return {};
}

}  // namespace bp
