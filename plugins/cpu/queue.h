// A queue of an inline device: whatever is enqueued has run when the call returns.
#pragma once

#include <backplane/plugin.h>

struct bp_queue {
  bp_device* device = nullptr;
};

namespace bp::cpu {

bp_status queue_create(bp_device* device, const bp_queue_desc* desc, bp_queue** out, bp_err* err) noexcept;
void queue_destroy(bp_queue* queue) noexcept;
bp_status queue_sync(bp_queue* queue, uint64_t timeout_ns, bp_err* err) noexcept;
bp_status queue_copy(bp_queue* queue, const bp_span* dst, const bp_span* src, uint32_t n, bp_err* err) noexcept;

}  // namespace bp::cpu
