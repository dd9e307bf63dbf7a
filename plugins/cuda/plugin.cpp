// The border: the manifest, the entry and the C tables. Everything else is behind them.
#include <backplane/plugin_op.hpp>

#include <cstring>

#include "device.h"
#include "event.h"
#include "graph.h"
#include "kernel_table.h"
#include "memory.h"
#include "native.h"
#include "queue.h"

BP_MANIFEST("BKPLAN0", BP_ABI_MAJOR, BP_ABI_MAJOR, BP_ABI_MINOR, BP_ABI_MINOR, BP_KIND_DEVICE, BP_ISA_X86_64_V1,
            BP_BUILD_SANITIZER, 0, "cuda", "Backplane", "0.1.0", "cuda", "libcuda.so.1?;libcublasLt.so.13?",
            "install an NVIDIA driver of version 580 or newer", "", {0});

namespace bp::cuda {
namespace {

const bp_host_api* host_api = nullptr;

bp_status device_kernels(bp_device*, const bp_kernel* const** out, uint32_t* n, bp_err*) noexcept {
  const auto table = kernel_table();
  *out = table.data();
  *n = static_cast<uint32_t>(table.size());
  return BP_OK;
}

const void* device_ext(bp_device*, const char* name) noexcept {
  if (std::strcmp(name, "graph/1") == 0) return &kGraphApi;
  return std::strcmp(name, "native/1") == 0 ? &kNativeApi : nullptr;
}

constexpr bp_device_api make_device_api() {
  bp_device_api api{};
  api.struct_size = sizeof(bp_device_api);
  api.flags = BP_DEV_COPY_ASYNC;
  api.heaps = device_heaps;
  api.mem_alloc = memory_alloc;
  api.mem_free = memory_free;
  api.queue_create = queue_create;
  api.queue_destroy = queue_destroy;
  api.queue_sync = queue_sync;
  api.copy = queue_copy;
  api.kernels = device_kernels;
  plugin::add_op_functions(api);
  api.event_create = event_create;
  api.event_destroy = event_destroy;
  api.event_record = event_record;
  api.event_wait = event_wait;
  api.event_sync = event_sync;
  api.event_elapsed = event_elapsed;
  api.ext = device_ext;
  return api;
}
const bp_device_api kDeviceApi = make_device_api();

bp_status open(const char* id, bp_device** out, const bp_device_api** api, bp_err* err) noexcept {
  const bp_status status = open_device(host_api, id, out, err);
  if (status == BP_OK) *api = &kDeviceApi;
  return status;
}

void close(bp_device* device) noexcept { delete device; }

bp_status shutdown(bp_err*) noexcept { return BP_OK; }

}  // namespace
}  // namespace bp::cuda

bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err*) noexcept {
  bp::cuda::host_api = host;
  bp_plugin_api api{};
  api.abi_minor = BP_ABI_MINOR;
  api.option = bp::cuda::kOptions;
  api.n_option = bp::cuda::kOptionCount;
  api.option_stride = sizeof(bp_option);
  api.enumerate = bp::cuda::enumerate_devices;
  api.open = bp::cuda::open;
  api.close = bp::cuda::close;
  api.shutdown = bp::cuda::shutdown;
  bp::plugin::fill(out, api);
  return BP_OK;
}
