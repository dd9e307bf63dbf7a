// Sizes that a kernel learns when it runs. The host sizes the grid by the bound; what is true lies in device memory
// where a step is replayed as a native graph.
#pragma once

#include "launch.h"

namespace bp::gpu {

// mul * *len + add within [0, bound], or the bound itself where there is no len.
struct Extent {
  const int32_t* len = nullptr;
  int64_t bound = 1;
  int64_t mul = 1, add = 0;

  BP_HOST_DEVICE int64_t value() const {
    if (len == nullptr) return bound;
    const int64_t size = mul * *len + add;
    return size < 0 ? 0 : size < bound ? size : bound;
  }
};

// A product of sizes, at most two of which are dynamic.
struct Count {
  int64_t fixed = 1;
  Extent a, b;

  BP_HOST_DEVICE int64_t value() const { return fixed * a.value() * b.value(); }
  int64_t bound() const { return fixed * a.bound * b.bound; }
};

constexpr int kMaxRank = 6;

// A dense tensor, outermost dim first.
struct Shape {
  int rank = 0;
  Extent dim[kMaxRank];
};

}  // namespace bp::gpu
