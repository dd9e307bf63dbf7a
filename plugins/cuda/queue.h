// Queues are streams. A queue is driven by one thread at a time; waiting for it comes from any.
#pragma once

#include <backplane/plugin.h>
#include <cuda_runtime_api.h>

struct bp_queue {
  bp_device* device = nullptr;
  cudaStream_t stream = nullptr;
  bool blame = false;
  bool capturing = false;
};

namespace bp::cuda {

bp_status queue_create(bp_device* device, const bp_queue_desc* desc, bp_queue** out, bp_err* err) noexcept;
void queue_destroy(bp_queue* queue) noexcept;
bp_status queue_sync(bp_queue* queue, uint64_t timeout_ns, bp_err* err) noexcept;
bp_status queue_copy(bp_queue* queue, const bp_span* dst, const bp_span* src, uint32_t n, bp_err* err) noexcept;

}  // namespace bp::cuda
