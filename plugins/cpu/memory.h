// Slabs of host memory: anonymous and in huge pages where the system has them, or somebody else's bytes. Any thread.
#pragma once

#include <backplane/plugin.h>

#include <cstddef>

struct bp_mem {
  std::byte* bytes = nullptr;
  uint64_t size_bytes = 0;
  bool owned = false;
};

namespace bp::cpu {

// Where a span begins.
inline std::byte* address(const bp_span& span) {
  return span.mem != nullptr ? span.mem->bytes + span.off : static_cast<std::byte*>(span.host) + span.off;
}

// Whether it ends within its slab. Of host bytes the host knows.
inline bool is_inside(const bp_span& span) {
  if (span.mem == nullptr) return true;
  return span.off <= span.mem->size_bytes && span.bytes <= span.mem->size_bytes - span.off;
}

bp_status memory_alloc(bp_device* device, const bp_alloc* request, bp_mem** out, void** host_ptr, bp_err* err) noexcept;
bp_status memory_import(bp_device* device, uint32_t heap, void* host, uint64_t bytes, uint32_t flags, bp_mem** out,
                        bp_err* err) noexcept;
void memory_free(bp_device* device, bp_mem* memory) noexcept;

}  // namespace bp::cpu
