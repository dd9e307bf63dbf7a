#include "kernels/rope.h"

#include "kernels/simd.h"

namespace bp::cpu::BP_CPU_ISA {
namespace {

// 4 angles at once, in double: pi/2 in 53 bits leaves 2^-53 * 2^30 at angle 1e9, far below an ulp of f32.
inline void sincos4(__m128 angle, __m128* sin_out, __m128* cos_out) {
  const __m256d x = _mm256_cvtps_pd(angle);
  const __m256d n = _mm256_round_pd(_mm256_mul_pd(x, _mm256_set1_pd(0.63661977236758134)),
                                    _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m256d r = _mm256_fnmadd_pd(n, _mm256_set1_pd(6.123233995736766e-17),
                                     _mm256_fnmadd_pd(n, _mm256_set1_pd(1.5707963267948966), x));
  const __m256d z = _mm256_mul_pd(r, r);
  __m256d s = _mm256_set1_pd(2.7557313707070068e-6);  // Taylor; the next terms are below 2^-32 on |r| <= pi/4
  s = _mm256_fmadd_pd(s, z, _mm256_set1_pd(-1.9841269841269841e-4));
  s = _mm256_fmadd_pd(s, z, _mm256_set1_pd(8.3333333333333332e-3));
  s = _mm256_fmadd_pd(s, z, _mm256_set1_pd(-1.6666666666666666e-1));
  s = _mm256_fmadd_pd(_mm256_mul_pd(s, z), r, r);
  __m256d c = _mm256_set1_pd(-2.7557319223985888e-7);
  c = _mm256_fmadd_pd(c, z, _mm256_set1_pd(2.4801587301587302e-5));
  c = _mm256_fmadd_pd(c, z, _mm256_set1_pd(-1.3888888888888889e-3));
  c = _mm256_fmadd_pd(c, z, _mm256_set1_pd(4.1666666666666664e-2));
  c = _mm256_fmadd_pd(c, z, _mm256_set1_pd(-0.5));
  c = _mm256_fmadd_pd(c, z, _mm256_set1_pd(1.0));

  // The quadrant is n mod 4: odd ones swap sin and cos, 2 and 3 negate sin, 1 and 2 negate cos.
  const __m256d quarter = _mm256_floor_pd(_mm256_mul_pd(n, _mm256_set1_pd(0.25)));
  const __m128i q = _mm256_cvtpd_epi32(_mm256_fnmadd_pd(quarter, _mm256_set1_pd(4.0), n));
  const __m128 swap = _mm_castsi128_ps(_mm_slli_epi32(q, 31));
  const __m128 fs = _mm256_cvtpd_ps(s);
  const __m128 fc = _mm256_cvtpd_ps(c);
  const __m128 sign_s = _mm_castsi128_ps(_mm_slli_epi32(_mm_srli_epi32(q, 1), 31));
  const __m128 sign_c = _mm_xor_ps(sign_s, swap);
  *sin_out = _mm_xor_ps(_mm_blendv_ps(fs, fc, swap), sign_s);
  *cos_out = _mm_xor_ps(_mm_blendv_ps(fc, fs, swap), sign_c);
}

inline void rotate_halves(const float* cs, const float* sn, const float* x, float* y, int64_t half) {
  for (int64_t i = 0; i < half; i += kLanes) {
    const int64_t n = half - i;
    const VMask m = first(n < kLanes ? n : 0);
    const bool whole = n >= kLanes;
    const V c = whole ? load(cs + i) : load(cs + i, m);
    const V s = whole ? load(sn + i) : load(sn + i, m);
    const V a = whole ? load(x + i) : load(x + i, m);
    const V b = whole ? load(x + half + i) : load(x + half + i, m);
    const V ya = sub(mul(a, c), mul(b, s));
    const V yb = add(mul(a, s), mul(b, c));
    whole ? store(y + i, ya) : store(y + i, ya, m);
    whole ? store(y + half + i, yb) : store(y + half + i, yb, m);
  }
}

inline void rotate_pairs(const float* cs, const float* sn, const float* x, float* y, int64_t half) {
  for (int64_t i = 0; i < half; ++i) {
    const float a = x[2 * i];
    const float b = x[2 * i + 1];
    y[2 * i] = a * cs[i] - b * sn[i];
    y[2 * i + 1] = a * sn[i] + b * cs[i];
  }
}

inline void copy(const float* x, float* y, int64_t n) {
  if (x != y && n > 0) __builtin_memcpy(y, x, static_cast<uint64_t>(n) * sizeof(float));
}

}  // namespace

void rope_angles(float position, const float* freqs, int64_t n, float scale, float* cos_out, float* sin_out) {
  const __m128 p = _mm_set1_ps(position);
  const __m128 k = _mm_set1_ps(scale);
  for (int64_t i = 0; i < n; i += 4) {
    alignas(16) float part[3][4] = {};
    const int64_t left = n - i < 4 ? n - i : 4;
    for (int64_t j = 0; j < left; ++j) part[0][j] = freqs[i + j];
    __m128 s;
    __m128 c;
    sincos4(_mm_mul_ps(p, _mm_load_ps(part[0])), &s, &c);
    _mm_store_ps(part[1], _mm_mul_ps(c, k));
    _mm_store_ps(part[2], _mm_mul_ps(s, k));
    for (int64_t j = 0; j < left; ++j) {
      cos_out[i + j] = part[1][j];
      sin_out[i + j] = part[2][j];
    }
  }
}

void rope_rotate(const RopeShape& shape, const float* cos_in, const float* sin_in, const float* x, float* y) {
  const int64_t half = shape.n_rot / 2;
  const int64_t end = shape.offset + shape.n_rot;
  for (int64_t h = 0; h < shape.n_heads; ++h, x += shape.head_dim, y += shape.head_dim) {
    copy(x, y, shape.offset);
    if (shape.interleaved) {
      rotate_pairs(cos_in, sin_in, x + shape.offset, y + shape.offset, half);
    } else {
      rotate_halves(cos_in, sin_in, x + shape.offset, y + shape.offset, half);
    }
    copy(x + end, y + end, shape.head_dim - end);
  }
}

}  // namespace bp::cpu::BP_CPU_ISA
