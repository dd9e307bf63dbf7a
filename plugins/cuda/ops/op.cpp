#include "ops/op.h"

#include <vector>

#include "device.h"
#include "error.h"
#include "memory.h"
#include "queue.h"

namespace bp::cuda {
namespace {

constexpr uint64_t kAlign = 256;  // what the runtime's own allocations have

}  // namespace

gpu::Extent OpRun::extent(const Tensor& t, uint32_t d) const {
  gpu::Extent out;
  if (t.is_static(d)) {
    out.bound = t.dim[d];
    return out;
  }
  const auto sym = static_cast<uint32_t>(t.sym[d]);
  out.bound = dyn[sym];
  const Symbols::Symbol& symbol = symbols.symbol[sym];
  if (symbol.len_slot < 0 || args == nullptr) return out;
  out.len = reinterpret_cast<const int32_t*>(args[symbol.len_slot]);
  out.mul = symbol.mul;
  out.add = symbol.add;
  return out;
}

gpu::Shape OpRun::shape(const Tensor& t) const {
  gpu::Shape out;
  out.rank = static_cast<int>(t.rank);
  for (uint32_t d = 0; d < t.rank; ++d) out.dim[d] = extent(t, d);
  return out;
}

gpu::Count OpRun::count(const Tensor& t, uint32_t begin, uint32_t end) const {
  gpu::Count out;
  int n = 0;
  for (uint32_t d = begin; d < end; ++d) {
    if (t.is_static(d)) {
      out.fixed *= t.dim[d];
    } else if (n++ == 0) {
      out.a = extent(t, d);
    } else {
      out.b = extent(t, d);
    }
  }
  return out;
}

uint64_t Op::ws_align() const { return kAlign; }

const char* Op::accept(const RegionView& region, const bp_device& device, const void* user) {
  const char* why = read_symbols(region.region(), &symbols_);
  if (why == nullptr) why = init(region, user);
  return why != nullptr ? why : fits(device);
}

bp_status Op::make_ready(bp_device& device, const bp_region& region, bp_err* err) {
  bp_status status = check(device.use(), "cudaSetDevice", err);
  if (status == BP_OK) status = check(prepare(device), "plan", err);
  return status == BP_OK ? load_kernels(region, err) : status;
}

// The kernels that a launch will start, so that launches allocate nothing.
bp_status Op::load_kernels(const bp_region& region, bp_err* err) const {
  int64_t dyn[Symbols::kMost] = {};
  for (uint32_t i = 0; i < region.n_sym; ++i) dyn[i] = plugin::at_stride(region.sym, region.sym_stride, i).max;
  const std::vector<std::byte*> none(region.n_arg, nullptr);
  gpu::Launch at;
  at.load_only = true;
  run({at, none.data(), dyn, symbols_, reinterpret_cast<std::byte*>(kAlign)});  // nothing looks there
  return check(at.error, "loading a kernel", err);
}

bp_status Op::launch(const plugin::Addresses& addresses, const bp_launch& launch, bp_err* err) const {
  bp_queue* queue = launch.queue;
  if (const bp_status status = check(queue->device->use(), "cudaSetDevice", err); status != BP_OK) return status;
  gpu::Launch at;
  at.stream = queue->stream;
  run({at, addresses.args, launch.dyn, symbols_, addresses.ws});
  if (const bp_status status = check(at.error, "launch", err); status != BP_OK) return status;
  if (!queue->blame || queue->capturing) return BP_OK;
  return check(cudaStreamSynchronize(queue->stream), "launch", err, launch.tag);
}

std::byte* Op::address(const bp_span& span) const { return span.mem == nullptr ? nullptr : cuda::address(span); }

}  // namespace bp::cuda
