// How rows of keys and values come into vectors of f32. Included like simd.h.
#pragma once

#include "kernels/attention_block.h"
#include "kernels/transpose.h"

namespace bp::cpu::BP_CPU_ISA {
namespace {

struct LoadF32 {
  using Element = float;
  static constexpr bool kHalves = false;
  static V whole(const void* row, int64_t i) { return load(static_cast<const float*>(row) + i); }
  static V part(const void* row, int64_t i, int64_t n) { return load(static_cast<const float*>(row) + i, first(n)); }
};
struct LoadF16 {
  using Element = uint16_t;
  static constexpr bool kHalves = kLanes == 16;
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
  using Element = uint16_t;
  static constexpr bool kHalves = kLanes == 16;
  static V whole(const void* row, int64_t i) { return bf16_to_f32(load_halves(static_cast<const uint16_t*>(row) + i)); }
  static V part(const void* row, int64_t i, int64_t n) {
    return bf16_to_f32(load_halves(static_cast<const uint16_t*>(row) + i, n));
  }
#if defined(__AVX512F__)
  static V low(__m512i x) { return _mm512_castsi512_ps(_mm512_slli_epi32(x, 16)); }
  static V high(__m512i x) { return _mm512_castsi512_ps(_mm512_and_si512(x, _mm512_set1_epi32(-65536))); }
#endif
};

template <class Load>
constexpr int64_t kElementBytes = sizeof(typename Load::Element);

#if defined(__AVX512F__)
// 32 columns of 16 bits of 16 keys: pairs of columns are transposed as one element, then widened, which halves the
// shuffles.
template <class Load>
inline void transpose_pairs(const Places& rows, int64_t key, int64_t d, float* out) {
  V r[kLanes];
  for (int i = 0; i < kLanes; ++i) {
    r[i] = _mm512_castsi512_ps(_mm512_loadu_si512(rows[key + i] + d * 2));
  }
  transpose(r);
  for (int i = 0; i < kLanes; ++i) {
    store(out + (2 * i) * kBlockKeys, Load::low(_mm512_castps_si512(r[i])));
    store(out + (2 * i + 1) * kBlockKeys, Load::high(_mm512_castps_si512(r[i])));
  }
}

// The columns [d, d + n), n <= 32, of 32 keys, as 16 bits: two keys are interleaved, then transposed as one element.
inline void transpose_halves(const Places& rows, int64_t key, int64_t d, int64_t n, uint16_t* out) {
  const __mmask32 columns = n >= 32 ? ~__mmask32{0} : (__mmask32{1} << n) - 1;
  for (int high = 0; high < 2; ++high) {
    V r[kLanes];
    for (int i = 0; i < kLanes; ++i) {
      const __m512i a = _mm512_maskz_loadu_epi16(columns, rows[key + 2 * i] + d * 2);
      const __m512i b = _mm512_maskz_loadu_epi16(columns, rows[key + 2 * i + 1] + d * 2);
      r[i] = _mm512_castsi512_ps(high != 0 ? _mm512_unpackhi_epi16(a, b) : _mm512_unpacklo_epi16(a, b));
    }
    transpose(r);
    for (int i = 0; i < kLanes; ++i) {
      const int64_t column = 8 * (i / 4) + 4 * high + i % 4;
      if (column < n) _mm512_storeu_si512(out + column * kBlockKeys, _mm512_castps_si512(r[i]));
    }
  }
}

// keys [head_dim, kBlockKeys] as they are in the cache. For few rows: widening them once for each tile of rows costs
// less than shuffling wide ones.
inline void copy_halves(const HeadBlock& at, int64_t head_dim, uint16_t* keys) {
  for (int64_t g = 0; g < kBlockKeys; g += 32) {
    if (g >= at.block->n) {  // as in transpose_keys
      for (int64_t d = 0; d < head_dim; ++d) _mm512_storeu_si512(keys + d * kBlockKeys + g, _mm512_setzero_si512());
      continue;
    }
    for (int64_t d = 0; d < head_dim; d += 32) {
      transpose_halves(at.k, g, d, least(32, head_dim - d), keys + d * kBlockKeys + g);
    }
  }
}
#endif

// The columns [d, d + n), n <= kLanes, of kLanes keys.
template <class Load>
inline void transpose_columns(const Places& rows, int64_t key, int64_t d, int64_t n, float* out) {
  V r[kLanes];
  if (n == kLanes) {
    for (int i = 0; i < kLanes; ++i) r[i] = Load::whole(rows[key + i], d);
    transpose(r);
    for (int i = 0; i < kLanes; ++i) store(out + i * kBlockKeys, r[i]);
  } else {
    for (int i = 0; i < kLanes; ++i) r[i] = Load::part(rows[key + i], d, n);
    transpose(r);
    for (int64_t i = 0; i < n; ++i) store(out + i * kBlockKeys, r[i]);
  }
}

// keys [head_dim, kBlockKeys] in f32.
template <class Load>
inline void transpose_keys(const HeadBlock& at, int64_t head_dim, float* keys) {
  for (int64_t g = 0; g < kBlockKeys; g += kLanes) {
    if (g >= at.block->n) {  // scores of keys that do not exist are computed, then masked: they must only be finite
      for (int64_t d = 0; d < head_dim; ++d) store(keys + d * kBlockKeys + g, zero());
      continue;
    }
    for (int64_t d = 0; d < head_dim;) {
      float* out = keys + d * kBlockKeys + g;
#if defined(__AVX512F__)
      if constexpr (Load::kHalves) {
        if (d + 2 * kLanes <= head_dim) {
          transpose_pairs<Load>(at.k, g, d, out);
          d += 2 * kLanes;
          continue;
        }
      }
#endif
      transpose_columns<Load>(at.k, g, d, least(kLanes, head_dim - d), out);
      d += kLanes;
    }
  }
}

// values [kBlockKeys, stride] in f32.
template <class Load>
inline void copy_values(const HeadBlock& at, int64_t v_dim, int64_t stride, float* values) {
  Ahead ahead(at.next_v, v_dim * kElementBytes<Load>);
  for (int64_t j = 0; j < at.block->n; ++j) {
    float* out = values + j * stride;
    const char* row = at.v[j];
    for (int64_t line = 0; line < v_dim * kElementBytes<Load>; line += 64) ahead.step();
    int64_t i = 0;
    for (; i + kLanes <= v_dim; i += kLanes) store(out + i, Load::whole(row, i));
    if (i < v_dim) store(out + i, Load::part(row, i, v_dim - i));
  }
}

}  // namespace
}  // namespace bp::cpu::BP_CPU_ISA
