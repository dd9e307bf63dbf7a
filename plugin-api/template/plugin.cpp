// The least that a port is: one device that has memory, a queue and copies. Every model runs on it, slowly: what no
// kernel claims, the host computes. Here malloc stands for the device's memory and the calling thread for its queue;
// put your runtime's calls in their place, then add kernels (kernels, plan_bind, launch, bound_destroy, plan_destroy).
// What each function must do, who owns what, and on which thread: backplane/plugin.h.
#include <cstdlib>
#include <cstring>

#include "device.h"

using bp::plugin::set_error;

namespace {

const bp_host_api* host_api = nullptr;
constexpr uint64_t kMemoryBytes = uint64_t{4} << 30;

// ---- memory: a few large slabs, which the host cuts up ----

// HOST_VISIBLE: the host reads and writes it by address. Without it, all goes through copy().
bp_status heaps(bp_device*, bp_heap* out, uint32_t, uint32_t cap, uint32_t* n, bp_err*) noexcept {
  *n = 1;
  if (cap == 0) return BP_OK;
  bp_heap heap{};
  heap.flags = BP_HEAP_DEVICE | BP_HEAP_HOST_VISIBLE;
  heap.bytes = heap.max_block = heap.free_now = kMemoryBytes;
  bp::plugin::fill(out, heap);
  return BP_OK;
}

bp_status mem_alloc(bp_device*, const bp_alloc* request, bp_mem** out, void** host_ptr, bp_err* err) noexcept {
  if (request->heap != 0) return set_error(err, BP_E_INVALID, "mychip: there is one heap, 0");
  if (request->bytes > kMemoryBytes) return set_error(err, BP_E_NOMEM, "mychip: larger than the memory");
  const uint64_t bytes = (request->bytes + BP_ARG_ALIGN - 1) / BP_ARG_ALIGN * BP_ARG_ALIGN;
  auto* memory = static_cast<unsigned char*>(std::aligned_alloc(BP_ARG_ALIGN, bytes));
  if (memory == nullptr) return set_error(err, BP_E_NOMEM, "mychip: out of memory");
  *out = new (std::nothrow) bp_mem{memory, bytes};
  if (*out == nullptr) {
    std::free(memory);
    return set_error(err, BP_E_NOMEM, "mychip: out of host memory");
  }
  *host_ptr = memory;
  return BP_OK;
}

void mem_free(bp_device*, bp_mem* memory) noexcept {
  if (memory != nullptr) std::free(memory->bytes);
  delete memory;
}

// ---- queues: work in order ----

bp_status queue_create(bp_device* device, const bp_queue_desc*, bp_queue** out, bp_err* err) noexcept {
  *out = new (std::nothrow) bp_queue{device};
  return *out != nullptr ? BP_OK : set_error(err, BP_E_NOMEM, "mychip: out of host memory");
}

void queue_destroy(bp_queue* queue) noexcept { delete queue; }

// Here all is done when a call returns.
bp_status queue_sync(bp_queue*, uint64_t, bp_err*) noexcept { return BP_OK; }

bool is_inside(const bp_span& span) {
  return span.mem == nullptr || (span.off <= span.mem->size && span.bytes <= span.mem->size - span.off);
}
unsigned char* address(const bp_span& span) {
  return (span.mem != nullptr ? span.mem->bytes : static_cast<unsigned char*>(span.host)) + span.off;
}

bp_status copy(bp_queue*, const bp_span* dst, const bp_span* src, uint32_t n, bp_err* err) noexcept {
  for (uint32_t i = 0; i < n; ++i) {
    if (dst[i].bytes != src[i].bytes || !is_inside(dst[i]) || !is_inside(src[i]))
      return set_error(err, BP_E_INVALID, "mychip: piece %u of a copy reaches past its memory", i);
  }
  for (uint32_t i = 0; i < n; ++i) std::memmove(address(dst[i]), address(src[i]), dst[i].bytes);
  return BP_OK;
}

// ---- the plugin ----

// Says what is there, and opens nothing: it may run in a process that only looks.
bp_status enumerate(bp_device_info* out, uint32_t, uint32_t cap, uint32_t* n, bp_err*) noexcept {
  *n = 1;
  if (cap == 0) return BP_OK;
  bp_device_info info{};
  info.cls = BP_CLASS_ACCEL;
  info.score = 1;  // `--device auto` takes the highest; 0 = unusable, with `why`
  bp::plugin::set_text(info.id, "mychip:0");
  bp::plugin::set_text(info.name, "My chip");
  bp::plugin::set_text(info.arch, "mychip1");
  info.mem_total = kMemoryBytes;
  bp::plugin::fill(out, info);
  return BP_OK;
}

bp_status open(const char* id, bp_device** out, const bp_device_api** api, bp_err* err) noexcept {
  static const bp_device_api table = [] {
    bp_device_api t{};
    t.struct_size = sizeof t;
    t.flags = BP_DEV_INLINE;  // calls run the work before they return; leave it out where they only enqueue
    t.heaps = heaps, t.mem_alloc = mem_alloc, t.mem_free = mem_free;
    t.queue_create = queue_create, t.queue_destroy = queue_destroy, t.queue_sync = queue_sync, t.copy = copy;
    return t;
  }();
  if (std::strcmp(id, "mychip:0") != 0) return set_error(err, BP_E_INVALID, "mychip: there is no device %s", id);
  *out = new (std::nothrow) bp_device{host_api};
  if (*out == nullptr) return set_error(err, BP_E_NOMEM, "mychip: out of host memory");
  *api = &table;
  return BP_OK;
}

void close(bp_device* device) noexcept { delete device; }

}  // namespace

bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err*) noexcept {
  host_api = host;
  bp_plugin_api api{};
  api.abi_minor = BP_ABI_MINOR;
  api.enumerate = enumerate, api.open = open, api.close = close;
  bp::plugin::fill(out, api);
  return BP_OK;
}
