// The vectors that products of block formats are made of: with AVX-512 VNNI all 16 rows of a line at once, with AVX2
// eight, in two halves. Both give the same bits. For the sources compiled for one of these instruction sets.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "kernels/weight_format.h"

namespace bp::cpu {
namespace {

#define BP_CPU_INLINE inline __attribute__((always_inline))

#if defined(__AVX512VNNI__)

constexpr int kLanes = 16;
using F = __m512;   // a float for each row
using I = __m512i;  // four bytes, or an integer, for each row

BP_CPU_INLINE F zero() { return _mm512_setzero_ps(); }
BP_CPU_INLINE F set1(float v) { return _mm512_set1_ps(v); }
BP_CPU_INLINE F mul(F a, F b) { return _mm512_mul_ps(a, b); }
BP_CPU_INLINE F sub(F a, F b) { return _mm512_sub_ps(a, b); }
BP_CPU_INLINE F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
BP_CPU_INLINE F to_float(I v) { return _mm512_cvtepi32_ps(v); }
BP_CPU_INLINE void store(float* p, F v) { _mm512_storeu_ps(p, v); }

BP_CPU_INLINE F load_f16(const std::byte* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
BP_CPU_INLINE __m128i load_bytes(const std::byte* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
BP_CPU_INLINE F load_f32(const float* p) { return _mm512_loadu_ps(p); }
BP_CPU_INLINE F add(F a, F b) { return _mm512_add_ps(a, b); }
// fp8 as the f16 of the same bits, of e4m3 that is a 256th.
BP_CPU_INLINE F e4m3_256th(__m128i v) {
  const __m256i wide = _mm256_cvtepu8_epi16(v);
  const __m256i size = _mm256_slli_epi16(_mm256_and_si256(wide, _mm256_set1_epi16(0x7f)), 7);
  const __m256i sign = _mm256_slli_epi16(_mm256_and_si256(wide, _mm256_set1_epi16(0x80)), 8);
  return _mm512_cvtph_ps(_mm256_or_si256(size, sign));
}
BP_CPU_INLINE F e5m2(__m128i v) { return _mm512_cvtph_ps(_mm256_slli_epi16(_mm256_cvtepu8_epi16(v), 8)); }
BP_CPU_INLINE I widen_i8(__m128i v) { return _mm512_cvtepi8_epi32(v); }
BP_CPU_INLINE I widen_u8(__m128i v) { return _mm512_cvtepu8_epi32(v); }
BP_CPU_INLINE I and_int(I v, int mask) { return _mm512_and_si512(v, _mm512_set1_epi32(mask)); }
template <int kBits>
BP_CPU_INLINE I shift_right_int(I v) {
  return _mm512_srli_epi32(v, kBits);
}
// 2^(v - 128), also where that is below the normal numbers.
BP_CPU_INLINE F half_power(I v) {
  const I normal = _mm512_slli_epi32(_mm512_sub_epi32(v, _mm512_set1_epi32(1)), 23);
  const I small = _mm512_sllv_epi32(_mm512_set1_epi32(0x00200000), v);
  const __mmask16 is_small = _mm512_cmplt_epi32_mask(v, _mm512_set1_epi32(2));
  return _mm512_castsi512_ps(_mm512_mask_mov_epi32(normal, is_small, small));
}

BP_CPU_INLINE I load_line(const std::byte* p) { return _mm512_load_si512(p); }
BP_CPU_INLINE I mask_bytes(I v, int mask) { return _mm512_and_si512(v, _mm512_set1_epi8(static_cast<char>(mask))); }
// v shifted right, or left by -kBits. Bits cross bytes.
template <int kBits>
BP_CPU_INLINE I shift_bytes(I v) {
  return kBits >= 0 ? _mm512_srli_epi16(v, kBits >= 0 ? kBits : 0) : _mm512_slli_epi16(v, kBits < 0 ? -kBits : 0);
}
// a | (b & mask) for each byte
BP_CPU_INLINE I merge(I a, I b, int mask) {
  return _mm512_ternarylogic_epi32(a, b, _mm512_set1_epi8(static_cast<char>(mask)), 0xf8);
}
BP_CPU_INLINE I look_up(__m128i table, I index) { return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), index); }

// Sums of products of codes with kLines quads of 8-bit values, for R rows of x. kLargest: no code is larger.
template <int kLargest, int kLines, int R>
struct Dot {
  I sum[R];
  // correction [R], what an offset of the codes is made up for with; null: none
  BP_CPU_INLINE void start(const int32_t* correction) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
      sum[r] = correction == nullptr ? _mm512_setzero_si512() : _mm512_set1_epi32(correction[r]);
  }
  template <int kLine>
  BP_CPU_INLINE void add(I codes, const int32_t* x) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) sum[r] = _mm512_dpbusd_epi32(sum[r], codes, _mm512_set1_epi32(x[r]));
  }
  BP_CPU_INLINE I result(int r) const { return sum[r]; }
};

#else

constexpr int kLanes = 8;
using F = __m256;
using I = __m256i;

