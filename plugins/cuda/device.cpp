#include "device.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "error.h"

namespace bp::cuda {

const bp_option kOptions[] = {
    {"blas", "bool", "true", "", "", "multiply f32, f16 and bf16 weights by cuBLASLt where it is installed"},
};
const uint32_t kOptionCount = sizeof(kOptions) / sizeof(kOptions[0]);

namespace {

constexpr int kLeastMajor = BP_CUDA_LEAST_ARCH / 10;  // the oldest architecture that kernels were compiled for
constexpr int kLeastMinor = BP_CUDA_LEAST_ARCH % 10;
constexpr uint64_t kGranularity = uint64_t{2} << 20;  // the runtime maps pages of this size

bool option_is(const bp_host_api* host, const char* key, const char* value) {
  char text[64] = {};
  if (!BP_HAS(bp_host_api, host, cfg_get)) return false;
  if (host->cfg_get(host->ctx, key, text, sizeof(text)) != BP_OK) return false;
  text[sizeof(text) - 1] = '\0';
  return std::strcmp(text, value) == 0;
}

// FNV-1a with four offsets: what tuned values depend on.
void fingerprint(const std::string& text, uint8_t (&out)[32]) {
  for (uint64_t lane = 0; lane < 4; ++lane) {
    uint64_t hash = 0xcbf29ce484222325u + lane;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    std::memcpy(out + 8 * lane, &hash, 8);
  }
}

struct Versions {
  int driver = 0, runtime = 0;
};
Versions versions() {
  Versions found;
  static_cast<void>(cudaDriverGetVersion(&found.driver));
  static_cast<void>(cudaRuntimeGetVersion(&found.runtime));
  return found;
}

void describe(int ordinal, const cudaDeviceProp& gpu, const Versions& version, bp_device_info& info) {
  info.ordinal = static_cast<uint32_t>(ordinal);
  info.cls = BP_CLASS_GPU;
  info.score = 100;
  std::snprintf(info.id, sizeof(info.id), "cuda:%d", ordinal);
  plugin::set_text(info.name, gpu.name);
  std::snprintf(info.arch, sizeof(info.arch), "sm_%d%d", gpu.major, gpu.minor);
  std::snprintf(info.driver, sizeof(info.driver), "driver for CUDA %d.%d, runtime %d.%d", version.driver / 1000,
                version.driver % 1000 / 10, version.runtime / 1000, version.runtime % 1000 / 10);
  if (gpu.major < kLeastMajor || (gpu.major == kLeastMajor && gpu.minor < kLeastMinor)) {
    info.score = 0;
    std::snprintf(info.why, sizeof(info.why),
                  "kernels were compiled for sm_%d%d and newer; configure with BACKPLANE_CUDA_ARCHITECTURES=%d%d",
                  kLeastMajor, kLeastMinor, gpu.major, gpu.minor);
  }
  info.mem_total = gpu.totalGlobalMem;
  fingerprint(
      std::string(gpu.name) + "/" + info.arch + "/" + std::to_string(gpu.multiProcessorCount) + "/" + info.driver,
      info.fingerprint);
}

// Why there are no devices.
const char* absence(cudaError_t error) {
  switch (error) {
    case cudaErrorInsufficientDriver:
      return "no NVIDIA driver that serves CUDA 13 is installed";
    case cudaErrorNoDevice:
      return "the NVIDIA driver sees no GPU (nvidia-smi and CUDA_VISIBLE_DEVICES say which)";
    default:
      return cudaGetErrorString(error);
  }
}

}  // namespace

bp_status enumerate_devices(bp_device_info* out, uint32_t stride, uint32_t cap, uint32_t* n, bp_err* err) noexcept {
  *n = 0;
  int count = 0;
  if (const cudaError_t error = cudaGetDeviceCount(&count); error != cudaSuccess) {
    static_cast<void>(cudaGetLastError());
    plugin::set_error(err, BP_OK, "%s", absence(error));
    return BP_OK;
  }
  const Versions version = versions();
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp gpu{};
    if (const bp_status status = check(cudaGetDeviceProperties(&gpu, i), "cudaGetDeviceProperties", err);
        status != BP_OK)
      return status;
    if (static_cast<uint32_t>(i) < cap) {
      bp_device_info info{};
      try {
        describe(i, gpu, version, info);
      } catch (const std::bad_alloc&) {
        return plugin::set_error(err, BP_E_NOMEM, "the system has no more memory");
      }
      plugin::fill(&plugin::at_stride(out, stride, static_cast<uint32_t>(i)), info);
    }
  }
  *n = static_cast<uint32_t>(count);
  return BP_OK;
}

