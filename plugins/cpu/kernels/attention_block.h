// A block of keys for attention: where its rows lie, and how they come into f32. Included like simd.h.
#pragma once

#include "kernels/attention.h"
#include "kernels/simd.h"
#include "kernels/transpose.h"

namespace bp::cpu::BP_CPU_ISA {
namespace {

inline int64_t padded(int64_t n) { return (n + 15) / 16 * 16; }
inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

struct LoadF32 {
  static constexpr int64_t kBytes = 4;
  static constexpr bool kPairs = false;
  static V whole(const void* row, int64_t i) { return load(static_cast<const float*>(row) + i); }
  static V part(const void* row, int64_t i, int64_t n) { return load(static_cast<const float*>(row) + i, first(n)); }
};
struct LoadF16 {
  static constexpr int64_t kBytes = 2;
  static constexpr bool kPairs = kLanes == 16;
  static V whole(const void* row, int64_t i) { return f16_to_f32(load_halves(static_cast<const uint16_t*>(row) + i)); }
  static V part(const void* row, int64_t i, int64_t n) {
    return f16_to_f32(load_halves(static_cast<const uint16_t*>(row) + i, n));
  }
#if defined(__AVX512F__)
  static V low(__m512i x) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(x)); }
  static V high(__m512i x) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(x, 16))); }
#endif
};
struct LoadBF16 {
  static constexpr int64_t kBytes = 2;
  static constexpr bool kPairs = kLanes == 16;
  static V whole(const void* row, int64_t i) { return bf16_to_f32(load_halves(static_cast<const uint16_t*>(row) + i)); }
  static V part(const void* row, int64_t i, int64_t n) {
    return bf16_to_f32(load_halves(static_cast<const uint16_t*>(row) + i, n));
  }
#if defined(__AVX512F__)
  static V low(__m512i x) { return _mm512_castsi512_ps(_mm512_slli_epi32(x, 16)); }
  static V high(__m512i x) { return _mm512_castsi512_ps(_mm512_and_si512(x, _mm512_set1_epi32(-65536))); }
#endif
};

// What is fixed for one call of attention_part.
struct Span {
  const AttentionArgs* args;
  AttentionRows rows;
  int64_t n_rows;
  int64_t n_keys;     // of the sequence, as far as any of the rows sees
  int64_t first_pos;  // of the token of row 0 of the sequence in this step
  int64_t token0;     // index in q and y of that token
  int64_t sum_stride;
  float* q;       // [n_rows, head_dim], scaled
  float* keys;    // [head_dim, kBlockKeys]
  float* values;  // [kBlockKeys, sum_stride]
  float* zeros;   // a row

  int64_t row_token(int64_t r) const { return (rows.begin + r) / args->group(); }
  int64_t row_head(int64_t r) const { return rows.kv_head * args->group() + (rows.begin + r) % args->group(); }
  int64_t row_pos(int64_t r) const { return first_pos + row_token(r); }
};

// One block of keys: where they lie, and which exist.
struct Block {
  int64_t first_key;
  int64_t n;  // keys up to the last that exists
  uint64_t exist;
  const void* k[kBlockKeys];
  const void* v[kBlockKeys];
};

// The rows of V of a block, and those of the next one where nobody has asked for them yet.
struct Values {
  const void* const* rows;
  const void* const* next;
};

inline void locate(const Span& span, int64_t first_key, int64_t element_bytes, Block* block) {
  const AttentionArgs& a = *span.args;
  const int32_t* pages = a.page_table + span.rows.seq * a.max_pages;
  block->first_key = first_key;
  block->exist = 0;
  block->n = 0;
  for (int64_t j = 0; j < kBlockKeys; ++j) {
    block->k[j] = span.zeros;
    block->v[j] = span.zeros;
    const int64_t key = first_key + j;
    const int64_t slot = key / a.page_size;
    if (key >= span.n_keys || slot >= a.max_pages) continue;
    const int64_t page = pages[slot];
    if (page < 0 || page >= a.n_pages) continue;
    const int64_t row = (page * a.n_kv_heads + span.rows.kv_head) * a.page_size + key % a.page_size;
    block->k[j] = static_cast<const char*>(a.k) + row * a.head_dim * element_bytes;
    block->v[j] = static_cast<const char*>(a.v) + row * a.v_row * element_bytes;
    block->exist |= uint64_t{1} << j;
    block->n = j + 1;
  }
}

