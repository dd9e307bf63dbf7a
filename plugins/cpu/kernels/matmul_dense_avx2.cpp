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
    __m256 left[R];
    __m256 right[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) left[r] = right[r] = _mm256_setzero_ps();
#pragma GCC unroll 2
    for (int64_t k = 0; k < t.k; ++k) {
      read_ahead<R, 64>(reinterpret_cast<const std::byte*>(w));
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
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      _mm256_storeu_ps(t.y + kGroupRows * r, left[r]);
      _mm256_storeu_ps(t.y + kGroupRows * r + 8, right[r]);
    }
  }
};

// One of the two k of a 64-byte line, for eight rows: those of its left or right half.
template <WeightFormat F, bool kOdd>
inline __m256 widen(const std::byte* line, bool right) {
  if constexpr (F == WeightFormat::kF16) {
    return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(line + (kOdd ? 32 : 0) + (right ? 16 : 0))));
  } else {
    const __m256i both = _mm256_load_si256(reinterpret_cast<const __m256i*>(line + (right ? 32 : 0)));
    const __m256i value = kOdd ? _mm256_blend_epi16(_mm256_setzero_si256(), both, 0xaa) : _mm256_slli_epi32(both, 16);
    return _mm256_castsi256_ps(value);
  }
}

template <int R>
struct Chain {
  __m256 left[R];
  __m256 right[R];
};

template <int R>
inline void add_products(Chain<R>& sum, __m256 left, __m256 right, const float* x) {
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    const __m256 v = _mm256_broadcast_ss(x + r);
    sum.left[r] = _mm256_fmadd_ps(left, v, sum.left[r]);
    sum.right[r] = _mm256_fmadd_ps(right, v, sum.right[r]);
  }
}

// Even and odd k are summed apart, as with AVX-512: both give the same bits.
template <WeightFormat F>
struct Halves {
  template <int R>
  static void tile(const MatmulTile& t) {
    const std::byte* w = t.w;
    const auto* x = reinterpret_cast<const float*>(t.x);
    Chain<R> even;
    Chain<R> odd;
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) even.left[r] = even.right[r] = odd.left[r] = odd.right[r] = _mm256_setzero_ps();
#pragma GCC unroll 1
    for (int64_t k = 0; k < t.k; k += 2) {
      read_ahead<R, 64>(w);
      add_products<R>(even, widen<F, false>(w, false), widen<F, false>(w, true), x);
      add_products<R>(odd, widen<F, true>(w, false), widen<F, true>(w, true), x + R);
      w += 64;
      x += 2 * R;
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      _mm256_storeu_ps(t.y + kGroupRows * r, _mm256_add_ps(even.left[r], odd.left[r]));
      _mm256_storeu_ps(t.y + kGroupRows * r + 8, _mm256_add_ps(even.right[r], odd.right[r]));
    }
  }
};

constexpr XFormat kX = {XFormat::Kind::kF32};
constexpr MatmulKernel kF32 = {kX, pack_x_f32, 6, kTilesOf<F32, 6>.data()};
template <WeightFormat F>
constexpr MatmulKernel kHalves = {kX, pack_x_f32, 3, kTilesOf<Halves<F>, 3>.data()};

}  // namespace

const MatmulKernel& matmul_dense_avx2(WeightFormat format) {
  if (format == WeightFormat::kF32) return kF32;
  return format == WeightFormat::kF16 ? kHalves<WeightFormat::kF16> : kHalves<WeightFormat::kBf16>;
}

}  // namespace bp::cpu
