#include "plugin_host/raw_plan_info.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plugin_host/contained_text.h"
#include "plugin_host/memory.h"

namespace bp {

bool is_sane_align(uint64_t align) { return (align & (align - 1)) == 0 && align <= kAbsurdAlign; }

Result<PlanInfo> read_plan_info(const DeviceFault& fault, const char* call, const bp_kernel& kernel,
                                const RawPlanInfo& raw) {
  const auto broken = [&](const std::string& what) {
    return std::unexpected(fault.broken(call, fmt::format("of kernel {} {}", kernel.id, what)));
  };
  const bp_plan_info& said = raw.out.value;
  if (raw.is_overrun()) return broken("wrote past the room it was given");
  if (raw.too_small()) return broken(fmt::format("wants {} workspaces, then more", said.n_ws));
  if (said.internal_bytes > kAbsurdBytes)
    return broken(fmt::format("says that a library keeps {} bytes", said.internal_bytes));
  PlanInfo info{.workspaces = {raw.ws.begin(), raw.ws.begin() + said.n_ws}, .internal_bytes = said.internal_bytes};
  for (bp_ws_need& need : info.workspaces) {
    need.align = std::max<uint64_t>(need.align, 1);
    if (!is_sane_align(need.align) || need.kind > BP_WS_SYMMETRIC || need.bytes > kAbsurdBytes) {
      return broken(
          fmt::format("wants a workspace of kind {}, {} bytes aligned to {}", need.kind, need.bytes, need.align));
    }
  }
  if (std::isfinite(said.est_us)) info.est_us = std::max(said.est_us, 0.0);
  info.numerics = printable(said.numerics, sizeof said.numerics);
  if (info.numerics.empty() && kernel.numerics != nullptr) info.numerics = kernel.numerics;
  return info;
}

}  // namespace bp