bp_status open_device(const bp_host_api* host, const char* id, bp_device** out, bp_err* err) noexcept {
  int count = 0;
  if (const bp_status status = check(cudaGetDeviceCount(&count), "cudaGetDeviceCount", err); status != BP_OK)
    return status;
  int ordinal = 0;
  for (char name[16] = {}; ordinal < count; ++ordinal) {
    std::snprintf(name, sizeof(name), "cuda:%d", ordinal);
    if (std::strcmp(name, id) == 0) break;
  }
  if (ordinal == count) return plugin::set_error(err, BP_E_INVALID, "there is no GPU of this id");
  std::unique_ptr<bp_device> device(new (std::nothrow) bp_device);
  if (device == nullptr) return plugin::set_error(err, BP_E_NOMEM, "the system has no more memory");
  device->host = host;
  device->ordinal = ordinal;
  if (BP_HAS(bp_host_api, host, intern)) {
    device->stream_type = host->intern(host->ctx, "cuda.stream@1");
    device->pointer_type = host->intern(host->ctx, "cuda.pointer@1");
    device->ordinal_type = host->intern(host->ctx, "cuda.ordinal@1");
    device->event_type = host->intern(host->ctx, "cuda.event@1");
  }
  bp_status status = check(device->use(), "cudaSetDevice", err);
  if (status == BP_OK) status = check(cudaFree(nullptr), "creating a context", err);
  if (status != BP_OK) return status;
  if (!option_is(host, "blas", "false")) device->blas = BlasLt::open();
  *out = device.release();
  return BP_OK;
}

bp_status device_heaps(bp_device* device, bp_heap* out, uint32_t stride, uint32_t cap, uint32_t* n,
                       bp_err* err) noexcept {
  *n = kHeapCount;
  size_t free_bytes = 0, all_bytes = 0;
  bp_status status = check(device->use(), "cudaSetDevice", err);
  if (status == BP_OK) status = check(cudaMemGetInfo(&free_bytes, &all_bytes), "cudaMemGetInfo", err);
  if (status != BP_OK) return status;
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  const uint64_t host_bytes = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * page;
  const uint64_t host_free = static_cast<uint64_t>(::sysconf(_SC_AVPHYS_PAGES)) * page;
  const auto heap = [](uint32_t flags, uint32_t group, uint64_t bytes, uint64_t granularity, uint64_t free_now) {
    bp_heap made{};
    made.flags = flags;
    made.group = group;
    made.bytes = bytes;
    made.granularity = granularity;
    made.max_block = bytes;
    made.free_now = free_now;
    return made;
  };
  bp_heap heaps[kHeapCount];
  heaps[kDeviceHeap] = heap(BP_HEAP_DEVICE, 0, all_bytes, kGranularity, free_bytes);
  heaps[kPinnedHeap] = heap(BP_HEAP_PINNED | BP_HEAP_HOST_VISIBLE, 1, host_bytes, page, host_free);
  for (uint32_t i = 0; i < std::min<uint32_t>(cap, kHeapCount); ++i) {
    plugin::fill(&plugin::at_stride(out, stride, i), heaps[i]);
  }
  return BP_OK;
}

}  // namespace bp::cuda
