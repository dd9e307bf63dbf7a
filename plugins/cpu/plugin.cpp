// The border: the manifest, the entry and the C tables. Everything else is behind them.
#include <backplane/x_limits.h>
#include <backplane/plugin_op.hpp>

#include <cstring>
#include <new>
#include <system_error>

#include "device.h"
#include "machine_limits.h"
#include "memory.h"
#include "native.h"
#include "queue.h"
#include "weight_layout.h"

#if defined(__SANITIZE_ADDRESS__)
#define BP_CPU_SANITIZER 1
#elif defined(__SANITIZE_THREAD__)
#define BP_CPU_SANITIZER 2
#else
#define BP_CPU_SANITIZER 0
#endif

BP_MANIFEST("BKPLAN0", BP_ABI_MAJOR, BP_ABI_MAJOR, BP_ABI_MINOR, BP_ABI_MINOR, BP_KIND_DEVICE, 1, BP_CPU_SANITIZER, 0,
            "cpu", "Backplane", "0.1.0", "cpu", "", "install oneDNN 2.6 (libdnnl2 on Debian and Ubuntu)", "", {0});

namespace bp::cpu {
namespace {

const bp_host_api* host_api = nullptr;

bp_status device_kernels(bp_device* device, const bp_kernel* const** out, uint32_t* n, bp_err*) noexcept {
  *out = device->kernels.data();
  *n = static_cast<uint32_t>(device->kernels.size());
  return BP_OK;
}

const void* device_ext(bp_device*, const char* name) noexcept {
  if (std::strcmp(name, BP_EXT_X_LIMITS) == 0) return &kLimits;
  return std::strcmp(name, "native/1") == 0 ? &kNative : nullptr;
}

constexpr bp_device_api make_device_api() {
  bp_device_api api{};
  api.struct_size = sizeof(bp_device_api);
  api.flags = BP_DEV_INLINE;
  api.heaps = device_heaps;
  api.mem_alloc = memory_alloc;
  api.mem_free = memory_free;
  api.queue_create = queue_create;
  api.queue_destroy = queue_destroy;
  api.queue_sync = queue_sync;
  api.copy = queue_copy;
  api.mem_import = memory_import;
  api.kernels = device_kernels;
  api.layout_info = weight_layout_info;
  api.pack = weight_pack;
  plugin::add_op_functions(api);
  api.ext = device_ext;
  return api;
}
const bp_device_api kDeviceApi = make_device_api();

bp_status enumerate(bp_device_info* out, uint32_t, uint32_t cap, uint32_t* n, bp_err*) noexcept {
  *n = 1;
  if (cap == 0) return BP_OK;
  bp_device_info info{};
  describe_device(&info, allowed_isa(host_api));
  bp::plugin::fill(out, info);
  return BP_OK;
}

bp_status open(const char* id, bp_device** out, const bp_device_api** api, bp_err* err) noexcept {
  if (std::strcmp(id, "cpu:0") != 0) return plugin::set_error(err, BP_E_INVALID, "there is one device, cpu:0");
  if (allowed_isa(host_api) == IsaLevel::kNone)
    return plugin::set_error(err, BP_E_UNSUPPORTED, "the processor lacks AVX2, FMA or F16C");
  try {
    *out = open_device(host_api).release();
    *api = &kDeviceApi;
    return BP_OK;
  } catch (const std::bad_alloc&) {
    return plugin::set_error(err, BP_E_NOMEM, "the system has no more memory");
  } catch (const std::system_error&) {
    return plugin::set_error(err, BP_E_NOMEM, "the system gives no more threads");
  }
}

void close(bp_device* device) noexcept { delete device; }

bp_status shutdown(bp_err*) noexcept { return BP_OK; }

}  // namespace
}  // namespace bp::cpu

bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err*) noexcept {
  bp::cpu::host_api = host;
  bp_plugin_api api{};
  api.abi_minor = BP_ABI_MINOR;
  api.option = bp::cpu::kOptions;
  api.n_option = bp::cpu::kOptionCount;
  api.option_stride = sizeof(bp_option);
  api.enumerate = bp::cpu::enumerate;
  api.open = bp::cpu::open;
  api.close = bp::cpu::close;
  api.shutdown = bp::cpu::shutdown;
  bp::plugin::fill(out, api);
  return BP_OK;
}
