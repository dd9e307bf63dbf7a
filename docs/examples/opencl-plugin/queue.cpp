#include <chrono>
#include <new>
#include <thread>

#include "device.h"

namespace bp::opencl {

using plugin::set_error;

bp_status queue_create(bp_device* device, const bp_queue_desc* desc, bp_queue** out, bp_err* err) noexcept {
  cl_int code = CL_SUCCESS;
  CommandQueue queue(clCreateCommandQueue(device->context.get(), device->id, CL_QUEUE_PROFILING_ENABLE, &code));
  if (code != CL_SUCCESS) return cl_failed(err, "clCreateCommandQueue", code);
  auto* made = new (std::nothrow) bp_queue;
  if (made == nullptr) return set_error(err, BP_E_NOMEM, "opencl: out of host memory");
  made->device = device;
  made->queue = std::move(queue);
  made->blame = (desc->flags & BP_QUEUE_BLAME) != 0;
  *out = made;
  return BP_OK;
}

void queue_destroy(bp_queue* queue) noexcept { delete queue; }

// A negative state of execution is the error of something enqueued before; OpenCL does not say of what.
bp_status wait_for(cl_event event, uint64_t timeout_ns, bp_err* err) noexcept {
  const auto begin = std::chrono::steady_clock::now();
  for (int round = 0;; ++round) {
    cl_int state = CL_QUEUED;
    const cl_int code = clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, nullptr);
    if (code != CL_SUCCESS || state < 0) {
      const int64_t native = code != CL_SUCCESS ? code : state;
      return plugin::set_fault(err, BP_E_DEVICE_LOST, {BP_SCOPE_DEVICE, native, 0}, "opencl: a command failed");
    }
    if (state == CL_COMPLETE) return BP_OK;
    if (timeout_ns == 0) return set_error(err, BP_E_BUSY, "opencl: work is outstanding");
    if (timeout_ns == UINT64_MAX) {
      clWaitForEvents(1, &event);
      continue;
    }
    const auto waited = std::chrono::steady_clock::now() - begin;
    if (static_cast<uint64_t>(std::chrono::nanoseconds(waited).count()) >= timeout_ns) {
      return plugin::set_fault(err, BP_E_TIMEOUT, {BP_SCOPE_DEVICE, 0, 0}, "opencl: the device takes too long");
    }
    if (round < 100) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  }
}

// Asked again before anything new was enqueued, it is the same marker that is looked at: a question with timeout 0
// finds it reached, where a new one would not be yet.
bp_status queue_sync(bp_queue* queue, uint64_t timeout_ns, bp_err* err) noexcept {
  Event marker;
  {
    const std::lock_guard<std::mutex> lock(queue->marker_lock);
    const uint64_t n = queue->n_enqueued.load();
    if (n == 0) return BP_OK;
    if (queue->marker == nullptr || queue->n_marked != n) {
      cl_event fresh = nullptr;
      cl_int code = clEnqueueMarkerWithWaitList(queue->queue.get(), 0, nullptr, &fresh);
      if (code != CL_SUCCESS) return cl_failed(err, "clEnqueueMarkerWithWaitList", code);
      queue->marker.reset(fresh);
      queue->n_marked = n;
      code = clFlush(queue->queue.get());
      if (code != CL_SUCCESS) return cl_failed(err, "clFlush", code);
    }
    clRetainEvent(queue->marker.get());
    marker.reset(queue->marker.get());
  }
  return wait_for(marker.get(), timeout_ns, err);
}

namespace {

bool is_inside(const bp_span& span) {
  return span.mem == nullptr || (span.off <= span.mem->bytes && span.bytes <= span.mem->bytes - span.off);
}

unsigned char* host_of(const bp_span& span) { return static_cast<unsigned char*>(span.host) + span.off; }

cl_int copy_piece(cl_command_queue queue, const bp_span& dst, const bp_span& src) {
  if (dst.bytes == 0) return CL_SUCCESS;
  if (dst.mem != nullptr && src.mem != nullptr) {
    return clEnqueueCopyBuffer(queue, src.mem->buffer.get(), dst.mem->buffer.get(), src.off, dst.off, dst.bytes, 0,
                               nullptr, nullptr);
  }
  if (dst.mem != nullptr) {
    return clEnqueueWriteBuffer(queue, dst.mem->buffer.get(), CL_TRUE, dst.off, dst.bytes, host_of(src), 0, nullptr,
                                nullptr);
  }
  if (src.mem != nullptr) {
    return clEnqueueReadBuffer(queue, src.mem->buffer.get(), CL_TRUE, src.off, dst.bytes, host_of(dst), 0, nullptr,
                               nullptr);
  }
  std::memmove(host_of(dst), host_of(src), dst.bytes);
  return CL_SUCCESS;
}

}  // namespace

bp_status copy(bp_queue* queue, const bp_span* dst, const bp_span* src, uint32_t n, bp_err* err) noexcept {
  for (uint32_t i = 0; i < n; ++i) {
    if (dst[i].bytes != src[i].bytes || !is_inside(dst[i]) || !is_inside(src[i]))
      return set_error(err, BP_E_INVALID, "opencl: piece %u of a copy reaches past its memory", i);
  }
  ++queue->n_enqueued;
  for (uint32_t i = 0; i < n; ++i) {
    const cl_int code = copy_piece(queue->queue.get(), dst[i], src[i]);
    if (code != CL_SUCCESS) return cl_failed(err, "a copy", code);
  }
  return BP_OK;
}

}  // namespace bp::opencl
