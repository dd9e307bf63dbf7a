#include "kernels/weight_pack.h"

#include <emmintrin.h>

#include <cstring>

namespace bp::cpu {
namespace {

// Words of 32 bits of up to 16 rows: word i of row r goes to line i, place r.
struct Words {
  const std::byte* src;
  uint64_t stride;  // bytes between rows
  int64_t rows;
  std::byte* dst;
};

inline __m128i load_row(const Words& w, int64_t row, int64_t word) {
  if (row >= w.rows) return _mm_setzero_si128();
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(w.src + static_cast<uint64_t>(row) * w.stride + word * 4));
}

// Four words of 16 rows, each xor `flip`.
inline void interleave_4(const Words& w, int64_t word, __m128i flip) {
  for (int64_t row = 0; row < kGroupRows; row += 4) {
    const __m128i a = load_row(w, row, word);
    const __m128i b = load_row(w, row + 1, word);
    const __m128i c = load_row(w, row + 2, word);
    const __m128i d = load_row(w, row + 3, word);
    const __m128i ab0 = _mm_unpacklo_epi32(a, b);
    const __m128i ab1 = _mm_unpackhi_epi32(a, b);
    const __m128i cd0 = _mm_unpacklo_epi32(c, d);
    const __m128i cd1 = _mm_unpackhi_epi32(c, d);
    const __m128i line[4] = {_mm_unpacklo_epi64(ab0, cd0), _mm_unpackhi_epi64(ab0, cd0), _mm_unpacklo_epi64(ab1, cd1),
                             _mm_unpackhi_epi64(ab1, cd1)};
    for (int i = 0; i < 4; ++i) {
      auto* out = reinterpret_cast<__m128i*>(w.dst + (word + i) * 64 + row * 4);
      _mm_store_si128(out, _mm_xor_si128(line[i], flip));
    }
  }
}

// Words [0, n); the last may have fewer than four bytes in the source.
void interleave(const Words& w, int64_t row_bytes) {
  const int64_t whole = row_bytes / 16 * 4;
  for (int64_t word = 0; word < whole; word += 4) interleave_4(w, word, _mm_setzero_si128());
  for (int64_t at = whole * 4; at < row_bytes; at += 4) {
    const auto left = static_cast<size_t>(row_bytes - at < 4 ? row_bytes - at : 4);
    uint32_t line[16] = {};
    for (int64_t row = 0; row < w.rows; ++row)
      std::memcpy(line + row, w.src + static_cast<uint64_t>(row) * w.stride + at, left);
    std::memcpy(w.dst + at * 16, line, sizeof(line));
  }
}

// Lines of [16][2] halves into lines of [2][16].
void split_pairs(std::byte* lines, int64_t n_lines) {
  for (int64_t i = 0; i < n_lines; ++i, lines += 64) {
    auto* v = reinterpret_cast<__m128i*>(lines);
    __m128i first[4];
    __m128i second[4];
    for (int j = 0; j < 4; ++j) {
      first[j] = _mm_srai_epi32(_mm_slli_epi32(v[j], 16), 16);  // sign extended, so that packing keeps all bits
      second[j] = _mm_srai_epi32(v[j], 16);
    }
    v[0] = _mm_packs_epi32(first[0], first[1]);
    v[1] = _mm_packs_epi32(first[2], first[3]);
    v[2] = _mm_packs_epi32(second[0], second[1]);
    v[3] = _mm_packs_epi32(second[2], second[3]);
  }
}

struct BlockShape {
  int64_t halves;       // before the quants: scale, or scale and minimum
  int64_t quant_bytes;  // of a row
  __m128i flip;
};

void pack_blocks(const PackGroup& group, const BlockShape& shape) {
  const int64_t n_blocks = group.k / kBlock;
  const int64_t block_bytes = 2 * shape.halves + shape.quant_bytes;
  const int64_t panel_bytes = scale_panel_bytes(n_blocks, shape.halves);
  std::byte* quants = group.dst + panel_bytes;
  std::memset(group.dst + n_blocks * 32 * shape.halves, 0,
              static_cast<size_t>(panel_bytes - n_blocks * 32 * shape.halves));
  for (int64_t b = 0; b < n_blocks; ++b) {
    const std::byte* src = group.src + b * block_bytes;
    for (int64_t h = 0; h < shape.halves; ++h) {
      uint16_t half[16] = {};
      for (int64_t row = 0; row < group.rows; ++row)
        std::memcpy(half + row, src + static_cast<uint64_t>(row) * group.src_row_bytes + 2 * h, 2);
      std::memcpy(group.dst + (b * shape.halves + h) * 32, half, sizeof(half));
    }
    const Words words{src + 2 * shape.halves, group.src_row_bytes, group.rows, quants + b * shape.quant_bytes * 16};
    for (int64_t word = 0; word < shape.quant_bytes / 4; word += 4) interleave_4(words, word, shape.flip);
  }
}

}  // namespace

void pack_group(const PackGroup& group) {
  const Words words{group.src, group.src_row_bytes, group.rows, group.dst};
  switch (group.format) {
    case WeightFormat::kF32:
      return interleave(words, group.k * 4);
    case WeightFormat::kF16:
      interleave(words, group.k * 2);
      return split_pairs(group.dst, (group.k + 1) / 2);
    case WeightFormat::kBf16:
      return interleave(words, group.k * 2);
    case WeightFormat::kQ8_0:
      return pack_blocks(group, {1, 32, _mm_set1_epi8(-128)});
    case WeightFormat::kQ4_0:
      return pack_blocks(group, {1, 16, _mm_setzero_si128()});
    case WeightFormat::kQ4_1:
      return pack_blocks(group, {2, 16, _mm_setzero_si128()});
  }
}

}  // namespace bp::cpu
