#include <immintrin.h>

#include "kernels/matmul.h"
#include "kernels/matmul_ahead.h"

namespace bp::cpu {
namespace {

template <WeightFormat F>
constexpr int kQuantBytes = F == WeightFormat::kQ8_0 ? 512 : 256;  // of 16 rows and 32 k
template <WeightFormat F>
constexpr int kHalves = F == WeightFormat::kQ4_1 ? 2 : 1;  // scale, or scale and minimum
inline __m256i load(const std::byte* p) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(p)); }
inline __m256 half_scales(const std::byte* p) {
  return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(p)));
}

// Both halves of the 16 rows of a group.
template <int R>
struct Ints {
  __m256i left[R];
  __m256i right[R];
};
template <int R>
struct Floats {
  __m256 left[R];
  __m256 right[R];
};

inline __m256i add_products(__m256i acc, __m256i size, __m256i x) {
  return _mm256_add_epi32(acc, _mm256_madd_epi16(_mm256_maddubs_epi16(size, x), _mm256_set1_epi16(1)));
}

// acc = the sums of products of one block. The loops over lines stay loops: unrolled, gcc keeps every x on the stack.
template <int R>
inline void dot_q8_0(Ints<R>& acc, const std::byte* w, const int32_t* quads) {
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) acc.left[r] = acc.right[r] = _mm256_setzero_si256();
#pragma GCC unroll 1
  for (int i = 0; i < 8; ++i) {
    // |w| * (x with the sign of w): a pair of products is at most 2 * 128 * 127, which 16 bits hold.
    const __m256i left = _mm256_xor_si256(load(w + 64 * i), _mm256_set1_epi8(-128));
    const __m256i right = _mm256_xor_si256(load(w + 64 * i + 32), _mm256_set1_epi8(-128));
    const __m256i left_size = _mm256_abs_epi8(left);
    const __m256i right_size = _mm256_abs_epi8(right);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const __m256i x = _mm256_set1_epi32(quads[i * R + r]);
      acc.left[r] = add_products(acc.left[r], left_size, _mm256_sign_epi8(x, left));
      acc.right[r] = add_products(acc.right[r], right_size, _mm256_sign_epi8(x, right));
    }
  }
}

// A line's nibbles, times x, added in 16 bits: a whole block reaches 16 * 15 * 127 at most.
template <int R>
inline void dot_nibbles(Ints<R>& pairs, __m256i left, __m256i right, const int32_t* x) {
  const __m256i low = _mm256_set1_epi8(15);
  left = _mm256_and_si256(left, low);
  right = _mm256_and_si256(right, low);
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    const __m256i v = _mm256_set1_epi32(x[r]);
    pairs.left[r] = _mm256_add_epi16(pairs.left[r], _mm256_maddubs_epi16(left, v));
    pairs.right[r] = _mm256_add_epi16(pairs.right[r], _mm256_maddubs_epi16(right, v));
  }
}

template <int R>
inline void dot_q4(Ints<R>& acc, const std::byte* w, const int32_t* quads) {
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) acc.left[r] = acc.right[r] = _mm256_setzero_si256();
#pragma GCC unroll 1
  for (int i = 0; i < 4; ++i) {
    const __m256i left = load(w + 64 * i);
    const __m256i right = load(w + 64 * i + 32);
    dot_nibbles<R>(acc, left, right, quads + i * R);
    dot_nibbles<R>(acc, _mm256_srli_epi16(left, 4), _mm256_srli_epi16(right, 4), quads + (i + 4) * R);
  }
  const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    acc.left[r] = _mm256_madd_epi16(acc.left[r], ones);
    acc.right[r] = _mm256_madd_epi16(acc.right[r], ones);
  }
}

// sum += the block's result, scaled; x is its scales and corrections.
template <WeightFormat F, int R>
inline void add_block(__m256 (&sum)[R], __m256i (&acc)[R], const std::byte* scales, const int32_t* x) {
  const auto* x_scale = reinterpret_cast<const float*>(x);
  const __m256 scale = half_scales(scales);
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    if constexpr (F == WeightFormat::kQ4_0) acc[r] = _mm256_add_epi32(acc[r], _mm256_set1_epi32(x[R + r]));
    const __m256 both = _mm256_mul_ps(scale, _mm256_set1_ps(x_scale[r]));
    sum[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(acc[r]), both, sum[r]);
  }
  if constexpr (F == WeightFormat::kQ4_1) {
    const __m256 minimum = half_scales(scales + 32);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) sum[r] = _mm256_fmadd_ps(minimum, _mm256_set1_ps(x_scale[R + r]), sum[r]);
  }
}

template <WeightFormat F, int R>
void tile(const MatmulTile& t) {
  const int64_t n_blocks = t.k / kBlock;
  const std::byte* scales = t.w;
  const std::byte* quants = t.w + scale_panel_bytes(n_blocks, kHalves<F>);
  const auto* x = reinterpret_cast<const int32_t*>(t.x);
  Floats<R> sum;
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) sum.left[r] = sum.right[r] = _mm256_setzero_ps();
  for (int64_t b = 0; b < n_blocks; ++b) {
    read_ahead<R, kQuantBytes<F>>(quants);
    Ints<R> acc;
    if constexpr (F == WeightFormat::kQ8_0) {
      dot_q8_0<R>(acc, quants, x + 2 * R);
    } else {
      dot_q4<R>(acc, quants, x + 2 * R);
    }
    add_block<F, R>(sum.left, acc.left, scales, x);
    add_block<F, R>(sum.right, acc.right, scales + 16, x);
    scales += 32 * kHalves<F>;
    quants += kQuantBytes<F>;
    x += 10 * R;
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    _mm256_storeu_ps(t.y + kGroupRows * r, sum.left[r]);
    _mm256_storeu_ps(t.y + kGroupRows * r + 8, sum.right[r]);
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
