#include <new>

#include "device.h"

namespace bp::opencl {

using plugin::set_error;

bp_status cl_failed(bp_err* err, const char* call, cl_int code) noexcept {
  const bool memory = code == CL_OUT_OF_HOST_MEMORY || code == CL_MEM_OBJECT_ALLOCATION_FAILURE ||
                      code == CL_OUT_OF_RESOURCES || code == CL_INVALID_BUFFER_SIZE;
  set_error(err, memory ? BP_E_NOMEM : BP_E_INTERNAL, "opencl: %s failed (%d)", call, code);
  if (err != nullptr) err->native = code;
  return memory ? BP_E_NOMEM : BP_E_INTERNAL;
}

// One heap, which the host does not see: an OpenCL buffer has an address on the device only. OpenCL tells nobody how
// much is free: other processes are not counted.
bp_status heaps(bp_device* device, bp_heap* out, uint32_t, uint32_t cap, uint32_t* n, bp_err*) noexcept {
  *n = 1;
  if (cap == 0) return BP_OK;
  const uint64_t used = device->used_bytes.load();
  bp_heap heap{};
  heap.flags = BP_HEAP_DEVICE;
  heap.bytes = device->total_bytes;
  heap.max_block = device->max_block_bytes;
  heap.free_now = device->total_bytes - (used < device->total_bytes ? used : device->total_bytes);
  plugin::fill(out, heap);
  return BP_OK;
}

bp_status mem_alloc(bp_device* device, const bp_alloc* request, bp_mem** out, void** host, bp_err* err) noexcept {
  if (request->heap != 0 || request->bytes == 0) return set_error(err, BP_E_INVALID, "opencl: there is one heap, 0");
  if (request->bytes > device->max_block_bytes) {
    return set_error(err, BP_E_NOMEM, "opencl: %llu bytes at once, at most %llu",
                     static_cast<unsigned long long>(request->bytes),
                     static_cast<unsigned long long>(device->max_block_bytes));
  }
  cl_int code = CL_SUCCESS;
  Buffer buffer(clCreateBuffer(device->context.get(), CL_MEM_READ_WRITE, request->bytes, nullptr, &code));
  if (code != CL_SUCCESS) return cl_failed(err, "clCreateBuffer", code);
  *out = new (std::nothrow) bp_mem{std::move(buffer), request->bytes};
  if (*out == nullptr) return set_error(err, BP_E_NOMEM, "opencl: out of host memory");
  device->used_bytes += request->bytes;
  *host = nullptr;
  return BP_OK;
}

void mem_free(bp_device* device, bp_mem* memory) noexcept {
  if (memory != nullptr) device->used_bytes -= memory->bytes;
  delete memory;
}

}  // namespace bp::opencl
