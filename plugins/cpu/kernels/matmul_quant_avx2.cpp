#include <immintrin.h>

#include "kernels/matmul.h"

namespace bp::cpu {
namespace {

template <WeightFormat F>
constexpr int kQuantBytes = F == WeightFormat::kQ8_0 ? 512 : 256;  // of 16 rows and 32 k
template <WeightFormat F>
constexpr int kHalves = F == WeightFormat::kQ4_1 ? 2 : 1;  // scale, or scale and minimum
constexpr int kAhead = 2048;                               // bytes that few rows read ahead

inline __m256i load(const std::byte* p) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(p)); }
inline __m256 half_scales(const std::byte* p) {
  return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(p)));
}

// Eight of the 16 rows (w is theirs in the first line): acc[r] = the sum of products of one block.
template <int R>
inline void dot_q8_0(__m256i (&acc)[R], const std::byte* w, const int32_t* quads) {
  const __m256i ones = _mm256_set1_epi16(1);
  for (int r = 0; r < R; ++r) acc[r] = _mm256_setzero_si256();
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    // |w| * (x with the sign of w): a pair of products is at most 2 * 128 * 127, which 16 bits hold.
    const __m256i q = _mm256_xor_si256(load(w + 64 * i), _mm256_set1_epi8(-128));
    const __m256i size = _mm256_abs_epi8(q);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const __m256i x = _mm256_sign_epi8(_mm256_set1_epi32(quads[i * R + r]), q);
      acc[r] = _mm256_add_epi32(acc[r], _mm256_madd_epi16(_mm256_maddubs_epi16(size, x), ones));
    }
  }
}

template <int R>
inline void dot_q4(__m256i (&acc)[R], const std::byte* w, const int32_t* quads) {
  const __m256i low = _mm256_set1_epi8(15);
  __m256i pairs[R];  // of 16 bits: a whole block reaches 16 * 15 * 127 at most
  for (int r = 0; r < R; ++r) pairs[r] = _mm256_setzero_si256();
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const __m256i both = load(w + 64 * i);
    const __m256i first = _mm256_and_si256(both, low);
    const __m256i second = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      pairs[r] = _mm256_add_epi16(pairs[r], _mm256_maddubs_epi16(first, _mm256_set1_epi32(quads[i * R + r])));
      pairs[r] = _mm256_add_epi16(pairs[r], _mm256_maddubs_epi16(second, _mm256_set1_epi32(quads[(i + 4) * R + r])));
    }
  }
  for (int r = 0; r < R; ++r) acc[r] = _mm256_madd_epi16(pairs[r], _mm256_set1_epi16(1));
}

// One block for the eight rows `half` of the group.
template <WeightFormat F, int R>
inline void block(__m256 (&sum)[R], const std::byte* scales, const std::byte* quants, const int32_t* x) {
  const auto* x_scale = reinterpret_cast<const float*>(x);
  __m256i acc[R];
  if constexpr (F == WeightFormat::kQ8_0) {
    dot_q8_0<R>(acc, quants, x + 2 * R);
  } else {
    dot_q4<R>(acc, quants, x + 2 * R);
  }
  const __m256 scale = half_scales(scales);
  for (int r = 0; r < R; ++r) {
    if constexpr (F == WeightFormat::kQ4_0) acc[r] = _mm256_add_epi32(acc[r], _mm256_set1_epi32(x[R + r]));
    const __m256 both = _mm256_mul_ps(scale, _mm256_set1_ps(x_scale[r]));
    sum[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(acc[r]), both, sum[r]);
  }
  if constexpr (F == WeightFormat::kQ4_1) {
    const __m256 minimum = half_scales(scales + 32);
    for (int r = 0; r < R; ++r) sum[r] = _mm256_fmadd_ps(minimum, _mm256_set1_ps(x_scale[R + r]), sum[r]);
  }
}

template <WeightFormat F, int R>
void tile(const MatmulTile& t) {
  const int64_t n_blocks = t.k / kBlock;
  const std::byte* scales = t.w;
  const std::byte* quants = t.w + scale_panel_bytes(n_blocks, kHalves<F>);
  const auto* x = reinterpret_cast<const int32_t*>(t.x);
  __m256 left[R];
  __m256 right[R];
  for (int r = 0; r < R; ++r) left[r] = right[r] = _mm256_setzero_ps();
  for (int64_t b = 0; b < n_blocks; ++b) {
    if constexpr (R <= 2) {
      for (int i = 0; i < kQuantBytes<F>; i += 64) _mm_prefetch(quants + kAhead + i, _MM_HINT_T0);
    }
    block<F, R>(left, scales, quants, x);
    block<F, R>(right, scales + 16, quants + 32, x);
    scales += 32 * kHalves<F>;
    quants += kQuantBytes<F>;
    x += 10 * R;
  }
  for (int r = 0; r < R; ++r) {
    _mm256_storeu_ps(t.y + kGroupRows * r, left[r]);
    _mm256_storeu_ps(t.y + kGroupRows * r + 8, right[r]);
  }
}

template <WeightFormat F>
constexpr MatmulTileFn kTiles[] = {tile<F, 1>, tile<F, 2>, tile<F, 3>, tile<F, 4>};
constexpr MatmulKernel kQ8_0 = {XFormat::kI8Less128, pack_x_i8_avx2, 4, kTiles<WeightFormat::kQ8_0>};
constexpr MatmulKernel kQ4_0 = {XFormat::kI8Less8, pack_x_i8_avx2, 4, kTiles<WeightFormat::kQ4_0>};
constexpr MatmulKernel kQ4_1 = {XFormat::kI8Sum, pack_x_i8_avx2, 4, kTiles<WeightFormat::kQ4_1>};

}  // namespace

const MatmulKernel& matmul_quant_avx2(WeightFormat format) {
  if (format == WeightFormat::kQ8_0) return kQ8_0;
  return format == WeightFormat::kQ4_0 ? kQ4_0 : kQ4_1;
}

}  // namespace bp::cpu
