// Memory that programs of one session are bound to: a place for each operand and result, shared by all of them, since
// one runs at a time. Not thread-safe. The pool outlives it.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "compile/buffer_pool.h"

namespace bp::api {

class CallMemory {
 public:
  explicit CallMemory(BufferPool& pool) : pool_(pool) {}

  // At least so many bytes at place `index`; the same answer for the same power of two. Valid while this lives.
  Result<BufferSpan> reserve(size_t index, uint64_t size_bytes);
  BufferPool& pool() const { return pool_; }

 private:
  BufferPool& pool_;
  std::map<std::pair<size_t, int>, std::shared_ptr<const BufferSpan>> places_;  // by place and power of two
};

}  // namespace bp::api
