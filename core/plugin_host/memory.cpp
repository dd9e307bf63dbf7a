#include "plugin_host/memory.h"

#include "base/check.h"

namespace bp {

bp_span Memory::span(uint64_t offset, uint64_t bytes) const {
  BP_CHECK(offset <= size_bytes_ && bytes <= size_bytes_ - offset, "span {}+{} of {} bytes", offset, bytes,
           size_bytes_);
  return bp_span{mem_.get(), nullptr, offset, bytes};
}

}  // namespace bp
