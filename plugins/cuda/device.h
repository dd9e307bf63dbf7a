// A GPU as a device: its options, heaps and what all its parts share. One for each open(); any thread.
#pragma once

#include <backplane/plugin.h>
#include <cuda_runtime_api.h>

#include <atomic>
#include <memory>
#include <span>

#include "blas_lt.h"

struct bp_device {
  const bp_host_api* host = nullptr;
  int ordinal = 0;
  // Interned names of what native/1 gives; 0 where the host interns nothing.
  uint32_t stream_type = 0, pointer_type = 0, ordinal_type = 0, event_type = 0;
  std::unique_ptr<bp::cuda::BlasLt> blas;  // null: cuBLASLt is not there, or switched off

  // The runtime keeps the device of each thread.
  cudaError_t use() const { return cudaSetDevice(ordinal); }
};

namespace bp::cuda {

// What [plugin.cuda] may say.
extern const bp_option kOptions[];
extern const uint32_t kOptionCount;

// Writes the first `cap` devices and their number; creates no context. Without a driver: none, and err->msg says why.
bp_status enumerate_devices(bp_device_info* out, uint32_t stride, uint32_t cap, uint32_t* n, bp_err* err) noexcept;
// `id` as enumerated. Creates the context.
bp_status open_device(const bp_host_api* host, const char* id, bp_device** out, bp_err* err) noexcept;

bp_status device_heaps(bp_device* device, bp_heap* out, uint32_t stride, uint32_t cap, uint32_t* n,
                       bp_err* err) noexcept;
enum HeapNumber : uint32_t { kDeviceHeap, kPinnedHeap, kHeapCount };

}  // namespace bp::cuda
