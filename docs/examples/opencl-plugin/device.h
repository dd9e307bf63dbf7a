// One OpenCL device with its context, and what lives on it. A bp_device is used from any thread; see plugin.h.
#pragma once

#include <CL/cl.h>
#include <backplane/plugin.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>

namespace bp::opencl {

template <auto Release>
struct Releaser {
  template <class T>
  void operator()(T* handle) const {
    Release(handle);
  }
};
template <class Handle, auto Release>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, Releaser<Release>>;

using Context = Owned<cl_context, clReleaseContext>;
using Program = Owned<cl_program, clReleaseProgram>;
using Kernel = Owned<cl_kernel, clReleaseKernel>;
using Buffer = Owned<cl_mem, clReleaseMemObject>;
using CommandQueue = Owned<cl_command_queue, clReleaseCommandQueue>;
using Event = Owned<cl_event, clReleaseEvent>;

// A failed call of OpenCL as a status: out of memory, a lost device, or a mistake of ours.
bp_status cl_failed(bp_err* err, const char* call, cl_int code) noexcept;

}  // namespace bp::opencl

struct bp_device {
  const bp_host_api* host = nullptr;
  cl_device_id id = nullptr;
  bp::opencl::Context context;
  uint64_t total_bytes = 0, max_block_bytes = 0;
  std::atomic<uint64_t> used_bytes{0};
  // All kernels, compiled when the first is planned.
  std::mutex program_lock;
  bp::opencl::Program program;
};

struct bp_mem {
  bp::opencl::Buffer buffer;
  uint64_t bytes = 0;
};

struct bp_queue {
  bp_device* device = nullptr;
  bp::opencl::CommandQueue queue;
  bool blame = false;  // wait after each launch
  // How much was enqueued, and the marker behind the last of it that somebody asked about.
  std::atomic<uint64_t> n_enqueued{0};
  std::mutex marker_lock;
  uint64_t n_marked = 0;
  bp::opencl::Event marker;
};

struct bp_event {
  bp::opencl::Event event;  // of the last record; null: never recorded
  bool timing = false;
};

namespace bp::opencl {

// memory.cpp
bp_status heaps(bp_device* device, bp_heap* out, uint32_t stride, uint32_t cap, uint32_t* n, bp_err* err) noexcept;
bp_status mem_alloc(bp_device* device, const bp_alloc* request, bp_mem** out, void** host, bp_err* err) noexcept;
void mem_free(bp_device* device, bp_mem* memory) noexcept;

// queue.cpp
bp_status queue_create(bp_device* device, const bp_queue_desc* desc, bp_queue** out, bp_err* err) noexcept;
void queue_destroy(bp_queue* queue) noexcept;
bp_status queue_sync(bp_queue* queue, uint64_t timeout_ns, bp_err* err) noexcept;
bp_status copy(bp_queue* queue, const bp_span* dst, const bp_span* src, uint32_t n, bp_err* err) noexcept;
// Waits for an event as queue_sync does for a queue.
bp_status wait_for(cl_event event, uint64_t timeout_ns, bp_err* err) noexcept;

// event.cpp
bp_status event_create(bp_device* device, uint32_t flags, bp_event** out, bp_err* err) noexcept;
void event_destroy(bp_event* event) noexcept;
bp_status event_record(bp_event* event, bp_queue* queue, bp_err* err) noexcept;
bp_status event_wait(bp_queue* queue, bp_event* event, bp_err* err) noexcept;
bp_status event_sync(bp_event* event, uint64_t timeout_ns, bp_err* err) noexcept;
bp_status event_elapsed(bp_event* first, bp_event* second, double* us, bp_err* err) noexcept;

// program.cpp: a kernel of its own for each call, since its arguments are a part of it. Compiles at the first call.
bp_status make_kernel(bp_device& device, const char* name, Kernel* out, bp_err* err);

}  // namespace bp::opencl
