#include "ops/op_plan.h"

#include <vector>

#include "device.h"
#include "error.h"
#include "memory.h"
#include "ops/bound.h"
#include "queue.h"

struct bp_plan {
  bp_device* device = nullptr;
  std::unique_ptr<bp::cuda::Op> op;
  bp::cuda::Symbols symbols;
  uint64_t ws_bytes = 0;
};

struct bp_bound {
  const bp_plan* plan = nullptr;
  std::vector<std::byte*> args;
  std::byte* ws = nullptr;
};

namespace bp::cuda {
namespace {

constexpr uint64_t kAlign = 256;  // what the runtime's own allocations have

void fill_info(const Op& op, bp_plan_info* info) {
  info->n_ws = op.ws_bytes() > 0 ? 1 : 0;
  info->internal_bytes = 0;
  info->est_us = 0;
  info->numerics[0] = '\0';
  if (info->n_ws == 0 || info->ws_cap == 0 || info->ws == nullptr) return;
  info->ws->kind = BP_WS_SCRATCH;
  info->ws->bytes = op.ws_bytes();
  info->ws->align = kAlign;
}

// Loads the kernels that a launch will start, so that launches allocate nothing.
bp_status load_kernels(const bp_plan& plan, const bp_region& region, bp_err* err) {
  int64_t dyn[Symbols::kMost] = {};
  for (uint32_t i = 0; i < region.n_sym; ++i) {
    const auto* bytes = reinterpret_cast<const char*>(region.sym) + static_cast<uint64_t>(i) * region.sym_stride;
    dyn[i] = reinterpret_cast<const bp_sym*>(bytes)->max;
  }
  const std::vector<std::byte*> none(region.n_arg, nullptr);
  gpu::Launch at;
  at.load_only = true;
  plan.op->run({at, none.data(), dyn, plan.symbols, reinterpret_cast<std::byte*>(kAlign)});  // nothing looks there
  return check(at.error, "loading a kernel", err);
}

}  // namespace

bp_status query_op(Op& op, const bp_kernel& self, bp_device* device, const bp_region& region, bp_plan_info* info,
                   bp_err* err) {
  const RegionView view(region);
  Symbols symbols;
  const char* why = view.read_symbols(&symbols);
  if (why == nullptr) why = op.init(view, self.user);
  if (why == nullptr) why = op.fits(*device);
  if (why != nullptr) return set_error(err, BP_E_UNSUPPORTED, why);
  if (info != nullptr) fill_info(op, info);
  return BP_OK;
}

bp_status plan_op(std::unique_ptr<Op> op, const bp_kernel& self, bp_device* device, const bp_region& region,
                  bp_plan_info* info, bp_plan** out, bp_err* err) {
  if (op == nullptr) return set_error(err, BP_E_NOMEM, "the system has no more memory");
  if (const bp_status status = query_op(*op, self, device, region, info, err); status != BP_OK) return status;
  try {
    auto plan = std::make_unique<bp_plan>();
    plan->device = device;
    plan->ws_bytes = op->ws_bytes();
    plan->op = std::move(op);
    static_cast<void>(RegionView(region).read_symbols(&plan->symbols));
    bp_status status = check(device->use(), "cudaSetDevice", err);
    if (status == BP_OK) status = check(plan->op->prepare(*device), "plan", err);
    if (status == BP_OK) status = load_kernels(*plan, region, err);
    if (status == BP_OK) *out = plan.release();
    return status;
  } catch (const std::bad_alloc&) {
    return set_error(err, BP_E_NOMEM, "the system has no more memory");
  }
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
      if (args[i].mem == nullptr && args[i].host != nullptr)
        return set_error(err, BP_E_INVALID, "plan_bind: the GPU does not reach the host's memory");
      bound->args.push_back(args[i].mem == nullptr ? nullptr : address(args[i]));
    }
    if (plan->ws_bytes > 0) bound->ws = address(ws[0]);
    *out = bound.release();
    return BP_OK;
  } catch (const std::bad_alloc&) {
    return set_error(err, BP_E_NOMEM, "the system has no more memory");
  }
}

bp_status bound_launch(bp_bound* bound, const bp_launch* launch, bp_err* err) noexcept {
  bp_queue* queue = launch->queue;
  if (const bp_status status = check(queue->device->use(), "cudaSetDevice", err); status != BP_OK) return status;
  gpu::Launch at;
  at.stream = queue->stream;
  const bp_plan& plan = *bound->plan;
  plan.op->run({at, bound->args.data(), launch->dyn, plan.symbols, bound->ws});
  if (const bp_status status = check(at.error, "launch", err); status != BP_OK) return status;
  if (!queue->blame || queue->capturing) return BP_OK;
  return check(cudaStreamSynchronize(queue->stream), "launch", err, launch->tag);
}

void bound_destroy(bp_bound* bound) noexcept { delete bound; }

void plan_destroy(bp_plan* plan) noexcept { delete plan; }

}  // namespace bp::cuda
