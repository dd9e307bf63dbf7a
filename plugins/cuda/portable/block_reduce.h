// Sums and maxima over a block of threads, always in the same order. All threads of the block call them and get the
// result. kThreads is a multiple of 32.
#pragma once

#include "launch.h"

namespace bp::gpu {

constexpr int kLanes = 32;  // that exchange registers; a wavefront of 64 counts as two

#if defined(__CUDACC__) || defined(__HIPCC__)
template <class T>
__device__ T lane_xor(T value, int distance) {
#if defined(__HIP_PLATFORM_AMD__)
  return __shfl_xor(value, distance, kLanes);
#else
  return __shfl_xor_sync(0xffffffffu, value, distance, kLanes);
#endif
}

struct Add {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};
struct Larger {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a > b ? a : b;
  }
};

template <class T, class Op>
__device__ T lanes_reduce(T value, Op op) {
  for (int distance = kLanes / 2; distance > 0; distance /= 2) value = op(value, lane_xor(value, distance));
  return value;
}

template <int kThreads, class T, class Op>
__device__ T block_reduce(T value, Op op) {
  __shared__ T parts[kThreads / kLanes];
  value = lanes_reduce(value, op);
  __syncthreads();  // of the call before
  if (threadIdx.x % kLanes == 0) parts[threadIdx.x / kLanes] = value;
  __syncthreads();
  T result = parts[0];
  for (int i = 1; i < kThreads / kLanes; ++i) result = op(result, parts[i]);
  return result;
}
#endif

}  // namespace bp::gpu
