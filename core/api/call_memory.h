// Memory that programs of one session are bound to: a place for each operand and result, shared by all of them, since
// one runs at a time. Not thread-safe. The device outlives it.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "compile/buffer.h"

namespace bp::api {

class CallMemory {
 public:
  explicit CallMemory(Device* device) : device_(device) {}

  // At least so many bytes at place `index`; the same answer for the same power of two. Valid while this lives.
  Result<const Buffer*> reserve(size_t index, uint64_t size_bytes);

 private:
  Device* device_;
  std::map<std::pair<size_t, int>, std::unique_ptr<Buffer>> buffers_;  // by place and power of two
};

}  // namespace bp::api
