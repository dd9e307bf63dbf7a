#include <immintrin.h>

#include "kernels/matmul.h"
#include "kernels/matmul_ahead.h"

namespace bp::cpu {
namespace {

template <WeightFormat F>
constexpr int kQuantBytes = F == WeightFormat::kQ8_0 ? 512 : 256;  // of 16 rows and 32 k
template <WeightFormat F>
constexpr int kHalves = F == WeightFormat::kQ4_1 ? 2 : 1;  // scale, or scale and minimum
inline __m512 half_scales(const std::byte* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

// acc[r] += the four products of each weight row with four values of row r.
template <int R>
inline void dot(__m512i (&acc)[R], __m512i w, const int32_t* x) {
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) acc[r] = _mm512_dpbusd_epi32(acc[r], w, _mm512_set1_epi32(x[r]));
}

// quads: [8][R] of four values
template <WeightFormat F, int R>
inline void dot_block(__m512i (&acc)[R], const std::byte* w, const int32_t* quads) {
  if constexpr (F == WeightFormat::kQ8_0) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) dot<R>(acc, _mm512_load_si512(w + 64 * i), quads + i * R);
  } else {
    const __m512i low = _mm512_set1_epi8(15);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const __m512i both = _mm512_load_si512(w + 64 * i);
      dot<R>(acc, _mm512_and_si512(both, low), quads + i * R);
      dot<R>(acc, _mm512_and_si512(_mm512_srli_epi16(both, 4), low), quads + (i + 4) * R);
    }
  }
}

template <WeightFormat F, int R>
void tile(const MatmulTile& t) {
  const int64_t n_blocks = t.k / kBlock;
  const std::byte* scales = t.w;
  const std::byte* quants = t.w + scale_panel_bytes(n_blocks, kHalves<F>);
  const auto* x = reinterpret_cast<const int32_t*>(t.x);
  __m512 sum[R];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) sum[r] = _mm512_setzero_ps();
  for (int64_t b = 0; b < n_blocks; ++b) {
    read_ahead<R, kQuantBytes<F>>(quants);
    const auto* x_scale = reinterpret_cast<const float*>(x);
    __m512i acc[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      acc[r] = F == WeightFormat::kQ4_1 ? _mm512_setzero_si512() : _mm512_set1_epi32(x[R + r]);
    }
    dot_block<F, R>(acc, quants, x + 2 * R);
    const __m512 scale = half_scales(scales);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const __m512 both = _mm512_mul_ps(scale, _mm512_set1_ps(x_scale[r]));
      sum[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc[r]), both, sum[r]);
    }
    if constexpr (F == WeightFormat::kQ4_1) {
      const __m512 minimum = half_scales(scales + 32);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) sum[r] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(x_scale[R + r]), sum[r]);
    }
    scales += 32 * kHalves<F>;
    quants += kQuantBytes<F>;
    x += 10 * R;
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) _mm512_storeu_ps(t.y + kGroupRows * r, sum[r]);
}

template <WeightFormat F>
constexpr MatmulTileFn kTiles[] = {tile<F, 1>, tile<F, 2>, tile<F, 3>, tile<F, 4>,
                                   tile<F, 5>, tile<F, 6>, tile<F, 7>, tile<F, 8>};
constexpr MatmulKernel kQ8_0 = {XFormat::kI8Less128, pack_x_i8_avx2, 8, kTiles<WeightFormat::kQ8_0>};
constexpr MatmulKernel kQ4_0 = {XFormat::kI8Less8, pack_x_i8_avx2, 8, kTiles<WeightFormat::kQ4_0>};
constexpr MatmulKernel kQ4_1 = {XFormat::kI8Sum, pack_x_i8_avx2, 8, kTiles<WeightFormat::kQ4_1>};

}  // namespace

const MatmulKernel& matmul_quant_avx512vnni(WeightFormat format) {
  if (format == WeightFormat::kQ8_0) return kQ8_0;
  return format == WeightFormat::kQ4_0 ? kQ4_0 : kQ4_1;
}

}  // namespace bp::cpu
