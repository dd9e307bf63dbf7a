#include <immintrin.h>

#include "kernels/matmul.h"

namespace bp::cpu {
namespace {

inline float greatest(__m256 v) {
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

inline int32_t sum(__m256i v) {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

struct Quantised {
  __m256i values;   // 32 i8
  int32_t half[2];  // sums of the first and the last 16
  float scale;
};

// scale = max |x| / 127; values are rounded to nearest even.
inline Quantised quantise(const float* x) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  __m256 v[4];
  for (int i = 0; i < 4; ++i) v[i] = _mm256_loadu_ps(x + 8 * i);
  const __m256 low = _mm256_max_ps(_mm256_andnot_ps(sign, v[0]), _mm256_andnot_ps(sign, v[1]));
  const __m256 high = _mm256_max_ps(_mm256_andnot_ps(sign, v[2]), _mm256_andnot_ps(sign, v[3]));
  const float largest = greatest(_mm256_max_ps(low, high));
  const __m256 inverse = _mm256_set1_ps(largest > 0 ? 127.0f / largest : 0.0f);
  __m256i q[4];
  for (int i = 0; i < 4; ++i) q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], inverse));
  const int32_t first = sum(_mm256_add_epi32(q[0], q[1]));
  const int32_t last = sum(_mm256_add_epi32(q[2], q[3]));
  const __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  return {_mm256_permutevar8x32_epi32(bytes, order), {first, last}, largest / 127.0f};
}

inline int32_t bits_of(float value) { return _mm_cvtsi128_si32(_mm_castps_si128(_mm_set_ss(value))); }

// Of NaN a sum may be anything.
inline int32_t correction(int offset, float scale, uint32_t sum) {
  if (offset > 0) return static_cast<int32_t>(0u - static_cast<uint32_t>(offset) * sum);
  return bits_of(scale * static_cast<float>(static_cast<int32_t>(sum)));
}

// The values of one block in row r of a tile of so many rows.
inline void write_block(int32_t* out, int64_t tile_rows, const XFormat& format, const Quantised& q) {
  *out = bits_of(q.scale);
  out += tile_rows;
  const uint32_t half[2] = {static_cast<uint32_t>(q.half[0]), static_cast<uint32_t>(q.half[1])};
  if (format.corrections == 1) {
    *out = correction(format.offset, q.scale, half[0] + half[1]);
    out += tile_rows;
  } else {
    for (int i = 0; i < 2; ++i, out += tile_rows) *out = correction(format.offset, q.scale, half[i]);
  }
  alignas(32) int32_t quads[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(quads), q.values);
  for (int i = 0; i < 8; ++i, out += tile_rows) *out = quads[i];
}

inline void subtract(const float* x, const Quantised& q, float* rest) {
  alignas(32) int8_t values[kBlock];
  _mm256_store_si256(reinterpret_cast<__m256i*>(values), q.values);
  for (int64_t i = 0; i < kBlock; ++i) rest[i] = x[i] - q.scale * static_cast<float>(values[i]);
}

}  // namespace

void pack_x_i8_avx2(const MatmulX& args) {
  const int64_t tile_rows = args.rows * args.parts;
  const int64_t words = 9 + args.format.corrections;
  for (int64_t r = 0; r < args.rows; ++r) {
    const float* x = args.row(r);
    auto* out = reinterpret_cast<int32_t*>(args.out) + r;
    for (int64_t k = 0; k < args.k; k += kBlock, out += words * tile_rows) {
      const Quantised q = quantise(x + k);
      write_block(out, tile_rows, args.format, q);
      if (args.parts == 1) continue;
      float rest[kBlock];
      subtract(x + k, q, rest);
      write_block(out + args.rows, tile_rows, args.format, quantise(rest));
    }
  }
}

// A tile of 16 rows, as AMX reads it.
void pack_x_i8_rows_avx2(const MatmulX& args) {
  constexpr int64_t kRows = 16;
  const int64_t head = args.format.corrections > 0 ? 2 * kRows : kRows;  // floats in front of the values
  const auto write = [&](std::byte* block, int64_t row, const Quantised& q) {
    auto* scale = reinterpret_cast<float*>(block);
    const uint32_t total = static_cast<uint32_t>(q.half[0]) + static_cast<uint32_t>(q.half[1]);
    scale[row] = q.scale;
    if (args.format.corrections > 0) scale[kRows + row] = q.scale * static_cast<float>(static_cast<int32_t>(total));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(scale + head) + row, q.values);
  };
  for (int64_t r = 0; r < kRows; ++r) {
    std::byte* block = args.out;
    const bool there = r < args.rows;
    if (!there && r < args.rows * args.parts) continue;  // written with its row
    for (int64_t k = 0; k < args.k; k += kBlock, block += 4 * head + kRows * kBlock) {
      const Quantised q = there ? quantise(args.row(r) + k) : Quantised{_mm256_setzero_si256(), {0, 0}, 0};
      write(block, r, q);
      if (!there || args.parts == 1) continue;
      float rest[kBlock];
      subtract(args.row(r) + k, q, rest);
      write(block, args.rows + r, quantise(rest));
    }
  }
}

}  // namespace bp::cpu
