#include "ops/op_plan.h"

#include <cstring>
#include <vector>

#include "device.h"
#include "memory.h"
#include "ops/bound.h"
#include "queue.h"
#include "text.h"

struct bp_plan {
  std::unique_ptr<bp::cpu::Op> op;
  uint64_t ws_bytes = 0;
};

struct bp_bound {
  const bp_plan* plan = nullptr;
  std::vector<std::byte*> args;
  std::byte* ws = nullptr;
};

namespace bp::cpu {
namespace {

constexpr uint64_t kAlign = 64;

OpTarget target_of(const bp_device& device) {
  return {device.isa >= IsaLevel::kAvx512, device.isa, static_cast<int>(device.team->size())};
}

void fill_info(const Op& op, bp_plan_info* info) {
  if (info == nullptr) return;
  info->n_ws = op.ws_bytes() > 0 ? 1 : 0;
  info->internal_bytes = op.internal_bytes();
  info->est_us = 0;
  info->numerics[0] = '\0';
  if (info->n_ws == 0 || info->ws_cap == 0 || info->ws == nullptr) return;
  info->ws->kind = BP_WS_SCRATCH;
  info->ws->bytes = op.ws_bytes();
  info->ws->align = kAlign;
}

}  // namespace

bp_status query_op(Op& op, const bp_kernel& self, bp_device* device, const bp_region& region, bp_plan_info* info,
                   bp_err* err) {
  const RegionView view(region);
  if (const char* why = op.init(view, target_of(*device), self.user); why != nullptr) {
    return set_error(err, BP_E_UNSUPPORTED, why);
  }
  fill_info(op, info);
  return BP_OK;
}

bp_status plan_op(std::unique_ptr<Op> op, const bp_kernel& self, bp_device* device, const bp_region& region,
                  bp_plan_info* info, bp_plan** out, bp_err* err) {
  if (op == nullptr) return set_error(err, BP_E_NOMEM, "the system has no more memory");
  if (const bp_status status = query_op(*op, self, device, region, info, err); status != BP_OK) return status;
  auto* plan = new (std::nothrow) bp_plan;
  if (plan == nullptr) return set_error(err, BP_E_NOMEM, "the system has no more memory");
  plan->ws_bytes = op->ws_bytes();
  plan->op = std::move(op);
  *out = plan;
  return BP_OK;
}

bp_status plan_bind(bp_plan* plan, const bp_span* args, uint32_t n, const bp_span* ws, uint32_t n_ws, bp_bound** out,
                    bp_err* err) noexcept {
  if (plan->ws_bytes > 0 && (n_ws == 0 || ws[0].bytes < plan->ws_bytes)) {
    return set_error(err, BP_E_INVALID, "the workspace is smaller than the plan asked for");
  }
  try {
    auto bound = std::make_unique<bp_bound>();
    bound->plan = plan;
    for (uint32_t i = 0; i < n; ++i) {
      const bool absent = args[i].mem == nullptr && args[i].host == nullptr;
      bound->args.push_back(absent ? nullptr : address(args[i]));
    }
    if (plan->ws_bytes > 0) bound->ws = address(ws[0]);
    *out = bound.release();
    return BP_OK;
  } catch (const std::bad_alloc&) {
    return set_error(err, BP_E_NOMEM, "the system has no more memory");
  }
}

bp_status bound_launch(bp_bound* bound, const bp_launch* launch, bp_err*) noexcept {
  bound->plan->op->run({bound->args.data(), launch->dyn, bound->ws, launch->queue->device->team.get()});
  return BP_OK;
}

void bound_destroy(bp_bound* bound) noexcept { delete bound; }

void plan_destroy(bp_plan* plan) noexcept { delete plan; }

}  // namespace bp::cpu
