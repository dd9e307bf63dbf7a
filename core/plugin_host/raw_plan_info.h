// What a kernel's query() and plan() fill in, and what of it can be true. Thread-safety: values and pure functions.
#pragma once

#include <backplane/plugin.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/result.h"
#include "plugin_host/device_fault.h"
#include "plugin_host/out_struct.h"
#include "plugin_host/plan.h"

namespace bp {

// With room for so many workspaces.
struct RawPlanInfo {
  OutStruct<bp_plan_info> out;
  std::vector<bp_ws_need> ws;  // the last is nobody's

  explicit RawPlanInfo(uint32_t n_ws) : ws(n_ws + 1) {
    for (bp_ws_need& need : std::span(ws).first(n_ws)) need.struct_size = sizeof need;
    out.value.ws = ws.data();
    out.value.ws_cap = n_ws;
    out.value.ws_stride = sizeof(bp_ws_need);
  }
  uint32_t n_ws() const { return out.value.n_ws; }
  bool too_small() const { return n_ws() >= ws.size(); }
  bool is_overrun() const {
    const bp_ws_need untouched{};
    return out.is_overrun() || std::memcmp(&ws.back(), &untouched, sizeof untouched) != 0;
  }
};

// A power of two within reason.
bool is_sane_align(uint64_t align);

// `call`: "query" or "plan", which filled it in. kDevice where it breaks plugin.h.
Result<PlanInfo> read_plan_info(const DeviceFault& fault, const char* call, const bp_kernel& kernel,
                                const RawPlanInfo& raw);

}  // namespace bp
