// What kernels in the subset that HIP and CUDA share stand on: the runtime's names, and how a kernel is started.
#pragma once

#if defined(__HIP_PLATFORM_AMD__)
#include <hip/hip_runtime.h>
#define BP_GPU(name) hip##name
#else
#include <cuda_runtime.h>
#define BP_GPU(name) cuda##name
#endif

#include <cstdint>

#if defined(__CUDACC__) || defined(__HIPCC__)
#define BP_HOST_DEVICE __host__ __device__
#else
#define BP_HOST_DEVICE
#endif

namespace bp::gpu {

using Stream = BP_GPU(Stream_t);
using Error = BP_GPU(Error_t);

// Where kernels are started. With `load_only` none is: each is loaded, so that a later start allocates nothing.
struct Launch {
  Stream stream = nullptr;
  bool load_only = false;
  Error error = BP_GPU(Success);  // the first
};

struct Grid {
  int64_t x = 1, y = 1;  // y at most 65535
};

constexpr int kBlock = 256;             // threads, where nothing asks for another size
constexpr int64_t kMostBlocks = 16384;  // of kernels that stride over their elements

inline int64_t blocks_for(int64_t n) {
  const int64_t blocks = (n + kBlock - 1) / kBlock;
  return blocks < kMostBlocks ? blocks : kMostBlocks;
}

#if defined(__CUDACC__) || defined(__HIPCC__)
// A grid of nothing starts nothing.
template <class... Parameters, class... Arguments>
void start(Launch& at, void (*kernel)(Parameters...), Grid grid, int block, const Arguments&... arguments) {
  if (at.error != BP_GPU(Success)) return;
  if (at.load_only) {
    BP_GPU(FuncAttributes) attributes;
    at.error = BP_GPU(FuncGetAttributes)(&attributes, reinterpret_cast<const void*>(kernel));
    return;
  }
  if (grid.x <= 0 || grid.y <= 0) return;
  const dim3 blocks(static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y));
  kernel<<<blocks, static_cast<unsigned>(block), 0, at.stream>>>(arguments...);
  at.error = BP_GPU(GetLastError)();
}

// Each thread's elements of [0, n), a grid apart.
template <class F>
__device__ void for_each(int64_t n, F f) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step) f(i);
}
#endif

}  // namespace bp::gpu
