// The next token of each sequence, without sorting the vocabulary: a place in the descending order is found byte by
// byte of a rank that differs for every token (a radix select), by how many tokens or how much probability lies before
// it.
//   Probabilities are whole numbers of 2^-40 of the largest, so that sums do not depend on the order they are made in.
//   grid  a block for each sequence, which reads its logits some 8 to 24 times, mostly from the L2 cache.
//   test  tests/conformance/sample.cpp
#include "sample.h"

#include "block_reduce.h"
#include "numbers.h"

namespace bp::gpu {
namespace {

constexpr int kThreads = 512;
constexpr int kBins = 256;

// In [0, 1): the finaliser of splitmix64 (Steele, Lea, Flood 2014) over the position-th state of the seed's stream.
__device__ float uniform(int64_t seed, int64_t position) {
  uint64_t z = static_cast<uint64_t>(seed) + 0x9E3779B97F4A7C15u * (static_cast<uint64_t>(position) + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  return static_cast<float>(z >> 40) * 0x1p-24f;
}

struct Row {
  const float* logits;
  int64_t n;
  float temperature;
  float top;  // the largest, divided by the temperature

  __device__ float logit(int64_t i) const {
    const float x = logits[i];
    return (isnan(x) ? -INFINITY : x) / temperature + 0.0f;  // -0 is 0
  }
  // A larger number comes earlier; of equals the lower index.
  __device__ uint64_t rank(int64_t i) const {
    const uint32_t bits = __float_as_uint(logit(i));
    const uint32_t key = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
    return static_cast<uint64_t>(key) << 32 | (0xffffffffu - static_cast<uint32_t>(i));
  }
  __device__ uint64_t weight(int64_t i) const {
    return static_cast<uint64_t>(__double2ull_rn(static_cast<double>(expf(logit(i) - top)) * 0x1p40));
  }
};

using Total = unsigned long long;

// The rank of the first token, in descending order, at which the sum of `measure` over the tokens up to it reaches
// `goal` (at least 1), or of the last one of rank `least` or more. All threads call it.
template <class Measure>
__device__ uint64_t rank_reaching(const Row& row, uint64_t least, Total goal, Measure measure) {
  __shared__ Total bins[kBins];
  __shared__ Total before;  // what tokens of higher ranks than the prefix sum up to
  __shared__ uint64_t prefix;
  __syncthreads();
  if (threadIdx.x == 0) {
    before = 0;
    prefix = 0;
  }
  for (int shift = 56; shift >= 0; shift -= 8) {
    for (int b = threadIdx.x; b < kBins; b += kThreads) bins[b] = 0;
    __syncthreads();
    const uint64_t known = shift == 56 ? 0 : ~uint64_t{0} << (shift + 8);
    const uint64_t wanted = prefix;
    for (int64_t i = threadIdx.x; i < row.n; i += kThreads) {
      const uint64_t rank = row.rank(i);
      if (rank < least || (rank & known) != wanted) continue;
      atomicAdd(&bins[rank >> shift & (kBins - 1)], static_cast<Total>(measure(i)));
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      int chosen = -1;
      for (int b = kBins - 1; b >= 0; --b) {
        if (bins[b] == 0) continue;
        if (chosen >= 0) before += bins[chosen];
        chosen = b;
        if (before + bins[b] >= goal) break;
      }
      prefix |= static_cast<uint64_t>(chosen < 0 ? 0 : chosen) << shift;
    }
    __syncthreads();
  }
  return prefix;
}

__device__ int32_t token_of(uint64_t rank) { return static_cast<int32_t>(0xffffffffu - static_cast<uint32_t>(rank)); }

template <class Measure>
__device__ Total sum_from(const Row& row, uint64_t least, Measure measure) {
  Total sum = 0;
  for (int64_t i = threadIdx.x; i < row.n; i += kThreads) {
    if (row.rank(i) >= least) sum += measure(i);
  }
  return block_reduce<kThreads>(sum, Add());
}

__device__ int32_t draw(const SampleArgs& a, int64_t s) {
  const float temperature = a.temperature[s];
  const bool greedy = !(temperature > 0.0f);
  Row row{a.logits + s * a.vocab, a.vocab, greedy ? 1.0f : temperature, 0.0f};
  uint64_t best = 0;
  for (int64_t i = threadIdx.x; i < row.n; i += kThreads) best = Larger()(best, row.rank(i));
  best = block_reduce<kThreads>(best, Larger());
  row.top = row.logit(token_of(best));
  if (greedy || isinf(row.top)) return token_of(best);

  const auto weight = [&](int64_t i) { return static_cast<Total>(row.weight(i)); };
  const auto one = [](int64_t) { return Total{1}; };
  uint64_t least = 0;  // ranks from here on stay
  const int64_t top_k = a.top_k[s];
  if (top_k > 0 && top_k < row.n) least = rank_reaching(row, 0, static_cast<Total>(top_k), one);
  const Total all = sum_from(row, least, weight);
  uint64_t kept = least;
  if (const double min_p = a.min_p[s]; min_p > 0) {
    // Weights fall with the rank, so those that are large enough are the first so many.
    const auto enough = [&](int64_t i) {
      return static_cast<Total>(row.rank(i) == best || static_cast<double>(row.weight(i)) >= min_p * 0x1p40);
    };
    kept = rank_reaching(row, least, sum_from(row, least, enough), one);
  }
  if (const double top_p = a.top_p[s]; top_p < 1.0) {
    const double goal = ceil(top_p * static_cast<double>(all));
    const uint64_t cut = rank_reaching(row, least, goal < 1.0 ? Total{1} : static_cast<Total>(goal), weight);
    kept = Larger()(kept, cut);
  }
  const double u = uniform(a.seed[s], a.position[s]);
  const Total goal = static_cast<Total>(floor(u * static_cast<double>(sum_from(row, kept, weight)))) + 1;
  return token_of(rank_reaching(row, kept, goal, weight));
}

__global__ void sample_kernel(SampleArgs a) {
  const int64_t rows = a.rows.value();
  for (int64_t s = blockIdx.x; s < rows; s += gridDim.x) {
    const int32_t token = draw(a, s);
    if (threadIdx.x == 0) a.token[s] = token;
    __syncthreads();
  }
}

}  // namespace

void sample(Launch& at, const SampleArgs& args) {
  const int64_t rows = args.rows.bound;
  start(at, sample_kernel, {rows < kMostBlocks ? rows : kMostBlocks}, kThreads, args);
}

}  // namespace bp::gpu
