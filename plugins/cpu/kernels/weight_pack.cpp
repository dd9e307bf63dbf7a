#include "kernels/weight_pack.h"

#include <emmintrin.h>

#include <cstring>

#include "kernels/weight_unpack.h"

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

// 16 rows of 16 bytes become 16 columns: four times the rows i and i + 8 are interleaved.
void transpose_16(__m128i* row) {
  for (int round = 0; round < 4; ++round) {
    __m128i next[16];
    for (int i = 0; i < 8; ++i) {
      next[2 * i] = _mm_unpacklo_epi8(row[i], row[i + 8]);
      next[2 * i + 1] = _mm_unpackhi_epi8(row[i], row[i + 8]);
    }
    std::memcpy(row, next, sizeof(next));
  }
}

void pack_bytes(const PackGroup& group) {
  const int64_t padded = (group.k + 3) / 4 * 4;
  for (int64_t k = 0; k < padded; k += 16) {
    __m128i row[16] = {};
    const auto n = static_cast<size_t>(group.k - k < 16 ? group.k - k : 16);
    for (int64_t r = 0; r < group.rows; ++r)
      std::memcpy(&row[r], group.src + static_cast<uint64_t>(r) * group.src_row_bytes + k, n);
    transpose_16(row);
    std::memcpy(group.dst + k * 16, row, static_cast<size_t>(padded - k < 16 ? padded - k : 16) * 16);
  }
}

// Eight lines of codes of 32 k, as the planes of a shape have them.
class PlaneWriter {
 public:
  PlaneWriter(const std::byte* lines, std::byte* out) : lines_(lines), out_(out) {}

  // out[line] = the sum of lines `first` .. `first + count - 1`, their bits from `bit` on, `mask` of them, each
  // shifted left by `step` more than the one before.
  struct Plane {
    int line, first, count, bit, mask, step;
  };
  void write(const Plane& plane) const {
    const __m128i mask = _mm_set1_epi8(static_cast<char>(plane.mask));
    for (int at = 0; at < 64; at += 16) {
      __m128i sum = _mm_setzero_si128();
      for (int i = 0; i < plane.count; ++i) {
        const auto* line = reinterpret_cast<const __m128i*>(lines_ + 64 * (plane.first + i) + at);
        const __m128i bits = _mm_and_si128(_mm_srl_epi16(_mm_load_si128(line), _mm_cvtsi32_si128(plane.bit)), mask);
        sum = _mm_or_si128(sum, _mm_sll_epi16(bits, _mm_cvtsi32_si128(i * plane.step)));
      }
      _mm_store_si128(reinterpret_cast<__m128i*>(out_ + 64 * plane.line + at), sum);
    }
  }

 private:
  const std::byte* lines_;
  std::byte* out_;
};

void write_nibbles(const std::byte* lines, std::byte* out) {
  const __m128i low = _mm_set1_epi8(15);
  for (int at = 0; at < 256; at += 16) {
    const __m128i a = _mm_load_si128(reinterpret_cast<const __m128i*>(lines + at));
    const __m128i b = _mm_load_si128(reinterpret_cast<const __m128i*>(lines + 256 + at));
    const __m128i both = _mm_or_si128(_mm_and_si128(a, low), _mm_slli_epi16(_mm_and_si128(b, low), 4));
    _mm_store_si128(reinterpret_cast<__m128i*>(out + at), both);
  }
}

void write_planes(Planes planes, const std::byte* lines, std::byte* out) {
  const PlaneWriter writer(lines, out);
  switch (planes) {
    case Planes::kBytes:
      std::memcpy(out, lines, 512);
      return;
    case Planes::kNibbles:
      return write_nibbles(lines, out);
    case Planes::kNibblesBit:
      write_nibbles(lines, out);
      return writer.write({4, 0, 8, 4, 1, 1});
    case Planes::kNibblesPair:
      write_nibbles(lines, out);
      writer.write({4, 0, 4, 4, 3, 2});
      return writer.write({5, 4, 4, 4, 3, 2});
    case Planes::kPairs:
      writer.write({0, 0, 4, 0, 3, 2});
      return writer.write({1, 4, 4, 0, 3, 2});
    case Planes::kPairsBit:
      writer.write({0, 0, 4, 0, 3, 2});
      writer.write({1, 4, 4, 0, 3, 2});
      return writer.write({2, 0, 8, 2, 1, 1});
  }
}

