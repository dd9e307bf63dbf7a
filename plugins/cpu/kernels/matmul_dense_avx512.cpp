#include <immintrin.h>

#include "kernels/matmul.h"
#include "kernels/matmul_ahead.h"

namespace bp::cpu {
namespace {

struct F32 {
  template <int R>
  static void tile(const MatmulTile& t) {
    const auto* w = reinterpret_cast<const float*>(t.w);
    const auto* x = reinterpret_cast<const float*>(t.x);
    __m512 sum[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) sum[r] = _mm512_setzero_ps();
#pragma GCC unroll 4
    for (int64_t k = 0; k < t.k; ++k) {
      read_ahead<R, 64>(reinterpret_cast<const std::byte*>(w));
      const __m512 v = _mm512_load_ps(w);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) sum[r] = _mm512_fmadd_ps(v, _mm512_set1_ps(x[r]), sum[r]);
      w += kGroupRows;
      x += R;
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) _mm512_storeu_ps(t.y + kGroupRows * r, sum[r]);
  }
};

// Both k of a 64-byte line of 16-bit weights.
template <WeightFormat F>
inline void widen(const std::byte* line, __m512& first, __m512& second) {
  if constexpr (F == WeightFormat::kF16) {
    first = _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(line)));
    second = _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(line + 32)));
  } else {
    const __m512i both = _mm512_load_si512(line);
    first = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16));
    second = _mm512_castsi512_ps(_mm512_and_si512(both, _mm512_set1_epi32(static_cast<int32_t>(0xffff0000u))));
  }
}

// Even and odd k are summed apart: one chain would wait for itself where rows are few.
template <WeightFormat F>
struct Halves {
  template <int R>
  static void tile(const MatmulTile& t) {
    const std::byte* w = t.w;
    const auto* x = reinterpret_cast<const float*>(t.x);
    __m512 even[R];
    __m512 odd[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) even[r] = odd[r] = _mm512_setzero_ps();
#pragma GCC unroll 2
    for (int64_t k = 0; k < t.k; k += 2) {
      read_ahead<R, 64>(w);
      __m512 first;
      __m512 second;
      widen<F>(w, first, second);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        even[r] = _mm512_fmadd_ps(first, _mm512_set1_ps(x[r]), even[r]);
        odd[r] = _mm512_fmadd_ps(second, _mm512_set1_ps(x[R + r]), odd[r]);
      }
      w += 64;
      x += 2 * R;
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) _mm512_storeu_ps(t.y + kGroupRows * r, _mm512_add_ps(even[r], odd[r]));
  }
};

constexpr XFormat kX = {XFormat::Kind::kF32};
constexpr MatmulKernel kF32 = {kX, pack_x_f32, 12, kTilesOf<F32, 12>.data()};
template <WeightFormat F>
constexpr MatmulKernel kHalves = {kX, pack_x_f32, 12, kTilesOf<Halves<F>, 12>.data()};

}  // namespace

const MatmulKernel& matmul_dense_avx512(WeightFormat format) {
  if (format == WeightFormat::kF32) return kF32;
  return format == WeightFormat::kF16 ? kHalves<WeightFormat::kF16> : kHalves<WeightFormat::kBf16>;
}

}  // namespace bp::cpu