// Pages lie anywhere, so the hardware does not foresee the next block. A few lines at a time, between the arithmetic,
// since a burst would wait for itself; into L2, which takes far more outstanding lines than L1 (1.8 times as fast on
// Zen 4).
inline void prefetch(const void* row, int64_t begin, int64_t bytes) {
  const char* p = static_cast<const char*>(row) + begin;
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(p + i, 0, 2);
}

#if defined(__AVX512F__)
// 32 columns of 16 bits of 16 keys: pairs of columns are transposed as one element, then widened, which halves the
// shuffles.
template <class Load>
inline void transpose_pairs(const void* const* rows, int64_t d, float* out) {
  V r[kLanes];
  for (int i = 0; i < kLanes; ++i) {
    r[i] = _mm512_castsi512_ps(_mm512_loadu_si512(static_cast<const uint16_t*>(rows[i]) + d));
  }
  transpose(r);
  for (int i = 0; i < kLanes; ++i) {
    store(out + (2 * i) * kBlockKeys, Load::low(_mm512_castps_si512(r[i])));
    store(out + (2 * i + 1) * kBlockKeys, Load::high(_mm512_castps_si512(r[i])));
  }
}
#endif

// The columns [d, d + n), n <= kLanes, of kLanes keys.
template <class Load>
inline void transpose_columns(const void* const* rows, int64_t d, int64_t n, float* out) {
  V r[kLanes];
  if (n == kLanes) {
    for (int i = 0; i < kLanes; ++i) r[i] = Load::whole(rows[i], d);
    transpose(r);
    for (int i = 0; i < kLanes; ++i) store(out + i * kBlockKeys, r[i]);
  } else {
    for (int i = 0; i < kLanes; ++i) r[i] = Load::part(rows[i], d, n);
    transpose(r);
    for (int64_t i = 0; i < n; ++i) store(out + i * kBlockKeys, r[i]);
  }
}

template <class Load>
inline void transpose_keys(const Block& block, const Block& next, int64_t head_dim, float* keys) {
  for (int64_t g = 0; g < kBlockKeys; g += kLanes) {
    if (g >= block.n) {  // scores of keys that do not exist are computed, then masked: they must only be finite
      for (int64_t d = 0; d < head_dim; ++d) store(keys + d * kBlockKeys + g, zero());
      continue;
    }
    for (int64_t d = 0; d < head_dim;) {
      if (d * Load::kBytes % 64 == 0) {
        for (int i = 0; i < kLanes; ++i) prefetch(next.k[g + i], d * Load::kBytes, 64);
      }
      float* out = keys + d * kBlockKeys + g;
#if defined(__AVX512F__)
      if constexpr (Load::kPairs) {
        if (d + 2 * kLanes <= head_dim) {
          transpose_pairs<Load>(block.k + g, d, out);
          d += 2 * kLanes;
          continue;
        }
      }
#endif
      transpose_columns<Load>(block.k + g, d, least(kLanes, head_dim - d), out);
      d += kLanes;
    }
  }
}

template <class Load>
inline void copy_values(const Block& block, const Block& next, int64_t v_dim, int64_t stride, float* values) {
  for (int64_t j = 0; j < block.n; ++j) {
    float* out = values + j * stride;
    prefetch(next.v[j], 0, v_dim * Load::kBytes);
    int64_t i = 0;
    for (; i + kLanes <= v_dim; i += kLanes) store(out + i, Load::whole(block.v[j], i));
    if (i < v_dim) store(out + i, Load::part(block.v[j], i, v_dim - i));
  }
}

}  // namespace
}  // namespace bp::cpu::BP_CPU_ISA