BP_CPU_INLINE F zero() { return _mm256_setzero_ps(); }
BP_CPU_INLINE F set1(float v) { return _mm256_set1_ps(v); }
BP_CPU_INLINE F mul(F a, F b) { return _mm256_mul_ps(a, b); }
BP_CPU_INLINE F sub(F a, F b) { return _mm256_sub_ps(a, b); }
BP_CPU_INLINE F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
BP_CPU_INLINE F to_float(I v) { return _mm256_cvtepi32_ps(v); }
BP_CPU_INLINE void store(float* p, F v) { _mm256_storeu_ps(p, v); }

BP_CPU_INLINE F load_f16(const std::byte* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
BP_CPU_INLINE __m128i load_bytes(const std::byte* p) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); }
BP_CPU_INLINE F load_f32(const float* p) { return _mm256_loadu_ps(p); }
BP_CPU_INLINE F add(F a, F b) { return _mm256_add_ps(a, b); }
// fp8 as the f16 of the same bits, of e4m3 that is a 256th.
BP_CPU_INLINE F e4m3_256th(__m128i v) {
  const __m128i wide = _mm_cvtepu8_epi16(v);
  const __m128i size = _mm_slli_epi16(_mm_and_si128(wide, _mm_set1_epi16(0x7f)), 7);
  const __m128i sign = _mm_slli_epi16(_mm_and_si128(wide, _mm_set1_epi16(0x80)), 8);
  return _mm256_cvtph_ps(_mm_or_si128(size, sign));
}
BP_CPU_INLINE F e5m2(__m128i v) { return _mm256_cvtph_ps(_mm_slli_epi16(_mm_cvtepu8_epi16(v), 8)); }
BP_CPU_INLINE I widen_i8(__m128i v) { return _mm256_cvtepi8_epi32(v); }
BP_CPU_INLINE I widen_u8(__m128i v) { return _mm256_cvtepu8_epi32(v); }
BP_CPU_INLINE I and_int(I v, int mask) { return _mm256_and_si256(v, _mm256_set1_epi32(mask)); }
template <int kBits>
BP_CPU_INLINE I shift_right_int(I v) {
  return _mm256_srli_epi32(v, kBits);
}
BP_CPU_INLINE F half_power(I v) {
  const I normal = _mm256_slli_epi32(_mm256_sub_epi32(v, _mm256_set1_epi32(1)), 23);
  const I small = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), v);
  const I is_small = _mm256_cmpgt_epi32(_mm256_set1_epi32(2), v);
  return _mm256_castsi256_ps(_mm256_blendv_epi8(normal, small, is_small));
}

BP_CPU_INLINE I load_line(const std::byte* p) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(p)); }
BP_CPU_INLINE I mask_bytes(I v, int mask) { return _mm256_and_si256(v, _mm256_set1_epi8(static_cast<char>(mask))); }
template <int kBits>
BP_CPU_INLINE I shift_bytes(I v) {
  return kBits >= 0 ? _mm256_srli_epi16(v, kBits >= 0 ? kBits : 0) : _mm256_slli_epi16(v, kBits < 0 ? -kBits : 0);
}
BP_CPU_INLINE I merge(I a, I b, int mask) { return _mm256_or_si256(a, mask_bytes(b, mask)); }
BP_CPU_INLINE I look_up(__m128i table, I index) {
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), index);
}

// Products of unsigned with signed bytes are added in pairs, which saturate at 16 bits: as many lines are added in 16
// bits as cannot reach that. Codes beyond 127 are made signed first, and their magnitude multiplied with x under their
// sign, so that they need no correction.
template <int kLargest, int kLines, int R>
struct Dot {
  static constexpr bool kSigned = kLargest > 127;
  static constexpr int kFit = 32767 / (2 * 127 * (kSigned ? 128 : kLargest));
  static constexpr int kTogether = kFit >= kLines ? kLines : kFit >= 4 ? 4 : kFit >= 2 ? 2 : 1;
  I sum[R];
  I pairs[R];
  const int32_t* correction_;
  BP_CPU_INLINE void start(const int32_t* correction) { correction_ = kSigned ? nullptr : correction; }
  template <int kLine>
  BP_CPU_INLINE void add(I codes, const int32_t* x) {
    const I value = kSigned ? _mm256_xor_si256(codes, _mm256_set1_epi8(-128)) : codes;
    const I size = kSigned ? _mm256_abs_epi8(value) : codes;
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      I v = _mm256_set1_epi32(x[r]);
      if constexpr (kSigned) v = _mm256_sign_epi8(v, value);
      const I products = _mm256_maddubs_epi16(size, v);
      pairs[r] = kLine % kTogether == 0 ? products : _mm256_add_epi16(pairs[r], products);
      if constexpr (kLine % kTogether == kTogether - 1) {
        const I four = _mm256_madd_epi16(pairs[r], _mm256_set1_epi16(1));
        sum[r] = kLine < kTogether ? four : _mm256_add_epi32(sum[r], four);
      }
    }
  }
  BP_CPU_INLINE I result(int r) const {
    return correction_ == nullptr ? sum[r] : _mm256_add_epi32(sum[r], _mm256_set1_epi32(correction_[r]));
  }
};

#endif

// f.operator()<i>() for i in [0, kCount), unrolled.
template <int kCount, class Fn>
BP_CPU_INLINE void each(Fn f) {
  [&]<int... i>(std::integer_sequence<int, i...>)
      __attribute__((always_inline)) { (f.template operator()<i>(), ...); }(std::make_integer_sequence<int, kCount>{});
}

}  // namespace
}  // namespace bp::cpu
