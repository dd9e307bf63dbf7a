#include <immintrin.h>

#include "kernels/matmul.h"
#include "kernels/matmul_ahead.h"

namespace bp::cpu {
namespace {

inline __m512bh as_bf16(__m512i v) { return reinterpret_cast<__m512bh>(v); }

// Lines of two k are summed in turn into two chains: one would wait for itself where rows are few.
struct Bf16 {
  template <int R>
  static void tile(const MatmulTile& t) {
    const std::byte* w = t.w;
    const auto* x = reinterpret_cast<const int32_t*>(t.x);
    const int64_t n_lines = (t.k + 1) / 2;
    __m512 even[R];
    __m512 odd[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) even[r] = odd[r] = _mm512_setzero_ps();
    int64_t i = 0;
    for (; i + 2 <= n_lines; i += 2) {
      read_ahead<R, 128>(w);
      const __m512bh a = as_bf16(_mm512_load_si512(w));
      const __m512bh b = as_bf16(_mm512_load_si512(w + 64));
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) even[r] = _mm512_dpbf16_ps(even[r], a, as_bf16(_mm512_set1_epi32(x[r])));
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) odd[r] = _mm512_dpbf16_ps(odd[r], b, as_bf16(_mm512_set1_epi32(x[R + r])));
      w += 128;
      x += 2 * R;
    }
    if (i < n_lines) {
      const __m512bh a = as_bf16(_mm512_load_si512(w));
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) even[r] = _mm512_dpbf16_ps(even[r], a, as_bf16(_mm512_set1_epi32(x[r])));
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) _mm512_storeu_ps(t.y + kGroupRows * r, _mm512_add_ps(even[r], odd[r]));
  }
};

// n <= 32 values, zeros after them, as 16 pairs.
inline __m512i pairs(const float* x, int64_t n) {
  const auto mask = static_cast<__mmask32>(n >= 32 ? 0xffffffffu : (1u << n) - 1u);
  const __m512 low = _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), x);
  const __m512 high = _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask >> 16), x + 16);
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
}

void pack_x(const MatmulX& args) {
  auto* out = reinterpret_cast<int32_t*>(args.out);
  for (int64_t k = 0; k < args.k; k += 32) {
    const int64_t n = args.k - k < 32 ? args.k - k : 32;
    const int64_t n_pairs = (n + 1) / 2;
    for (int64_t r = 0; r < args.rows; ++r) {
      alignas(64) int32_t pair[16];
      _mm512_store_si512(pair, pairs(args.row(r) + k, n));
      for (int64_t i = 0; i < n_pairs; ++i) out[(k / 2 + i) * args.rows + r] = pair[i];
    }
  }
}

constexpr MatmulKernel kKernel = {{XFormat::Kind::kBf16}, pack_x, 12, kTilesOf<Bf16, 12>.data()};

}  // namespace

const MatmulKernel& matmul_bf16_avx512bf16() { return kKernel; }

}  // namespace bp::cpu
