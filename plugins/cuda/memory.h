// Slabs of GPU memory, and of host memory that the GPU reaches. Any thread.
#pragma once

#include <backplane/plugin.h>

#include <cstddef>
#include <cstdint>

struct bp_mem {
  std::byte* bytes = nullptr;  // for the GPU; of pinned memory the host's address too
  uint64_t size_bytes = 0;
  bool pinned = false;
};

namespace bp::cuda {

// Where a span of a mem begins.
inline std::byte* address(const bp_span& span) {
  return span.mem != nullptr ? span.mem->bytes + span.off : static_cast<std::byte*>(span.host) + span.off;
}
inline bool is_inside(const bp_span& span) {
  return span.mem == nullptr || (span.off <= span.mem->size_bytes && span.bytes <= span.mem->size_bytes - span.off);
}

bp_status memory_alloc(bp_device* device, const bp_alloc* request, bp_mem** out, void** host_ptr, bp_err* err) noexcept;
void memory_free(bp_device* device, bp_mem* memory) noexcept;

}  // namespace bp::cuda
