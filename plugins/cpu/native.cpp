#include "native.h"

#include <backplane/plugin.hpp>

#include "device.h"
#include "memory.h"
#include "queue.h"

namespace bp::cpu {
namespace {

void parallel_for(void* team, int64_t n, void (*f)(void* arg, int64_t i), void* arg) noexcept {
  static_cast<ThreadTeam*>(team)->parallel_for(n, [f, arg](int64_t i) { f(arg, i); });
}

bp_status get(bp_device* device, uint32_t kind, const void* object, uint32_t type, uint64_t* out,
              bp_err* err) noexcept {
  if (type != 0 && type == device->pointer_type && kind == BP_OBJ_MEM && object != nullptr) {
    *out = reinterpret_cast<uint64_t>(static_cast<const bp_mem*>(object)->bytes);
    return BP_OK;
  }
  if (type != 0 && type == device->team_type && (kind == BP_OBJ_DEVICE || kind == BP_OBJ_QUEUE)) {
    *out = reinterpret_cast<uint64_t>(&device->team_table);
    return BP_OK;
  }
  return plugin::set_error(err, BP_E_UNSUPPORTED,
                           "cpu: native types are " BP_CPU_POINTER " of memory and " BP_CPU_PARALLEL_FOR
                           " of the device and its queues");
}

}  // namespace

const bp_ext_native kNative = {sizeof(bp_ext_native), 0, get};

bp_cpu_team team_for_others(ThreadTeam& team) {
  return {sizeof(bp_cpu_team), static_cast<uint32_t>(team.size()), &team, parallel_for};
}

}  // namespace bp::cpu
