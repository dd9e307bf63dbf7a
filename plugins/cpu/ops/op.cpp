#include "ops/op.h"

#include "device.h"
#include "memory.h"
#include "queue.h"

namespace bp::cpu {

const char* Op::accept(const RegionView& region, const bp_device& device, const void* user) {
  return init(region, {device.isa >= IsaLevel::kAvx512, device.isa, static_cast<int>(device.team->size())}, user);
}

std::byte* Op::address(const bp_span& span) const { return cpu::address(span); }

bp_status Op::launch(const plugin::Addresses& at, const bp_launch& launch, bp_err*) const {
  run({at.args, launch.dyn, at.ws, launch.queue->device->team.get()});
  return BP_OK;
}

}  // namespace bp::cpu
