// The border: which devices there are, opening them, and the table of functions. The manifest is in CMakeLists.txt.
#include <cstring>
#include <string>
#include <vector>

#include "device.h"
#include "work.h"

namespace bp::opencl {
namespace {

using plugin::set_error;

const bp_host_api* host_api = nullptr;

// All devices of all platforms, in the order of OpenCL; opens none. No platform is no error: a machine without.
std::vector<cl_device_id> all_devices() {
  cl_uint n_platforms = 0;
  if (clGetPlatformIDs(0, nullptr, &n_platforms) != CL_SUCCESS) return {};
  std::vector<cl_platform_id> platforms(n_platforms);
  clGetPlatformIDs(n_platforms, platforms.data(), nullptr);
  std::vector<cl_device_id> all;
  for (cl_platform_id platform : platforms) {
    cl_uint n = 0;
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, nullptr, &n) != CL_SUCCESS || n == 0) continue;
    std::vector<cl_device_id> devices(n);
    clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, n, devices.data(), nullptr);
    all.insert(all.end(), devices.begin(), devices.end());
  }
  return all;
}

std::string text_of(cl_device_id device, cl_device_info what) {
  size_t bytes = 0;
  if (clGetDeviceInfo(device, what, 0, nullptr, &bytes) != CL_SUCCESS || bytes == 0) return {};
  std::string text(bytes, '\0');
  clGetDeviceInfo(device, what, bytes, text.data(), nullptr);
  text.resize(std::strlen(text.c_str()));
  return text;
}

template <class T>
T number_of(cl_device_id device, cl_device_info what) {
  T value{};
  clGetDeviceInfo(device, what, sizeof value, &value, nullptr);
  return value;
}

std::string id_of(size_t ordinal) { return "opencl:" + std::to_string(ordinal); }

// FNV-1a with four offsets.
void hash(const std::string& text, uint8_t (&out)[32]) {
  for (uint64_t lane = 0; lane < 4; ++lane) {
    uint64_t value = 0xcbf29ce484222325u + lane;
    for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    std::memcpy(out + 8 * lane, &value, 8);
  }
}

bp_device_info describe(cl_device_id device, size_t ordinal) {
  bp_device_info info{};
  info.ordinal = static_cast<uint32_t>(ordinal);
  const auto type = number_of<cl_device_type>(device, CL_DEVICE_TYPE);
  const bool gpu = (type & CL_DEVICE_TYPE_GPU) != 0;
  info.cls = gpu ? BP_CLASS_GPU : (type & CL_DEVICE_TYPE_CPU) != 0 ? BP_CLASS_CPU : BP_CLASS_ACCEL;
  info.score = gpu ? 20 : 2;  // on a processor, its own plugin is the better one
  const bool fits = number_of<size_t>(device, CL_DEVICE_MAX_WORK_GROUP_SIZE) >= kGroup &&
                    number_of<size_t>(device, CL_DEVICE_MAX_PARAMETER_SIZE) >= sizeof(Args) + kParams * sizeof(void*);
  const bool usable = number_of<cl_bool>(device, CL_DEVICE_AVAILABLE) != 0 &&
                      number_of<cl_bool>(device, CL_DEVICE_COMPILER_AVAILABLE) != 0 &&
                      number_of<cl_bool>(device, CL_DEVICE_ENDIAN_LITTLE) != 0;
  if (!usable) {
    info.score = 0;
    plugin::set_text(info.why, "the driver has no compiler, or the device is not available; install a full driver");
  }
  if (usable && !fits) {
    info.score = 0;
    plugin::set_text(info.why, "its groups of work-items, or a kernel's parameters, are too small; use another device");
  }
  const std::string driver = text_of(device, CL_DRIVER_VERSION) + ", " + text_of(device, CL_DEVICE_VERSION);
  plugin::set_text(info.id, id_of(ordinal));
  plugin::set_text(info.name, text_of(device, CL_DEVICE_NAME));
  plugin::set_text(info.arch, text_of(device, CL_DEVICE_VENDOR));
  plugin::set_text(info.driver, driver);
  hash(text_of(device, CL_DEVICE_NAME) + driver +
           std::to_string(number_of<cl_uint>(device, CL_DEVICE_MAX_COMPUTE_UNITS)),
       info.fingerprint);
  info.mem_total = number_of<cl_ulong>(device, CL_DEVICE_GLOBAL_MEM_SIZE);
  return info;
}

bp_status enumerate(bp_device_info* out, uint32_t stride, uint32_t cap, uint32_t* n, bp_err* err) noexcept {
  return plugin::guard(err, [&] {
    const std::vector<cl_device_id> devices = all_devices();
    *n = static_cast<uint32_t>(devices.size());
    for (uint32_t i = 0; i < *n && i < cap; ++i)
      plugin::fill(&plugin::at_stride(out, stride, i), describe(devices[i], i));
  });
}

bp_device_api make_table() {
  bp_device_api table{};
  table.struct_size = sizeof table;
  table.flags = BP_DEV_COPY_ASYNC;
  table.heaps = heaps, table.mem_alloc = mem_alloc, table.mem_free = mem_free;
  table.queue_create = queue_create, table.queue_destroy = queue_destroy, table.queue_sync = queue_sync;
  table.copy = copy;
  table.kernels = kernels;
  plugin::add_op_functions(table);
  table.event_create = event_create, table.event_destroy = event_destroy, table.event_record = event_record;
  table.event_wait = event_wait, table.event_sync = event_sync, table.event_elapsed = event_elapsed;
  return table;
}

bp_status open(const char* id, bp_device** out, const bp_device_api** api, bp_err* err) noexcept {
  return plugin::guard(err, [&]() -> bp_status {
    static const bp_device_api table = make_table();
    const std::vector<cl_device_id> devices = all_devices();
    size_t at = 0;
    while (at < devices.size() && id_of(at) != id) ++at;
    if (at == devices.size()) return set_error(err, BP_E_INVALID, "opencl: there is no device %s", id);
    auto device = std::make_unique<bp_device>();
    device->host = host_api;
    device->id = devices[at];
    device->total_bytes = number_of<cl_ulong>(device->id, CL_DEVICE_GLOBAL_MEM_SIZE);
    device->max_block_bytes = number_of<cl_ulong>(device->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    cl_int code = CL_SUCCESS;
    device->context.reset(clCreateContext(nullptr, 1, &device->id, nullptr, nullptr, &code));
    if (code != CL_SUCCESS) return cl_failed(err, "clCreateContext", code);
    *out = device.release();
    *api = &table;
    return BP_OK;
  });
}

void close(bp_device* device) noexcept { delete device; }

}  // namespace
}  // namespace bp::opencl

bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err*) noexcept {
  bp::opencl::host_api = host;
  bp_plugin_api api{};
  api.abi_minor = BP_ABI_MINOR;
  api.enumerate = bp::opencl::enumerate, api.open = bp::opencl::open, api.close = bp::opencl::close;
  bp::plugin::fill(out, api);
  return BP_OK;
}
