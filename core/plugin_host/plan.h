// A kernel planned for a region, and bound to memory. Movable; destroyed with the object. The device outlives both, and
// a plan its bounds. Plans and bounds go back to the table of the plugin that made the kernel, attached ones included.
// Thread-safety: plan and bind on any thread; a bound is in flight on one queue at a time.
#pragma once

#include <backplane/plugin.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "plugin_host/device_fault.h"
#include "plugin_host/queue.h"

namespace bp {

// What a kernel needs and promises for one region. From query(): upper bounds that plan() keeps.
struct PlanInfo {
  std::vector<bp_ws_need> workspaces;  // bind() takes spans in this order
  uint64_t internal_bytes = 0;         // what a library below keeps for itself
  double est_us = 0;                   // 0 = not known
  std::string numerics{};              // equal strings, equal bits; empty = unlike any other
};

class Bound {
 public:
  Bound() = default;
  bp_bound* handle() const { return bound_.get(); }

  // Enqueues one run. dyn[i]: the extent of the region's symbol i, or its bound; it is read before the call returns.
  // `tag` comes back in the error of a fault. The error may be that of an earlier launch: `site`, if not null, says so;
  // see plugin.h, "Faults".
  Status launch(Queue& queue, std::span<const int64_t> dyn, uint64_t tag, FaultSite* site = nullptr) {
    const bp_launch args{sizeof(bp_launch), static_cast<uint32_t>(dyn.size()), queue.handle(), dyn.data(), tag};
    return fault_->call("launch", queue.handle(), [&](bp_err* err) {
      const bp_status status = api_->launch(bound_.get(), &args, err);
      if (status != BP_OK && site != nullptr) *site = {scope_of(status, *err), err->launch_tag};
      return status;
    });
  }

 private:
  friend class Plan;
  struct Destroy {
    const bp_device_api* api;
    void operator()(bp_bound* bound) const { api->bound_destroy(bound); }
  };
  Bound(std::unique_ptr<bp_bound, Destroy> bound, const bp_device_api* api, DeviceFault* fault)
      : bound_(std::move(bound)), api_(api), fault_(fault) {}

  std::unique_ptr<bp_bound, Destroy> bound_;
  const bp_device_api* api_ = nullptr;
  DeviceFault* fault_ = nullptr;
};

class Plan {
 public:
  Plan() = default;
  const PlanInfo& info() const { return info_; }

  // `args` in the order of region.arg, `ws` in that of info().workspaces. The memory outlives the bound.
  Result<Bound> bind(std::span<const bp_span> args, std::span<const bp_span> ws);

 private:
  friend class Device;
  struct Destroy {
    const bp_device_api* api;
    void operator()(bp_plan* plan) const { api->plan_destroy(plan); }
  };
  Plan(std::unique_ptr<bp_plan, Destroy> plan, const bp_device_api* api, DeviceFault* fault, PlanInfo info)
      : plan_(std::move(plan)), api_(api), fault_(fault), info_(std::move(info)) {}

  std::unique_ptr<bp_plan, Destroy> plan_;
  const bp_device_api* api_ = nullptr;
  DeviceFault* fault_ = nullptr;
  PlanInfo info_;
};

}  // namespace bp
