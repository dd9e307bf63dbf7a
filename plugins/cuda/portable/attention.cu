// softmax(scale q·k …) v.
//   block  one query row of one head, 128 threads; keys in tiles of 128 that begin at multiples of 128 of the sequence,
//   so
//          that a row has the same bits however its sequence came in. Each thread makes the score of one key, then sums
//          some columns of v. grid  [T, H]. Bound by memory, and by the number of blocks where sequences are few.
//   test   tests/conformance/{attention,ragged,attention_numerics_test,kv_write,segments}.cpp
#include "attention.h"

#include "block_reduce.h"
#include "numbers.h"

namespace bp::gpu {
namespace {

constexpr int kTile = 128;  // keys, and threads
constexpr int kMostColumns = static_cast<int>(kMostValueColumns / kTile);

// The sequence of row t, -1: none. All threads of the block call it.
__device__ int64_t sequence_of(const AttentionArgs& a, int64_t t) {
  int64_t found = -1;
  const int64_t n = a.n_starts.value() - 1;
  for (int64_t s = threadIdx.x; s < n; s += kTile) {
    if (a.seq_start[s] <= t && t < a.seq_start[s + 1]) found = s;
  }
  return block_reduce<kTile>(found, Larger());
}

// The row of k (and of v) that holds key j of sequence s for a head, -1: none.
__device__ int64_t key_row(const AttentionArgs& a, int64_t s, int64_t j, int64_t kv_head) {
  if (a.page_table == nullptr) {
    const int64_t at = a.k_start[s] + j;
    return at >= 0 && at < a.n_keys.value() ? at * a.kv_heads + kv_head : -1;
  }
  const int64_t max_pages = a.max_pages.value();
  if (j / a.page >= max_pages) return -1;
  const int64_t id = a.page_table[s * max_pages + j / a.page];
  return id < 0 || id >= a.n_pages ? -1 : (id * a.kv_heads + kv_head) * a.page + j % a.page;
}

template <int kType>
__device__ float product(const AttentionArgs& a, const float* q, int64_t row) {
  const auto* k = static_cast<const uint8_t*>(a.k) + row * bytes_of(kType, a.head_dim);
  float sum = 0.0f;
  for (int64_t d = 0; d < a.head_dim; ++d) sum += q[d] * element<kType>(k, d);
  return sum;
}

template <int kType>
__global__ void attention_kernel(AttentionArgs a) {
  __shared__ float weight[kTile];
  __shared__ int64_t row_of[kTile];
  const int64_t t = blockIdx.x, head = blockIdx.y, kv_head = head * a.kv_heads / a.heads;
  if (t >= a.tokens.value()) return;
  float* y = a.y + (t * a.heads + head) * a.v_dim;
  const float* q = a.q + (t * a.heads + head) * a.head_dim;
  const int64_t s = sequence_of(a, t);
  float sum[kMostColumns] = {};
  float top = -INFINITY, total = 0.0f;
  if (s >= 0) {
    const int64_t n_rows = a.seq_start[s + 1] - a.seq_start[s];
    const int64_t n_keys = a.page_table != nullptr ? a.seq_len[s] : a.k_start[s + 1] - a.k_start[s];
    const int64_t position = n_keys - n_rows + t - a.seq_start[s];
    const int64_t end = a.causal && position + 1 < n_keys ? position + 1 : n_keys;
    const int64_t least = a.window == 0 ? 0 : position - a.window + 1;
    const int64_t mask_columns = a.mask == nullptr ? 0 : a.mask_columns.value();
    for (int64_t begin = least > 0 ? least / kTile * kTile : 0; begin < end; begin += kTile) {
      const int64_t j = begin + threadIdx.x;
      const int64_t row = j < end && j >= least ? key_row(a, s, j, kv_head) : -1;
      float score = -INFINITY;
      if (row >= 0) {
        score = a.scale * product<kType>(a, q, row);
        if (a.softcap > 0.0f) score = a.softcap * tanhf(score / a.softcap);
        if (a.alibi != nullptr) score += a.alibi[head] * static_cast<float>(j - position);
        if (j < mask_columns) score += a.mask[t * mask_columns + j];
      }
      const float tile_top = block_reduce<kTile>(score, Larger());
      if (tile_top == -INFINITY) continue;
      const float new_top = tile_top > top ? tile_top : top;
      const float shrink = top == -INFINITY ? 0.0f : expf(top - new_top);
      const float p = score == -INFINITY ? 0.0f : expf(score - new_top);
      top = new_top;
      weight[threadIdx.x] = p;
      row_of[threadIdx.x] = score == -INFINITY ? -1 : row;
      total = total * shrink + block_reduce<kTile>(p, Add());  // waits for weight and row_of, too
      const int here = static_cast<int>(end - begin < kTile ? end - begin : kTile);
#pragma unroll
      for (int c = 0; c < kMostColumns; ++c) {
        const int64_t column = c * kTile + threadIdx.x;
        if (column >= a.v_dim) break;
        float value = sum[c] * shrink;
        for (int i = 0; i < here; ++i) {
          if (row_of[i] < 0) continue;
          const auto* v = static_cast<const uint8_t*>(a.v) + row_of[i] * bytes_of(kType, a.v_row);
          value += weight[i] * element<kType>(v, column);
        }
        sum[c] = value;
      }
      __syncthreads();
    }
    if (a.sinks != nullptr && top != -INFINITY) {
      const float sink = a.sinks[head];
      const float new_top = sink > top ? sink : top;
      const float shrink = expf(top - new_top);
      total = total * shrink + expf(sink - new_top);
      for (int c = 0; c < kMostColumns; ++c) sum[c] *= shrink;
    }
  }
#pragma unroll
  for (int c = 0; c < kMostColumns; ++c) {
    const int64_t column = c * kTile + threadIdx.x;
    if (column < a.v_dim) y[column] = total > 0.0f ? sum[c] / total : 0.0f;
  }
}

__global__ void kv_write_kernel(KvWriteArgs a) {
  const int64_t row_elements = a.cache.heads * a.cache.head_dim;
  for_each(a.tokens.value() * row_elements, [&](int64_t i) {
    const int64_t slot = a.slots[i / row_elements];
    if (slot < 0 || slot >= a.cache.pages * a.cache.page) return;
    const int64_t head = i % row_elements / a.cache.head_dim;
    const int64_t row = (slot / a.cache.page * a.cache.heads + head) * a.cache.page + slot % a.cache.page;
    store_float(a.cache.dtype, a.cache.data, row * a.cache.head_dim + i % a.cache.head_dim, a.x[i]);
  });
}

__global__ void kv_gather_kernel(KvGatherArgs a) {
  const int64_t row_elements = a.cache.heads * a.cache.head_dim;
  const int64_t max_pages = a.max_pages.value(), n_seqs = a.n_starts.value() - 1;
  for_each(a.rows.value() * row_elements, [&](int64_t i) {
    const int64_t row = i / row_elements, head = i % row_elements / a.cache.head_dim;
    float value = 0.0f;
    for (int64_t s = 0; s < n_seqs; ++s) {
      if (a.k_start[s] > row || row >= a.k_start[s + 1]) continue;
      const int64_t j = row - a.k_start[s];
      if (j / a.cache.page >= max_pages) break;
      const int64_t id = a.page_table[s * max_pages + j / a.cache.page];
      if (id < 0 || id >= a.cache.pages) break;
      const int64_t from = (id * a.cache.heads + head) * a.cache.page + j % a.cache.page;
      value = load_float(a.cache.dtype, a.cache.data, from * a.cache.head_dim + i % a.cache.head_dim);
      break;
    }
    store_float(a.y_dtype, a.y, i, value);
  });
}

}  // namespace

void attention(Launch& at, const AttentionArgs& args) {
  const Grid grid{args.tokens.bound, args.heads};
  const auto kernel = args.kv_dtype == BP_DT_F32   ? attention_kernel<BP_DT_F32>
                      : args.kv_dtype == BP_DT_F16 ? attention_kernel<BP_DT_F16>
                                                   : attention_kernel<BP_DT_BF16>;
  start(at, kernel, grid, kTile, args);
}

void kv_write(Launch& at, const KvWriteArgs& args) {
  start(at, kv_write_kernel, {blocks_for(args.tokens.bound * args.cache.heads * args.cache.head_dim)}, kBlock, args);
}

void kv_gather(Launch& at, const KvGatherArgs& args) {
  start(at, kv_gather_kernel, {blocks_for(args.rows.bound * args.cache.heads * args.cache.head_dim)}, kBlock, args);
}

}  // namespace bp::gpu
