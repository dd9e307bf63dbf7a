#include "memory.h"

#include <memory>
#include <new>

#include "device.h"
#include "error.h"

namespace bp::cuda {

bp_status memory_alloc(bp_device* device, const bp_alloc* request, bp_mem** out, void** host_ptr,
                       bp_err* err) noexcept {
  if (request->heap >= kHeapCount) return plugin::set_error(err, BP_E_INVALID, "mem_alloc: there are two heaps");
  if (request->flags != 0) return plugin::set_error(err, BP_E_UNSUPPORTED, "mem_alloc: no memory that peers see");
  std::unique_ptr<bp_mem> memory(new (std::nothrow) bp_mem);
  if (memory == nullptr) return plugin::set_error(err, BP_E_NOMEM, "the system has no more memory");
  memory->size_bytes = request->bytes;
  memory->pinned = request->heap == kPinnedHeap;
  bp_status status = check(device->use(), "cudaSetDevice", err);
  if (status != BP_OK) return status;
  void* bytes = nullptr;
  if (memory->pinned) {
    status =
        check(cudaHostAlloc(&bytes, request->bytes, cudaHostAllocPortable | cudaHostAllocMapped), "cudaHostAlloc", err);
  } else {
    status = check(cudaMalloc(&bytes, request->bytes), "cudaMalloc", err);
  }
  if (status != BP_OK) return status;
  memory->bytes = static_cast<std::byte*>(bytes);
  *host_ptr = memory->pinned ? bytes : nullptr;
  *out = memory.release();
  return BP_OK;
}

void memory_free(bp_device* device, bp_mem* memory) noexcept {
  if (memory == nullptr) return;
  static_cast<void>(device->use());
  // After a fault both fail at once, which is what the host expects then.
  static_cast<void>(memory->pinned ? cudaFreeHost(memory->bytes) : cudaFree(memory->bytes));
  static_cast<void>(cudaGetLastError());
  delete memory;
}

}  // namespace bp::cuda
