#include "native.h"

#include "device.h"
#include "error.h"
#include "event.h"
#include "memory.h"
#include "queue.h"

namespace bp::cuda {
namespace {

bp_status native_get(bp_device* device, uint32_t kind, const void* obj, uint32_t type, uint64_t* out,
                     bp_err* err) noexcept {
  const auto give = [&](auto value) {
    *out = reinterpret_cast<uint64_t>(value);
    return BP_OK;
  };
  if (type == 0) return plugin::set_error(err, BP_E_UNSUPPORTED, "native/1: no type");
  if (kind == BP_OBJ_QUEUE && type == device->stream_type) return give(static_cast<const bp_queue*>(obj)->stream);
  if (kind == BP_OBJ_MEM && type == device->pointer_type) return give(static_cast<const bp_mem*>(obj)->bytes);
  if (kind == BP_OBJ_EVENT && type == device->event_type) return give(static_cast<const bp_event*>(obj)->event);
  if (kind == BP_OBJ_DEVICE && type == device->ordinal_type) {
    *out = static_cast<uint64_t>(device->ordinal);
    return BP_OK;
  }
  return plugin::set_error(err, BP_E_UNSUPPORTED, "native/1: no such type of this object");
}

}  // namespace

const bp_ext_native kNativeApi = {sizeof(bp_ext_native), 0, native_get};

}  // namespace bp::cuda
