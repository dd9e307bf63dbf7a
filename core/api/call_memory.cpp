#include "api/call_memory.h"

#include <algorithm>
#include <bit>

namespace bp::api {

Result<BufferSpan> CallMemory::reserve(size_t index, uint64_t size_bytes) {
  constexpr uint64_t kLeastBytes = 64;
  const auto power = static_cast<int>(std::bit_width(std::max(size_bytes, kLeastBytes) - 1));
  auto place = places_.find({index, power});
  if (place == places_.end()) {
    BP_TRY(auto made, pool_.take(uint64_t{1} << power));
    place = places_.emplace(std::pair(index, power), std::move(made)).first;
  }
  return *place->second;
}

}  // namespace bp::api
