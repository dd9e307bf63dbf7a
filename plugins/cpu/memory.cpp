#include "memory.h"

#include <sys/mman.h>
#include <backplane/plugin.hpp>

#include <new>

namespace bp::cpu {
namespace {

constexpr uint64_t kHugePage = uint64_t{2} << 20;

// `bytes` of fresh memory; from a huge page up, aligned to one. Nothing is touched: a large KV cache costs what is used
// of it.
std::byte* map_anonymous(uint64_t bytes) {
  const uint64_t slack = bytes >= kHugePage ? kHugePage : 0;
  void* raw =
      ::mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  auto* begin = static_cast<std::byte*>(raw);
  if (slack == 0) return begin;
  const auto misaligned = reinterpret_cast<uintptr_t>(begin) % kHugePage;
  const uint64_t before = misaligned == 0 ? 0 : kHugePage - misaligned;
  if (before > 0) ::munmap(begin, before);
  if (slack > before) ::munmap(begin + before + bytes, slack - before);
  ::madvise(begin + before, bytes, MADV_HUGEPAGE);
  return begin + before;
}

uint64_t mapped_bytes(uint64_t bytes) { return (bytes + 4095) / 4096 * 4096; }

}  // namespace

bp_status memory_alloc(bp_device*, const bp_alloc* request, bp_mem** out, void** host_ptr, bp_err* err) noexcept {
  if (request->heap != 0) return plugin::set_error(err, BP_E_INVALID, "there is one heap, 0");
  if (request->bytes == 0) return plugin::set_error(err, BP_E_INVALID, "0 bytes asked for");
  if (request->flags & BP_ALLOC_SYMMETRIC)
    return plugin::set_error(err, BP_E_UNSUPPORTED, "no symmetric memory on one device");
  if (request->bytes > (uint64_t{1} << 46))
    return plugin::set_error(err, BP_E_NOMEM, "more than this processor can address");
  std::byte* bytes = map_anonymous(mapped_bytes(request->bytes));
  auto* memory = bytes == nullptr ? nullptr : new (std::nothrow) bp_mem{bytes, request->bytes, true};
  if (memory == nullptr) {
    if (bytes != nullptr) ::munmap(bytes, mapped_bytes(request->bytes));
    return plugin::set_error(err, BP_E_NOMEM, "the system has no more memory");
  }
  *out = memory;
  if (host_ptr != nullptr) *host_ptr = bytes;
  return BP_OK;
}

bp_status memory_import(bp_device*, uint32_t heap, void* host, uint64_t bytes, uint32_t, bp_mem** out,
                        bp_err* err) noexcept {
  if (heap != 0) return plugin::set_error(err, BP_E_INVALID, "there is one heap, 0");
  *out = new (std::nothrow) bp_mem{static_cast<std::byte*>(host), bytes, false};
  return *out != nullptr ? BP_OK : plugin::set_error(err, BP_E_NOMEM, "the system has no more memory");
}

void memory_free(bp_device*, bp_mem* memory) noexcept {
  if (memory != nullptr && memory->owned) ::munmap(memory->bytes, mapped_bytes(memory->size_bytes));
  delete memory;
}

}  // namespace bp::cpu