class BlockPacker {
 public:
  explicit BlockPacker(const PackGroup& group) : group_(group), shape_(block_shape(group.format)) {
    for (UnpackedBlock& row : rows_) {
      std::memset(&row, 0, sizeof(row));
      std::memset(row.code, shape_.table == CodeTable::kNone ? shape_.offset : 0, sizeof(row.code));
    }
  }

  void pack() {
    const int64_t n_blocks = group_.k / shape_.block_k;
    const int64_t record = record_bytes(shape_);
    const int64_t panel = panel_bytes(shape_, group_.k);
    const int64_t code_bytes = shape_.block_k / kBlock * plane_bytes(shape_.planes);
    std::byte* codes = group_.dst + panel;
    std::memset(group_.dst + n_blocks * record, 0, static_cast<size_t>(panel - n_blocks * record));
    for (int64_t b = 0; b < n_blocks; ++b) {
      const std::byte* src = group_.src + b * shape_.file_bytes;
      if (shape_.plane_at >= 0) {
        pack_planes(src, codes + b * code_bytes);
      } else {
        pack_codes(src, codes + b * code_bytes);
      }
      pack_record(group_.dst + b * record);
    }
  }

 private:
  // The file has a row of the planes as they are.
  void pack_planes(const std::byte* src, std::byte* codes) {
    for (int64_t row = 0; row < group_.rows; ++row)
      unpack_record(group_.format, src + static_cast<uint64_t>(row) * group_.src_row_bytes, rows_[row]);
    const Words words{src + shape_.plane_at, group_.src_row_bytes, group_.rows, codes};
    const int64_t n_words = shape_.block_k / kBlock * plane_bytes(shape_.planes) / 64;
    const __m128i flip = _mm_set1_epi8(static_cast<char>(group_.format == WeightFormat::kQ8_0 ? 0x80 : 0));
    for (int64_t word = 0; word < n_words; word += 4) interleave_4(words, word, flip);
  }

  void pack_codes(const std::byte* src, std::byte* codes) {
    for (int64_t row = 0; row < group_.rows; ++row)
      unpack_block(group_.format, src + static_cast<uint64_t>(row) * group_.src_row_bytes, rows_[row]);
    alignas(64) std::byte lines[64 * 64];
    const Words words{reinterpret_cast<const std::byte*>(rows_[0].code), sizeof(UnpackedBlock), kGroupRows, lines};
    for (int64_t word = 0; word < shape_.block_k / 4; word += 4) interleave_4(words, word, _mm_setzero_si128());
    for (int64_t b = 0; b < shape_.block_k / kBlock; ++b)
      write_planes(shape_.planes, lines + 512 * b, codes + b * plane_bytes(shape_.planes));
  }

  void pack_record(std::byte* out) const {
    for (int i = 0; i < shape_.n_halves; ++i) {
      for (int64_t row = 0; row < kGroupRows; ++row, out += 2) std::memcpy(out, &rows_[row].half[i], 2);
    }
    for (int i = 0; i < shape_.n_bytes; ++i) {
      for (int64_t row = 0; row < kGroupRows; ++row, ++out) *out = static_cast<std::byte>(rows_[row].byte[i]);
    }
  }

  const PackGroup& group_;
  const BlockShape shape_;
  UnpackedBlock rows_[kGroupRows];
};

}  // namespace

void pack_group(const PackGroup& group) {
  if (is_block_format(group.format)) return BlockPacker(group).pack();
  if (is_byte_format(group.format)) return pack_bytes(group);
  const Words words{group.src, group.src_row_bytes, group.rows, group.dst};
  interleave(words, group.k * (group.format == WeightFormat::kF32 ? 4 : 2));
  if (group.format == WeightFormat::kF16) split_pairs(group.dst, (group.k + 1) / 2);
}

}  // namespace bp::cpu
