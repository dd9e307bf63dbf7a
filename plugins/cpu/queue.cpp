#include "queue.h"

#include <algorithm>
#include <backplane/plugin.hpp>
#include <cstring>
#include <new>

#include "device.h"
#include "memory.h"

namespace bp::cpu {
namespace {

constexpr uint64_t kPiece = uint64_t{4} << 20;  // what one thread copies at a time

}  // namespace

bp_status queue_create(bp_device* device, const bp_queue_desc*, bp_queue** out, bp_err* err) noexcept {
  *out = new (std::nothrow) bp_queue{device};
  return *out != nullptr ? BP_OK : plugin::set_error(err, BP_E_NOMEM, "the system has no more memory");
}

void queue_destroy(bp_queue* queue) noexcept { delete queue; }

bp_status queue_sync(bp_queue*, uint64_t, bp_err*) noexcept { return BP_OK; }

bp_status queue_copy(bp_queue* queue, const bp_span* dst, const bp_span* src, uint32_t n, bp_err* err) noexcept {
  for (uint32_t i = 0; i < n; ++i) {
    if (dst[i].bytes != src[i].bytes) return plugin::set_error(err, BP_E_INVALID, "a piece has more bytes on one side");
    if (!is_inside(dst[i]) || !is_inside(src[i]))
      return plugin::set_error(err, BP_E_INVALID, "a piece reaches past its memory");
  }
  for (uint32_t i = 0; i < n; ++i) {
    std::byte* to = address(dst[i]);
    const std::byte* from = address(src[i]);
    const uint64_t bytes = dst[i].bytes;
    queue->device->team->parallel_for_dynamic(static_cast<int64_t>((bytes + kPiece - 1) / kPiece),
                                              [=](int64_t piece, int64_t) {
                                                const uint64_t begin = static_cast<uint64_t>(piece) * kPiece;
                                                std::memmove(to + begin, from + begin, std::min(kPiece, bytes - begin));
                                              });
  }
  return BP_OK;
}

}  // namespace bp::cpu
