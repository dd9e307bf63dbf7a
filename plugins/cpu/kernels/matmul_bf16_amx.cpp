// bf16 weights with x rounded to bf16, by AMX where rows are many and by f32 arithmetic where they are few, to the same
// bits: as TDPBF16PS does it, each 32 k are two chains of fused multiply-adds, of even and of odd k, whose sum is added
// to a total. Totals of even and odd blocks of 32 k are kept apart, since a tile waits 50 cycles for itself. (Only
// numbers below 2^-126, which AMX takes for zero, differ.)
#include <immintrin.h>

#include <cstring>

#include "kernels/matmul.h"
#include "kernels/matmul_ahead.h"

namespace bp::cpu {
namespace {

constexpr int64_t kLines = 16;  // of a block: two k of 16 rows each

struct Few {
  // total[r] += a block of n_lines, x [2 n_lines][R]
  template <int R>
  static inline __attribute__((always_inline)) void add_block(__m512 (&total)[R], const std::byte*& w, const float*& x,
                                                              int64_t n_lines) {
    __m512 even[R];
    __m512 odd[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) even[r] = odd[r] = _mm512_setzero_ps();
#pragma GCC unroll 4
    for (int64_t i = 0; i < n_lines; ++i) {
      read_ahead<R, 64>(w);
      const __m512i both = _mm512_load_si512(w);
      const __m512 first = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16));
      const __m512 second =
          _mm512_castsi512_ps(_mm512_and_si512(both, _mm512_set1_epi32(static_cast<int32_t>(0xffff0000u))));
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) even[r] = _mm512_fmadd_ps(first, _mm512_set1_ps(x[r]), even[r]);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) odd[r] = _mm512_fmadd_ps(second, _mm512_set1_ps(x[R + r]), odd[r]);
      w += 64;
      x += 2 * R;
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) total[r] = _mm512_add_ps(total[r], _mm512_add_ps(even[r], odd[r]));
  }

  template <int R>
  static void tile(const MatmulTile& t) {
    const std::byte* w = t.w;
    const auto* x = reinterpret_cast<const float*>(t.x);
    __m512 total[2][R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) total[0][r] = total[1][r] = _mm512_setzero_ps();
    int64_t left = (t.k + 1) / 2;
    for (; left >= 2 * kLines; left -= 2 * kLines) {
      add_block<R>(total[0], w, x, kLines);
      add_block<R>(total[1], w, x, kLines);
    }
    if (left > 0) add_block<R>(total[0], w, x, left < kLines ? left : kLines);
    if (left > kLines) add_block<R>(total[1], w, x, left - kLines);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) _mm512_storeu_ps(t.y + kGroupRows * r, _mm512_add_ps(total[0][r], total[1][r]));
  }
};

// n <= 32 values, zeros after them, rounded.
inline __m512i rounded(const float* x, int64_t n) {
  const auto mask = static_cast<__mmask32>(n >= 32 ? 0xffffffffu : (1u << n) - 1u);
  const __m512 low = _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), x);
  const __m512 high = _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask >> 16), x + 16);
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
}

// [k, up to even][rows] f32, each a bf16
void pack_few(const MatmulX& args) {
  auto* out = reinterpret_cast<float*>(args.out);
  for (int64_t k = 0; k < args.k; k += 32) {
    const int64_t n = args.k - k < 32 ? args.k - k : 32;
    for (int64_t r = 0; r < args.rows; ++r) {
      alignas(64) uint16_t half[32];
      _mm512_store_si512(half, rounded(args.row(r) + k, n));
      for (int64_t i = 0; i < (n + 1) / 2 * 2; ++i) {
        const uint32_t bits = static_cast<uint32_t>(half[i]) << 16;
        std::memcpy(out + (k + i) * args.rows + r, &bits, sizeof(bits));
      }
    }
  }
}

constexpr int64_t kRows = 32;  // of x in a tile of many

// [k / 32, up][32][32] bf16
void pack_many(const MatmulX& args) {
  for (int64_t r = 0; r < kRows; ++r) {
    std::byte* out = args.out + 64 * r;
    for (int64_t k = 0; k < args.k; k += 32, out += 64 * kRows) {
      const int64_t n = args.k - k < 32 ? args.k - k : 32;
      _mm512_store_si512(out, r < args.rows ? rounded(args.row(r) + k, n) : _mm512_setzero_si512());
    }
  }
}

struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr TileConfig kConfig;

struct Many {
  // Tiles 0 and 1 are totals of even blocks, 2 and 3 of odd ones; 4 and 5 rows of x, 6 and 7 of w.
  static inline __attribute__((always_inline)) void add_even(const std::byte* w, const std::byte* x) {
    _tile_loadd(6, w, 64);
    _tile_loadd(4, x, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(5, x + 1024, 64);
    _tile_dpbf16ps(1, 5, 6);
  }
  static inline __attribute__((always_inline)) void add_odd(const std::byte* w, const std::byte* x) {
    _tile_loadd(7, w, 64);
    _tile_loadd(4, x, 64);
    _tile_dpbf16ps(2, 4, 7);
    _tile_loadd(5, x + 1024, 64);
    _tile_dpbf16ps(3, 5, 7);
  }

  template <int R>
  static void tile(const MatmulTile& t) {
    _tile_loadconfig(&kConfig);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    const int64_t n_blocks = t.k / 32;
    const std::byte* w = t.w;
    const std::byte* x = t.x;
    int64_t i = 0;
    for (; i + 2 <= n_blocks; i += 2, w += 2048, x += 4096) {
      add_even(w, x);
      add_odd(w + 1024, x + 2048);
    }
    if (i < n_blocks) {
      add_even(w, x);
      w += 1024;
      x += 2048;
      ++i;
    }
    if (const int64_t left = t.k % 32; left > 0) {
      alignas(64) std::byte last[1024] = {};
      std::memcpy(last, w, static_cast<size_t>((left + 1) / 2 * 64));
      asm volatile("" ::"r"(last) : "memory");  // tile loads do not say what they read
      i % 2 == 0 ? add_even(last, x) : add_odd(last, x);
    }
    alignas(64) float total[4][256];
    _tile_stored(0, total[0], 64);
    _tile_stored(1, total[1], 64);
    _tile_stored(2, total[2], 64);
    _tile_stored(3, total[3], 64);
    _tile_release();
    for (int r = 0; r < R; ++r) {
      const __m512 even = _mm512_load_ps(&total[r / 16][16 * (r % 16)]);
      _mm512_storeu_ps(t.y + kGroupRows * r, _mm512_add_ps(even, _mm512_load_ps(&total[2 + r / 16][16 * (r % 16)])));
    }
  }
};

constexpr MatmulKernel kFew = {{XFormat::Kind::kF32}, pack_few, 8, kTilesOf<Few, 8>.data()};
constexpr MatmulKernel kMany = {{XFormat::Kind::kBf16Rows}, pack_many, kRows, kTilesOf<Many, kRows>.data()};

}  // namespace

const MatmulKernel& matmul_bf16_amx(bool many) { return many ? kMany : kFew; }

}  // namespace bp::cpu
