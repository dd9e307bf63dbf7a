#include "plugin_host/plan.h"

#include "base/check.h"

namespace bp {

Result<Bound> Plan::bind(std::span<const bp_span> args, std::span<const bp_span> ws) {
  BP_CHECK(ws.size() == info_.workspaces.size(), "{} workspaces, the plan needs {}", ws.size(),
           info_.workspaces.size());
  bp_bound* bound = nullptr;
  BP_TRY_VOID(fault_->call("plan_bind", [&](bp_err* err) {
    return api_->plan_bind(plan_.get(), args.data(), static_cast<uint32_t>(args.size()), ws.data(),
                           static_cast<uint32_t>(ws.size()), &bound, err);
  }));
  if (bound == nullptr) return std::unexpected(fault_->broken("plan_bind", "gave no bound"));
  return Bound({bound, Bound::Destroy{api_}}, api_, fault_);
}

}  // namespace bp
