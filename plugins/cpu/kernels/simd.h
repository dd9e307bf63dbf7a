// Vectors of f32 in the instruction set that the including file is compiled for; kLanes of them in a V.
// Only for files compiled with BP_CPU_ISA: everything is in an unnamed namespace, so that no copy leaks into another
// set. Tails go through the same operations with masked loads and stores, so that a result never depends on its place
// in a row.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/isa.h"

namespace bp::cpu::BP_CPU_ISA {
namespace {

#if defined(__AVX512F__)

constexpr int kLanes = 16;
using V = __m512;
using VMask = __mmask16;

inline V set1(float x) { return _mm512_set1_ps(x); }
inline V zero() { return _mm512_setzero_ps(); }
inline V iota() { return _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }
inline V load(const float* p) { return _mm512_loadu_ps(p); }
inline void store(float* p, V v) { _mm512_storeu_ps(p, v); }
inline V add(V a, V b) { return _mm512_add_ps(a, b); }
inline V sub(V a, V b) { return _mm512_sub_ps(a, b); }
inline V mul(V a, V b) { return _mm512_mul_ps(a, b); }
inline V div(V a, V b) { return _mm512_div_ps(a, b); }
inline V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
inline V fnma(V a, V b, V c) { return _mm512_fnmadd_ps(a, b, c); }
inline V max(V a, V b) { return _mm512_max_ps(a, b); }  // b where either is NaN
inline V min(V a, V b) { return _mm512_min_ps(a, b); }
inline V sqrt(V a) { return _mm512_sqrt_ps(a); }
inline V round(V a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline V abs(V a) { return _mm512_abs_ps(a); }
inline V neg(V a) { return _mm512_xor_ps(a, _mm512_set1_ps(-0.0f)); }
inline V copy_sign(V magnitude, V sign) {
  const V bit = _mm512_set1_ps(-0.0f);
  return _mm512_or_ps(_mm512_andnot_ps(bit, magnitude), _mm512_and_ps(bit, sign));
}
inline VMask lt(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
inline VMask eq(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
inline bool any(VMask m) { return m != 0; }
inline V select(VMask m, V yes, V no) { return _mm512_mask_blend_ps(m, no, yes); }
inline VMask mask_of_bits(uint32_t bits) { return static_cast<VMask>(bits); }
inline VMask first(int64_t n) { return static_cast<VMask>((1u << n) - 1u); }
inline V load(const float* p, VMask m) { return _mm512_maskz_loadu_ps(m, p); }
inline void store(float* p, V v, VMask m) { _mm512_mask_storeu_ps(p, m, v); }
// a * 2^n for whole n.
inline V scale_by_power(V a, V n) { return _mm512_scalef_ps(a, n); }

inline float sum(V v) {
  const __m256 a = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
  const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(c, _mm_shuffle_ps(c, c, 1)));
}
inline float greatest(V v) {
  const __m256 a = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
  const __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_max_ss(c, _mm_shuffle_ps(c, c, 1)));
}

using Halves = __m256i;  // kLanes values of 16 bits
inline Halves load_halves(const uint16_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
inline Halves load_halves(const uint16_t* p, int64_t n) { return _mm256_maskz_loadu_epi16(first(n), p); }
inline void store_halves(uint16_t* p, Halves h) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), h); }
inline void store_halves(uint16_t* p, Halves h, int64_t n) { _mm256_mask_storeu_epi16(p, first(n), h); }
inline V f16_to_f32(Halves h) { return _mm512_cvtph_ps(h); }
inline V bf16_to_f32(Halves h) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16)); }
inline Halves f32_to_f16(V v) { return _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline Halves f32_to_bf16(V v) {
  const __m512i u = _mm512_castps_si512(v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(_mm512_add_epi32(u, _mm512_set1_epi32(0x7fff)), odd), 16);
  const __m512i quiet = _mm512_or_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(0x40));
  const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  return _mm512_cvtepi32_epi16(_mm512_mask_blend_epi32(nan, rounded, quiet));
}
inline V from_i8(const int8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}

#else

constexpr int kLanes = 8;
using V = __m256;
using VMask = __m256;

