#include "event.h"

#include <memory>
#include <new>

#include "device.h"
#include "error.h"
#include "queue.h"
#include "waiting.h"

namespace bp::cuda {

bp_status event_create(bp_device* device, uint32_t flags, bp_event** out, bp_err* err) noexcept {
  std::unique_ptr<bp_event> event(new (std::nothrow) bp_event);
  if (event == nullptr) return plugin::set_error(err, BP_E_NOMEM, "the system has no more memory");
  event->device = device;
  event->timing = (flags & BP_EVENT_TIMING) != 0;
  bp_status status = check(device->use(), "cudaSetDevice", err);
  if (status == BP_OK) {
    status = check(cudaEventCreateWithFlags(&event->event, event->timing ? cudaEventDefault : cudaEventDisableTiming),
                   "cudaEventCreateWithFlags", err);
  }
  if (status == BP_OK) *out = event.release();
  return status;
}

void event_destroy(bp_event* event) noexcept {
  if (event == nullptr) return;
  static_cast<void>(event->device->use());
  static_cast<void>(cudaEventDestroy(event->event));
  static_cast<void>(cudaGetLastError());
  delete event;
}

bp_status event_record(bp_event* event, bp_queue* queue, bp_err* err) noexcept {
  bp_status status = check(queue->device->use(), "cudaSetDevice", err);
  // In a graph: a node that each replay records anew, seen from outside.
  const unsigned flags = queue->capturing ? cudaEventRecordExternal : cudaEventRecordDefault;
  if (status == BP_OK)
    status = check(cudaEventRecordWithFlags(event->event, queue->stream, flags), "cudaEventRecordWithFlags", err);
  return status;
}

bp_status event_wait(bp_queue* queue, bp_event* event, bp_err* err) noexcept {
  bp_status status = check(queue->device->use(), "cudaSetDevice", err);
  if (status == BP_OK) status = check(cudaStreamWaitEvent(queue->stream, event->event, 0), "cudaStreamWaitEvent", err);
  return status;
}

bp_status event_sync(bp_event* event, uint64_t timeout_ns, bp_err* err) noexcept {
  if (const bp_status status = check(event->device->use(), "cudaSetDevice", err); status != BP_OK) return status;
  return wait_for(
      timeout_ns, [&] { return cudaEventQuery(event->event); }, [&] { return cudaEventSynchronize(event->event); },
      "event_sync", err);
}

bp_status event_elapsed(bp_event* first, bp_event* second, double* us, bp_err* err) noexcept {
  if (!first->timing || !second->timing) return plugin::set_error(err, BP_E_INVALID, "event_elapsed: not for timing");
  if (const bp_status status = check(first->device->use(), "cudaSetDevice", err); status != BP_OK) return status;
  float ms = 0;
  const bp_status status = check(cudaEventElapsedTime(&ms, first->event, second->event), "cudaEventElapsedTime", err);
  if (status == BP_OK) *us = static_cast<double>(ms) * 1000.0;
  return status;
}

}  // namespace bp::cuda
