// y[r, n] = Σ_k x[r, k] w[m, n, k]. Correct rather than fast.
//   block  8 groups of 32 lanes; a group computes one column n of kRows rows: lane l adds up k = l, l + 32, …, then the
//          lanes are added up in a fixed order. grid  N / 8 (as far as it goes) times rows / kRows.
//   Bound by memory for few rows, by instructions for many.    test  tests/conformance/{matmul,matmul_stack}.cpp
#include "matmul.h"

#include "block_reduce.h"
#include "numbers.h"

namespace bp::gpu {
namespace {

constexpr int kGroups = kBlock / kLanes;
constexpr int64_t kMostRowBlocks = 32768;

struct Source {
  int64_t matrix, x_row;  // matrix -1: the result is zero
};

__device__ Source source_of(const MatmulArgs& a, int64_t r) {
  switch (a.matrix_of) {
    case MatrixOf::kOne:
      return {0, r};
    case MatrixOf::kBatch:
      return {r % a.n_matrices, r};
    case MatrixOf::kIndex: {
      const int64_t id = a.idx[r];
      return {id >= 0 && id < a.n_matrices ? id : -1, r / a.x_share};
    }
    default: {
      for (int64_t e = 0; e < a.n_matrices; ++e) {
        if (a.idx[e] <= r && r < a.idx[e + 1]) return {e, r};
      }
      return {-1, r};
    }
  }
}

// kRows > 1: all of one matrix.
template <int kType, int kRows>
__global__ void matmul_kernel(MatmulArgs a) {
  const int lane = threadIdx.x % kLanes;
  const int64_t rows = a.rows.value();
  const int64_t w_row_bytes = bytes_of(kType, a.k);
  for (int64_t first = static_cast<int64_t>(blockIdx.y) * kRows; first < rows;
       first += static_cast<int64_t>(gridDim.y) * kRows) {
    const Source source = source_of(a, first);
    const float* x = a.x + source.x_row * a.k;
    const int here = static_cast<int>(rows - first < kRows ? rows - first : kRows);
    for (int64_t n = static_cast<int64_t>(blockIdx.x) * kGroups + threadIdx.x / kLanes; n < a.n;
         n += static_cast<int64_t>(gridDim.x) * kGroups) {
      float sum[kRows] = {};
      if (source.matrix >= 0) {
        const auto* w = static_cast<const uint8_t*>(a.w) + (source.matrix * a.n + n) * w_row_bytes;
        for (int64_t k = lane; k < a.k; k += kLanes) {
          const float value = element<kType>(w, k);
#pragma unroll
          for (int r = 0; r < kRows; ++r) {
            if (r < here) sum[r] += x[r * a.k + k] * value;
          }
        }
      }
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        const float total = lanes_reduce(sum[r], Add());
        if (lane == 0 && r < here) a.y[(first + r) * a.n + n] = total;
      }
    }
  }
}

__global__ void split_kernel(SplitArgs a) {
  const int n_parts = parts_of(a.dtype);
  for_each(a.n.value(), [&](int64_t i) {
    float rest = a.x[i];
    for (int p = 0; p < n_parts; ++p) {
      // The largest f16: what is beyond goes into the next part.
      const float part = a.dtype == BP_DT_F16 ? fminf(fmaxf(rest, -65504.0f), 65504.0f) : rest;
      store_float(a.dtype, a.part[p], i, part);
      rest -= load_float(a.dtype, a.part[p], i);
    }
  });
}

template <int kType>
void matmul_typed(Launch& at, const MatmulArgs& args) {
  constexpr int kRows = 8;
  const bool one = args.matrix_of == MatrixOf::kOne;
  const int64_t rows = args.rows.bound();
  const int64_t row_blocks = one ? (rows + kRows - 1) / kRows : rows;
  const int64_t columns = (args.n + kGroups - 1) / kGroups;
  const Grid grid{columns < 65535 ? columns : 65535, row_blocks < kMostRowBlocks ? row_blocks : kMostRowBlocks};
  if (one) return start(at, matmul_kernel<kType, kRows>, grid, kBlock, args);
  start(at, matmul_kernel<kType, 1>, grid, kBlock, args);
}

using Multiply = void (*)(Launch&, const MatmulArgs&);
Multiply multiply_of(int dtype) {
  Multiply found = nullptr;
  with_type(PlainTypes() + BlockTypes(), dtype, [&](auto type) { found = matmul_typed<decltype(type)::value>; });
  return found;
}

}  // namespace

bool can_multiply(int w_dtype) { return multiply_of(w_dtype) != nullptr; }

void matmul(Launch& at, const MatmulArgs& args) { multiply_of(args.w_dtype)(at, args); }

void split(Launch& at, const SplitArgs& args) { start(at, split_kernel, {blocks_for(args.n.bound())}, kBlock, args); }

}  // namespace bp::gpu