inline V set1(float x) { return _mm256_set1_ps(x); }
inline V zero() { return _mm256_setzero_ps(); }
inline V iota() { return _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7); }
inline V load(const float* p) { return _mm256_loadu_ps(p); }
inline void store(float* p, V v) { _mm256_storeu_ps(p, v); }
inline V add(V a, V b) { return _mm256_add_ps(a, b); }
inline V sub(V a, V b) { return _mm256_sub_ps(a, b); }
inline V mul(V a, V b) { return _mm256_mul_ps(a, b); }
inline V div(V a, V b) { return _mm256_div_ps(a, b); }
inline V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
inline V fnma(V a, V b, V c) { return _mm256_fnmadd_ps(a, b, c); }
inline V max(V a, V b) { return _mm256_max_ps(a, b); }  // b where either is NaN
inline V min(V a, V b) { return _mm256_min_ps(a, b); }
inline V sqrt(V a) { return _mm256_sqrt_ps(a); }
inline V round(V a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline V abs(V a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
inline V neg(V a) { return _mm256_xor_ps(a, _mm256_set1_ps(-0.0f)); }
inline V copy_sign(V magnitude, V sign) {
  const V bit = _mm256_set1_ps(-0.0f);
  return _mm256_or_ps(_mm256_andnot_ps(bit, magnitude), _mm256_and_ps(bit, sign));
}
inline VMask lt(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
inline VMask eq(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
inline bool any(VMask m) { return _mm256_movemask_ps(m) != 0; }
inline V select(VMask m, V yes, V no) { return _mm256_blendv_ps(no, yes, m); }
inline VMask mask_of_bits(uint32_t bits) {
  const __m256i place = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  const __m256i set = _mm256_and_si256(_mm256_set1_epi32(static_cast<int>(bits)), place);
  return _mm256_castsi256_ps(_mm256_cmpeq_epi32(set, place));
}
inline VMask first(int64_t n) { return mask_of_bits((1u << n) - 1u); }
inline V load(const float* p, VMask m) { return _mm256_maskload_ps(p, _mm256_castps_si256(m)); }
inline void store(float* p, V v, VMask m) { _mm256_maskstore_ps(p, _mm256_castps_si256(m), v); }
// a * 2^n for whole n within [-160, 132]: in two steps, since one factor need not be a normal number.
inline V scale_by_power(V a, V n) {
  const __m256i whole = _mm256_cvtps_epi32(n);
  const __m256i half = _mm256_srai_epi32(whole, 1);
  const __m256i rest = _mm256_sub_epi32(whole, half);
  const __m256i bias = _mm256_set1_epi32(127);
  const V f1 = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
  const V f2 = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23));
  return _mm256_mul_ps(_mm256_mul_ps(a, f1), f2);
}

inline float sum(V v) {
  const __m128 b = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(c, _mm_shuffle_ps(c, c, 1)));
}
inline float greatest(V v) {
  const __m128 b = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_max_ss(c, _mm_shuffle_ps(c, c, 1)));
}

using Halves = __m128i;  // kLanes values of 16 bits
inline Halves load_halves(const uint16_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
inline Halves load_halves(const uint16_t* p, int64_t n) {
  alignas(16) uint16_t part[8] = {};
  for (int64_t i = 0; i < n; ++i) part[i] = p[i];
  return _mm_load_si128(reinterpret_cast<const __m128i*>(part));
}
inline void store_halves(uint16_t* p, Halves h) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), h); }
inline void store_halves(uint16_t* p, Halves h, int64_t n) {
  alignas(16) uint16_t part[8];
  _mm_store_si128(reinterpret_cast<__m128i*>(part), h);
  for (int64_t i = 0; i < n; ++i) p[i] = part[i];
}
inline V f16_to_f32(Halves h) { return _mm256_cvtph_ps(h); }
inline V bf16_to_f32(Halves h) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16)); }
inline Halves f32_to_f16(V v) { return _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline Halves f32_to_bf16(V v) {
  const __m256i u = _mm256_castps_si256(v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(u, _mm256_set1_epi32(0x7fff)), odd), 16);
  const __m256i quiet = _mm256_or_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(0x40));
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  const __m256i wide = _mm256_blendv_epi8(rounded, quiet, nan);
  return _mm_packus_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
}
inline V from_i8(const int8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}

#endif

// e^x within 2 ulp; 0 for -inf, inf from 88.73 on, NaN kept, exactly 1 for 0.
inline V exp(V x) {
  x = min(set1(90.0f), max(set1(-110.0f), x));
  const V n = round(mul(x, set1(1.44269504088896341f)));
  V r = fnma(n, set1(0.693359375f), x);
  r = fnma(n, set1(-2.12194440e-4f), r);
  V p = set1(1.9875691500e-4f);
  p = fma(p, r, set1(1.3981999507e-3f));
  p = fma(p, r, set1(8.3334519073e-3f));
  p = fma(p, r, set1(4.1665795894e-2f));
  p = fma(p, r, set1(1.6666665459e-1f));
  p = fma(p, r, set1(5.0000001201e-1f));
  p = fma(p, mul(r, r), add(r, set1(1.0f)));
  return scale_by_power(p, n);
}

inline V sigmoid(V x) { return div(set1(1.0f), add(set1(1.0f), exp(neg(x)))); }

// Cephes: an odd polynomial near zero, where the other form would cancel.
inline V tanh(V x) {
  const V z = mul(x, x);
  V p = set1(-5.70498872745e-3f);
  p = fma(p, z, set1(2.06390887954e-2f));
  p = fma(p, z, set1(-5.37397155531e-2f));
  p = fma(p, z, set1(1.33314422036e-1f));
  p = fma(p, z, set1(-3.33332819422e-1f));
  const V near = fma(mul(p, z), x, x);
  const V far = sub(set1(1.0f), div(set1(2.0f), add(exp(mul(abs(x), set1(2.0f))), set1(1.0f))));
  return select(lt(abs(x), set1(0.625f)), near, copy_sign(far, x));
}

// Calls body(i, load, store) style loops: `body(i)` for whole vectors from 0 on, then `tail(i, n)` for the last n <
// kLanes.
template <class Body, class Tail>
inline void for_lanes(int64_t n, Body body, Tail tail) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(i);
  if (i < n) tail(i, n - i);
}

}  // namespace
}  // namespace bp::cpu::BP_CPU_ISA
