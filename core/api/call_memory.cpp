#include "api/call_memory.h"

#include <algorithm>
#include <bit>

namespace bp::api {

Result<const Buffer*> CallMemory::reserve(size_t index, uint64_t size_bytes) {
  constexpr uint64_t kLeastBytes = 64;
  const auto power = static_cast<int>(std::bit_width(std::max(size_bytes, kLeastBytes) - 1));
  std::unique_ptr<Buffer>& place = buffers_[{index, power}];
  if (place == nullptr) {
    auto made = Buffer::create(device_, uint64_t{1} << power, "operand");
    if (!made.has_value()) {
      buffers_.erase({index, power});
      return std::unexpected(std::move(made.error()));
    }
    place = std::make_unique<Buffer>(std::move(*made));
  }
  return place.get();
}

}  // namespace bp::api
