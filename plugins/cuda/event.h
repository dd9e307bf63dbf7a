// Events, with the clock or without. A record is the queue's thread's; waiting comes from any.
#pragma once

#include <backplane/plugin.h>
#include <cuda_runtime_api.h>

struct bp_event {
  bp_device* device = nullptr;
  cudaEvent_t event = nullptr;
  bool timing = false;
};

namespace bp::cuda {

bp_status event_create(bp_device* device, uint32_t flags, bp_event** out, bp_err* err) noexcept;
void event_destroy(bp_event* event) noexcept;
bp_status event_record(bp_event* event, bp_queue* queue, bp_err* err) noexcept;
bp_status event_wait(bp_queue* queue, bp_event* event, bp_err* err) noexcept;
bp_status event_sync(bp_event* event, uint64_t timeout_ns, bp_err* err) noexcept;
bp_status event_elapsed(bp_event* first, bp_event* second, double* us, bp_err* err) noexcept;

}  // namespace bp::cuda
