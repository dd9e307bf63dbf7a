#include <new>

#include "device.h"

namespace bp::opencl {

using plugin::set_error;

bp_status event_create(bp_device*, uint32_t flags, bp_event** out, bp_err* err) noexcept {
  *out = new (std::nothrow) bp_event{nullptr, (flags & BP_EVENT_TIMING) != 0};
  return *out != nullptr ? BP_OK : set_error(err, BP_E_NOMEM, "opencl: out of host memory");
}

void event_destroy(bp_event* event) noexcept { delete event; }

bp_status event_record(bp_event* event, bp_queue* queue, bp_err* err) noexcept {
  cl_event marker = nullptr;
  cl_int code = clEnqueueMarkerWithWaitList(queue->queue.get(), 0, nullptr, &marker);
  if (code != CL_SUCCESS) return cl_failed(err, "clEnqueueMarkerWithWaitList", code);
  event->event.reset(marker);
  code = clFlush(queue->queue.get());  // another queue may wait for it
  return code == CL_SUCCESS ? BP_OK : cl_failed(err, "clFlush", code);
}

bp_status event_wait(bp_queue* queue, bp_event* event, bp_err* err) noexcept {
  if (event->event == nullptr) return BP_OK;
  cl_event marker = event->event.get();
  ++queue->n_enqueued;
  const cl_int code = clEnqueueBarrierWithWaitList(queue->queue.get(), 1, &marker, nullptr);
  return code == CL_SUCCESS ? BP_OK : cl_failed(err, "clEnqueueBarrierWithWaitList", code);
}

bp_status event_sync(bp_event* event, uint64_t timeout_ns, bp_err* err) noexcept {
  return event->event == nullptr ? BP_OK : wait_for(event->event.get(), timeout_ns, err);
}

namespace {

bp_status end_of(const bp_event& event, cl_ulong* ns, bp_err* err) {
  if (!event.timing) return set_error(err, BP_E_INVALID, "opencl: the event is not for timing");
  if (event.event == nullptr) return set_error(err, BP_E_BUSY, "opencl: the event was never recorded");
  if (const bp_status status = wait_for(event.event.get(), 0, err); status != BP_OK) return status;
  const cl_int code = clGetEventProfilingInfo(event.event.get(), CL_PROFILING_COMMAND_END, sizeof *ns, ns, nullptr);
  return code == CL_SUCCESS ? BP_OK : cl_failed(err, "clGetEventProfilingInfo", code);
}

}  // namespace

bp_status event_elapsed(bp_event* first, bp_event* second, double* us, bp_err* err) noexcept {
  cl_ulong begin = 0, end = 0;
  if (const bp_status status = end_of(*first, &begin, err); status != BP_OK) return status;
  if (const bp_status status = end_of(*second, &end, err); status != BP_OK) return status;
  *us = (static_cast<double>(end) - static_cast<double>(begin)) / 1000;
  return BP_OK;
}

}  // namespace bp::opencl
