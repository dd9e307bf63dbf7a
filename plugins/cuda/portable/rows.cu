// Ops along the last axis. grid  a block for each row, or a row for each thread where order forbids more (cumsum).
// Bound by memory.    test  tests/conformance/{reduce,softmax,norm,rope,index,segments}.cpp
#include "rows.h"

#include "block_reduce.h"
#include "numbers.h"

namespace bp::gpu {
namespace {

int64_t row_blocks(const Count& rows) { return rows.bound() < kMostBlocks ? rows.bound() : kMostBlocks; }

template <class F>
__device__ void for_rows(const Count& rows, F f) {
  const int64_t n = rows.value();
  for (int64_t row = blockIdx.x; row < n; row += gridDim.x) f(row);
}

__device__ float larger(float a, float b) { return b > a ? b : a; }  // NaN is never larger

__device__ float row_max(const float* x, int64_t n) {
  float top = -INFINITY;
  for (int64_t i = threadIdx.x; i < n; i += kBlock) top = larger(top, x[i]);
  return block_reduce<kBlock>(top, Larger());
}

__global__ void reduce_kernel(Reduction op, RowArgs a) {
  const int64_t n = a.n.value();
  for_rows(a.rows, [&](int64_t row) {
    const float* x = static_cast<const float*>(a.x) + row * n;
    float y = 0.0f;
    if (op == Reduction::kMax) {
      y = row_max(x, n);
    } else {
      for (int64_t i = threadIdx.x; i < n; i += kBlock) y += x[i];
      y = block_reduce<kBlock>(y, Add());
      if (op == Reduction::kMean) y /= static_cast<float>(n);
    }
    if (threadIdx.x == 0) static_cast<float*>(a.y)[row] = y;
  });
}

// A larger number for a larger value, and of equals for the lower index. NaN counts as -inf.
__device__ uint64_t ranked(float x, int64_t i) {
  const float value = (isnan(x) ? -INFINITY : x) + 0.0f;  // -0 is 0
  const uint32_t bits = __float_as_uint(value);
  const uint32_t key = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
  return static_cast<uint64_t>(key) << 32 | (0xffffffffu - static_cast<uint32_t>(i));
}
__device__ int64_t index_of(uint64_t rank) { return 0xffffffffu - static_cast<uint32_t>(rank); }

__global__ void argmax_kernel(RowArgs a) {
  const int64_t n = a.n.value();
  for_rows(a.rows, [&](int64_t row) {
    const float* x = static_cast<const float*>(a.x) + row * n;
    uint64_t best = 0;
    for (int64_t i = threadIdx.x; i < n; i += kBlock) best = Larger()(best, ranked(x[i], i));
    best = block_reduce<kBlock>(best, Larger());
    if (threadIdx.x == 0) static_cast<int32_t*>(a.y)[row] = n == 0 ? 0 : static_cast<int32_t>(index_of(best));
  });
}

__global__ void topk_kernel(TopkArgs a) {
  const int64_t n = a.n.value();
  for_rows(a.rows, [&](int64_t row) {
    const float* x = a.x + row * n;
    uint64_t last = ~uint64_t{0};  // what was chosen before
    for (int64_t j = 0; j < a.k; ++j) {
      uint64_t best = 0;
      for (int64_t i = threadIdx.x; i < n; i += kBlock) {
        const uint64_t rank = ranked(x[i], i);
        if (rank < last && rank > best) best = rank;
      }
      last = block_reduce<kBlock>(best, Larger());
      if (threadIdx.x != 0) continue;
      a.values[row * a.k + j] = x[index_of(last)];
      a.indices[row * a.k + j] = static_cast<int32_t>(index_of(last));
    }
  });
}

__global__ void softmax_kernel(bool log, RowArgs a) {
  const int64_t n = a.n.value();
  for_rows(a.rows, [&](int64_t row) {
    const float* x = static_cast<const float*>(a.x) + row * n;
    float* y = static_cast<float*>(a.y) + row * n;
    const float top = row_max(x, n);
    float total = 0.0f;
    for (int64_t i = threadIdx.x; i < n; i += kBlock) total += expf(x[i] - top);
    total = block_reduce<kBlock>(total, Add());
    for (int64_t i = threadIdx.x; i < n; i += kBlock) {
      if (log) {
        y[i] = x[i] - top - logf(total);
      } else {
        y[i] = top == -INFINITY ? 0.0f : expf(x[i] - top) / total;
      }
    }
  });
}

template <class T, class Sum>
__global__ void cumsum_kernel(RowArgs a) {
  const int64_t n = a.n.value();
  for_each(a.rows.value(), [&](int64_t row) {
    Sum total = 0;
    for (int64_t i = row * n; i < (row + 1) * n; ++i) {
      total += static_cast<Sum>(static_cast<const T*>(a.x)[i]);
      static_cast<T*>(a.y)[i] = static_cast<T>(total);
    }
  });
}

__global__ void norm_kernel(NormArgs a) {
  for_rows(a.rows, [&](int64_t row) {
    const float* x = a.x + row * a.n;
    float* y = a.y + row * a.n;
    float mean = 0.0f;
    if (a.centered) {
      for (int64_t i = threadIdx.x; i < a.n; i += kBlock) mean += x[i];
      mean = block_reduce<kBlock>(mean, Add()) / static_cast<float>(a.n);
    }
    float squares = 0.0f;
    for (int64_t i = threadIdx.x; i < a.n; i += kBlock) squares += (x[i] - mean) * (x[i] - mean);
    squares = block_reduce<kBlock>(squares, Add());
    const float factor = 1.0f / sqrtf(squares / static_cast<float>(a.n) + a.eps);
    for (int64_t i = threadIdx.x; i < a.n; i += kBlock) {
      float value = (x[i] - mean) * factor;
      if (a.w != nullptr) value *= load_float(a.w_dtype, a.w, i);
      if (a.b != nullptr) value += load_float(a.b_dtype, a.b, i);
      y[i] = value;
    }
  });
}

__global__ void rope_kernel(RopeArgs a) {
  const int64_t half = a.n_rot / 2, row_elements = a.heads * a.head_dim, n_variants = a.n_variants.value();
  for_each(a.tokens.value() * row_elements, [&](int64_t i) {
    const int64_t token = i / row_elements, column = i % a.head_dim - a.offset;
    const int64_t variant = a.variant == nullptr ? 0 : a.variant[token];
    if (column < 0 || column >= a.n_rot || variant < 0 || variant >= n_variants) {
      a.y[i] = a.x[i];
      return;
    }
    const bool first = a.interleaved ? column % 2 == 0 : column < half;
    const int64_t pair = a.interleaved ? column / 2 : column % half;
    const int64_t distance = a.interleaved ? 1 : half;
    const float angle = static_cast<float>(a.positions[token]) * a.freqs[variant * half + pair];
    const float c = cosf(angle) * a.scale, s = sinf(angle) * a.scale;
    a.y[i] = first ? a.x[i] * c - a.x[i + distance] * s : a.x[i - distance] * s + a.x[i] * c;
  });
}

__global__ void segment_mean_kernel(SegmentMeanArgs a) {
  const int64_t rows = a.rows.value();
  for_each((a.n_starts.value() - 1) * a.hidden, [&](int64_t i) {
    const int64_t s = i / a.hidden;
    const int64_t begin = a.start[s] > 0 ? a.start[s] : 0, end = a.start[s + 1] < rows ? a.start[s + 1] : rows;
    float sum = 0.0f;
    for (int64_t row = begin; row < end; ++row) sum += a.x[row * a.hidden + i % a.hidden];
    a.y[i] = end > begin ? sum / static_cast<float>(end - begin) : 0.0f;
  });
}

}  // namespace

void reduce(Launch& at, Reduction op, const RowArgs& args) {
  if (op == Reduction::kArgmax) return start(at, argmax_kernel, {row_blocks(args.rows)}, kBlock, args);
  start(at, reduce_kernel, {row_blocks(args.rows)}, kBlock, op, args);
}

void softmax(Launch& at, bool log, const RowArgs& args) {
  start(at, softmax_kernel, {row_blocks(args.rows)}, kBlock, log, args);
}

void cumsum(Launch& at, int dtype, const RowArgs& args) {
  const auto kernel = dtype == BP_DT_F32   ? cumsum_kernel<float, float>
                      : dtype == BP_DT_I32 ? cumsum_kernel<int32_t, uint32_t>
                                           : cumsum_kernel<int64_t, uint64_t>;
  start(at, kernel, {blocks_for(args.rows.bound())}, kBlock, args);
}

void topk(Launch& at, const TopkArgs& args) { start(at, topk_kernel, {row_blocks(args.rows)}, kBlock, args); }

void norm(Launch& at, const NormArgs& args) { start(at, norm_kernel, {row_blocks(args.rows)}, kBlock, args); }

void rope(Launch& at, const RopeArgs& args) {
  start(at, rope_kernel, {blocks_for(args.tokens.bound * args.heads * args.head_dim)}, kBlock, args);
}

void segment_mean(Launch& at, const SegmentMeanArgs& args) {
  start(at, segment_mean_kernel, {blocks_for((args.n_starts.bound - 1) * args.hidden)}, kBlock, args);
}

}  // namespace bp::gpu
