// Slots sorted by expert: one block, whose groups of 32 lanes take an expert each, count its slots and then write them
// in order. moe_combine: a thread for each element of the result.    test  tests/conformance/experts.cpp
#include "experts.h"

#include "block_reduce.h"

namespace bp::gpu {
namespace {

constexpr int kThreads = 1024;
constexpr int kGroups = kThreads / kLanes;

__device__ int count_of(const ExpertSortArgs& a, int64_t n, int64_t expert, int lane) {
  int count = 0;
  for (int64_t i = lane; i < n; i += kLanes) count += a.idx[i] == expert;
  return lanes_reduce(count, Add());
}

// Of the lanes before this one: the sum of their values.
__device__ int sum_before(int value, int lane) {
  int sum = value;
  for (int distance = 1; distance < kLanes; distance *= 2) {
#if defined(__HIP_PLATFORM_AMD__)
    const int other = __shfl_up(sum, distance, kLanes);
#else
    const int other = __shfl_up_sync(0xffffffffu, sum, distance, kLanes);
#endif
    if (lane >= distance) sum += other;
  }
  return sum - value;
}

// The slots for which `belongs` holds, in order, from order[at] on.
template <class Belongs>
__device__ void place(const ExpertSortArgs& a, int64_t n, int64_t at, int lane, Belongs belongs) {
  for (int64_t begin = 0; begin < n; begin += kLanes) {
    const int64_t i = begin + lane;
    const int mine = i < n && belongs(a.idx[i]);
    const int before = sum_before(mine, lane);
    if (mine) a.order[at + before] = static_cast<int32_t>(i);
    at += lanes_reduce(mine, Add());
  }
}

__global__ void expert_sort_kernel(ExpertSortArgs a) {
  const int lane = threadIdx.x % kLanes, group = threadIdx.x / kLanes;
  const int64_t n = a.slots.value();
  for (int64_t e = group; e < a.n_experts; e += kGroups) {
    const int count = count_of(a, n, e, lane);
    if (lane == 0) a.offsets[e + 1] = count;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    a.offsets[0] = 0;
    for (int64_t e = 0; e < a.n_experts; ++e) a.offsets[e + 1] += a.offsets[e];
  }
  __syncthreads();
  for (int64_t e = group; e <= a.n_experts; e += kGroups) {
    if (e < a.n_experts) {
      place(a, n, a.offsets[e], lane, [&](int32_t id) { return id == e; });
    } else {
      place(a, n, a.offsets[e], lane, [&](int32_t id) { return id < 0 || id >= a.n_experts; });
    }
  }
}

__global__ void forget_kernel(CombineArgs a) {
  for_each(a.tokens.value() * a.k, [&](int64_t i) { a.row_of[i] = -1; });
}

__global__ void find_kernel(CombineArgs a) {
  const int64_t n = a.tokens.value() * a.k;
  for_each(n, [&](int64_t row) {
    const int64_t slot = a.order[row];
    if (slot >= 0 && slot < n) a.row_of[slot] = static_cast<int32_t>(row);
  });
}

__global__ void combine_kernel(CombineArgs a) {
  for_each(a.tokens.value() * a.n, [&](int64_t i) {
    const int64_t token = i / a.n;
    float sum = 0.0f;
    for (int64_t j = token * a.k; j < (token + 1) * a.k; ++j) {
      if (a.row_of[j] >= 0) sum += a.weights[j] * a.y[a.row_of[j] * a.n + i % a.n];
    }
    a.z[i] = sum;
  });
}

}  // namespace

void expert_sort(Launch& at, const ExpertSortArgs& args) { start(at, expert_sort_kernel, {1}, kThreads, args); }

void moe_combine(Launch& at, const CombineArgs& args) {
  const int64_t slots = args.tokens.bound * args.k;
  start(at, forget_kernel, {blocks_for(slots)}, kBlock, args);
  start(at, find_kernel, {blocks_for(slots)}, kBlock, args);
  start(at, combine_kernel, {blocks_for(args.tokens.bound * args.n)}, kBlock, args);
}

}  // namespace bp::gpu
