#include "queue.h"

#include <memory>
#include <new>

#include "device.h"
#include "error.h"
#include "memory.h"
#include "waiting.h"

namespace bp::cuda {

bp_status queue_create(bp_device* device, const bp_queue_desc* desc, bp_queue** out, bp_err* err) noexcept {
  std::unique_ptr<bp_queue> queue(new (std::nothrow) bp_queue);
  if (queue == nullptr) return plugin::set_error(err, BP_E_NOMEM, "the system has no more memory");
  queue->device = device;
  queue->blame = (desc->flags & BP_QUEUE_BLAME) != 0;
  bp_status status = check(device->use(), "cudaSetDevice", err);
  // The runtime clamps priorities, and lower is sooner there.
  if (status == BP_OK) {
    status = check(cudaStreamCreateWithPriority(&queue->stream, cudaStreamNonBlocking, -desc->priority),
                   "cudaStreamCreateWithPriority", err);
  }
  if (status == BP_OK) *out = queue.release();
  return status;
}

void queue_destroy(bp_queue* queue) noexcept {
  if (queue == nullptr) return;
  static_cast<void>(queue->device->use());
  static_cast<void>(cudaStreamDestroy(queue->stream));
  static_cast<void>(cudaGetLastError());
  delete queue;
}

bp_status queue_sync(bp_queue* queue, uint64_t timeout_ns, bp_err* err) noexcept {
  if (const bp_status status = check(queue->device->use(), "cudaSetDevice", err); status != BP_OK) return status;
  return wait_for(
      timeout_ns, [&] { return cudaStreamQuery(queue->stream); }, [&] { return cudaStreamSynchronize(queue->stream); },
      "queue_sync", err);
}

bp_status queue_copy(bp_queue* queue, const bp_span* dst, const bp_span* src, uint32_t n, bp_err* err) noexcept {
  bool touches_host = false;
  for (uint32_t i = 0; i < n; ++i) {
    if (!is_inside(dst[i]) || !is_inside(src[i]) || dst[i].bytes != src[i].bytes)
      return plugin::set_error(err, BP_E_INVALID, "copy: a piece reaches past its memory, or its ends differ in size");
    touches_host = touches_host || dst[i].mem == nullptr || src[i].mem == nullptr;
  }
  if (touches_host && queue->capturing)
    return plugin::set_error(err, BP_E_INVALID, "copy: host memory that is not pinned cannot be part of a graph");
  bp_status status = check(queue->device->use(), "cudaSetDevice", err);
  for (uint32_t i = 0; i < n && status == BP_OK; ++i) {
    if (dst[i].bytes == 0) continue;
    status = check(cudaMemcpyAsync(address(dst[i]), address(src[i]), dst[i].bytes, cudaMemcpyDefault, queue->stream),
                   "cudaMemcpyAsync", err);
  }
  // Host bytes are the caller's again, and there may be pinned ones among them.
  if (status == BP_OK && touches_host) status = check(cudaStreamSynchronize(queue->stream), "copy", err);
  return status;
}

}  // namespace bp::cuda
