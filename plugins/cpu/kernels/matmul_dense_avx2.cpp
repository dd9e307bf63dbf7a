#include <immintrin.h>

#include "kernels/matmul.h"

namespace bp::cpu {
namespace {

constexpr int kAhead = 2048;  // bytes that few rows read ahead

template <int R>
void tile_f32(const MatmulTile& t) {
  const auto* w = reinterpret_cast<const float*>(t.w);
  const auto* x = reinterpret_cast<const float*>(t.x);
  __m256 left[R];
  __m256 right[R];
  for (int r = 0; r < R; ++r) left[r] = right[r] = _mm256_setzero_ps();
#pragma GCC unroll 2
  for (int64_t k = 0; k < t.k; ++k) {
    if constexpr (R <= 2) _mm_prefetch(w + kAhead / 4, _MM_HINT_T0);
    const __m256 a = _mm256_load_ps(w);
    const __m256 b = _mm256_load_ps(w + 8);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const __m256 v = _mm256_broadcast_ss(x + r);
      left[r] = _mm256_fmadd_ps(a, v, left[r]);
      right[r] = _mm256_fmadd_ps(b, v, right[r]);
    }
    w += kGroupRows;
    x += R;
  }
  for (int r = 0; r < R; ++r) {
    _mm256_storeu_ps(t.y + kGroupRows * r, left[r]);
    _mm256_storeu_ps(t.y + kGroupRows * r + 8, right[r]);
  }
}

// Both k of eight rows; the second eight of bf16 begin 32 bytes on, those of f16 16 bytes on.
template <WeightFormat F>
inline void widen(const std::byte* p, __m256& first, __m256& second) {
  if constexpr (F == WeightFormat::kF16) {
    first = _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(p)));
    second = _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(p + 32)));
  } else {
    const __m256i both = _mm256_load_si256(reinterpret_cast<const __m256i*>(p));
    first = _mm256_castsi256_ps(_mm256_slli_epi32(both, 16));
    second = _mm256_castsi256_ps(_mm256_and_si256(both, _mm256_set1_epi32(static_cast<int32_t>(0xffff0000u))));
  }
}

// Even and odd k are summed apart, as with AVX-512: both give the same bits.
template <WeightFormat F, int R>
void tile_halves(const MatmulTile& t) {
  constexpr int kRight = F == WeightFormat::kF16 ? 16 : 32;
  const std::byte* w = t.w;
  const auto* x = reinterpret_cast<const float*>(t.x);
  __m256 even[2][R];
  __m256 odd[2][R];
  for (int h = 0; h < 2; ++h) {
    for (int r = 0; r < R; ++r) even[h][r] = odd[h][r] = _mm256_setzero_ps();
  }
  for (int64_t k = 0; k < t.k; k += 2) {
    if constexpr (R <= 2) _mm_prefetch(w + kAhead, _MM_HINT_T0);
#pragma GCC unroll 2
    for (int h = 0; h < 2; ++h) {
      __m256 first;
      __m256 second;
      widen<F>(w + kRight * h, first, second);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        even[h][r] = _mm256_fmadd_ps(first, _mm256_broadcast_ss(x + r), even[h][r]);
        odd[h][r] = _mm256_fmadd_ps(second, _mm256_broadcast_ss(x + R + r), odd[h][r]);
      }
    }
    w += 64;
    x += 2 * R;
  }
  for (int r = 0; r < R; ++r) {
    for (int h = 0; h < 2; ++h) {
      _mm256_storeu_ps(t.y + kGroupRows * r + 8 * h, _mm256_add_ps(even[h][r], odd[h][r]));
    }
  }
}

constexpr MatmulTileFn kF32Tiles[] = {tile_f32<1>, tile_f32<2>, tile_f32<3>, tile_f32<4>, tile_f32<5>, tile_f32<6>};
template <WeightFormat F>
constexpr MatmulTileFn kHalfTiles[] = {tile_halves<F, 1>, tile_halves<F, 2>, tile_halves<F, 3>};
constexpr MatmulKernel kF32 = {XFormat::kF32, pack_x_f32, 6, kF32Tiles};
constexpr MatmulKernel kF16 = {XFormat::kF32, pack_x_f32, 3, kHalfTiles<WeightFormat::kF16>};
constexpr MatmulKernel kBf16 = {XFormat::kF32, pack_x_f32, 3, kHalfTiles<WeightFormat::kBf16>};

}  // namespace

const MatmulKernel& matmul_dense_avx2(WeightFormat format) {
  if (format == WeightFormat::kF32) return kF32;
  return format == WeightFormat::kF16 ? kF16 : kBf16;
}

}  // namespace bp::cpu
