/* No kernels: memory, queues and copies as plugin.h asks for them, and nothing else. */
#define FAKE_NAME "memory_only"
#include "fake_device.h"

enum { kMost = 1 << 30 };

static bp_status heaps(bp_device* d, bp_heap* out, uint32_t stride, uint32_t cap, uint32_t* n, bp_err* err) {
  const bp_status status = fake_heaps(d, out, stride, cap, n, err);
  if (cap == 0) return status;
  out->flags = BP_HEAP_DEVICE | BP_HEAP_HOST_VISIBLE;
  out->bytes = out->max_block = out->free_now = kMost;
  return status;
}

/* bp_mem.owned is the size here. */
static bp_status mem_alloc(bp_device* d, const bp_alloc* a, bp_mem** out, void** host, bp_err* err) {
  (void)d;
  if (a->heap != 0) return fake_fail(err, BP_E_INVALID, BP_SCOPE_CALL, 0, "there is one heap");
  if (a->bytes > kMost) return fake_fail(err, BP_E_NOMEM, BP_SCOPE_CALL, 0, "1 GiB is all there is");
  bp_mem* mem = malloc(sizeof *mem);
  mem->bytes = aligned_alloc(BP_ARG_ALIGN, (a->bytes + BP_ARG_ALIGN - 1) / BP_ARG_ALIGN * BP_ARG_ALIGN);
  mem->owned = (int)a->bytes;
  *out = mem;
  *host = mem->bytes;
  return BP_OK;
}

static void mem_free(bp_device* d, bp_mem* mem) {
  (void)d;
  if (mem == NULL) return;
  free(mem->bytes);
  free(mem);
}

static int fits(const bp_span* span) {
  const uint64_t size = span->mem ? (uint64_t)span->mem->owned : UINT64_MAX;
  return span->off <= size && span->bytes <= size - span->off;
}

static bp_status copy(bp_queue* q, const bp_span* dst, const bp_span* src, uint32_t n, bp_err* err) {
  for (uint32_t i = 0; i < n; ++i) {
    if (!fits(&dst[i]) || !fits(&src[i]))
      return fake_fail(err, BP_E_INVALID, BP_SCOPE_CALL, 0, "a piece reaches past its end");
  }
  return fake_copy(q, dst, src, n, err);
}

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  const bp_device_api only = {.struct_size = sizeof only,
                              .flags = BP_DEV_INLINE,
                              .heaps = heaps,
                              .mem_alloc = mem_alloc,
                              .mem_free = mem_free,
                              .queue_create = fake_queue_create,
                              .queue_destroy = fake_queue_destroy,
                              .queue_sync = fake_queue_sync,
                              .copy = copy};
  fake_api = only;
  return fake_entry(host, out);
}
