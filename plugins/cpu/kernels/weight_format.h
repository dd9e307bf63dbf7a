// The weight formats that this plugin multiplies with, and how the packed form of each block format is put together:
//   value = scale * (code - offset) + minimum, or scale * table[code]
// Codes lie in bit planes, scales in records that belong to a block of the file; weight_layout.h draws both. Bytes and
// u4 have their scales in tensors of their own (the op dequant), and no records.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bp::cpu {

constexpr int64_t kGroupRows = 16;  // weight rows in a group
constexpr int64_t kBlock = 32;      // k whose activations share a scale, and whose codes lie together

enum class WeightFormat : uint8_t {
  kF32,
  kF16,
  kBf16,
  kE4m3,
  kE5m2,
  kI8,
  kU8,
  kQ8_0,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ2K,
  kQ3K,
  kQ4K,
  kQ5K,
  kQ6K,
  kIq4Nl,
  kIq4Xs,
  kMxfp4,
  kU4,
};
constexpr int kWeightFormats = 21;

// Bit planes of 16 rows and 32 k; a line is 64 bytes, [16 rows][4 k], and line i has k 4 i .. 4 i + 3.
enum class Planes : uint8_t {
  kBytes,        // 8 lines
  kNibbles,      // 4 lines: the low nibbles are lines 0 .. 3, the high ones 4 .. 7
  kNibblesBit,   // and one line of fifth bits: bit i is of line i
  kNibblesPair,  // and two lines of fifth and sixth bits: bits 2 i, 2 i + 1 of the first are of line i, of the second
                 // of line 4 + i
  kPairs,        // two such lines alone
  kPairsBit,     // and one line of third bits
};

// What the bytes of a scale record are.
enum class SubScales : uint8_t {
  kNone,   // the f16 of the record is the scale
  kI8,     // a factor of it for each sub-block
  kU8Min,  // two for each sub-block: a factor of the scale, and one of the minimum
  kU4Min,  // the same in the nibbles of one byte
  kE8m0,   // no f16: the scale is 2^(byte - 128)
  kPanel,  // there is no record: f32 scales and minima come from elsewhere
};

enum class CodeTable : uint8_t { kNone, kIq4, kFp4 };

struct BlockShape {
  Planes planes;
  SubScales sub_scales;
  CodeTable table;
  uint8_t offset;       // of codes, or of the table's values, so that they are not negative
  uint8_t largest;      // that a code, or a table's value, may be then
  uint8_t sub_k;        // 16 or 32: k with a scale of their own
  uint8_t n_halves;     // f16 in a record: scale, or scale and minimum
  uint8_t n_bytes;      // bytes in a record
  uint16_t block_k;     // k that a record is for: 32 or 256
  uint16_t file_bytes;  // of a block in the file
  int16_t plane_at =
      -1;  // byte of the file's block from which on its codes are one row of the planes; -1: they are not

  constexpr bool has_minimum() const { return n_halves == 2 || sub_scales == SubScales::kPanel; }
  constexpr int n_sub() const { return 32 / sub_k; }
};

constexpr bool is_block_format(WeightFormat format) { return format >= WeightFormat::kQ8_0; }
constexpr bool is_byte_format(WeightFormat format) {
  return format >= WeightFormat::kE4m3 && format <= WeightFormat::kU8;
}
// Whether the scales are tensors of their own.
constexpr bool is_scaled_apart(WeightFormat format) { return is_byte_format(format) || format == WeightFormat::kU4; }

// REQUIRES: is_block_format(format).
constexpr BlockShape block_shape(WeightFormat format) {
  using P = Planes;
  using S = SubScales;
  using T = CodeTable;
  switch (format) {
    case WeightFormat::kQ8_0:
      return {P::kBytes, S::kNone, T::kNone, 128, 255, 32, 1, 0, 32, 34, 2};
    case WeightFormat::kQ4_0:
      return {P::kNibbles, S::kNone, T::kNone, 8, 15, 32, 1, 0, 32, 18, 2};
    case WeightFormat::kQ4_1:
      return {P::kNibbles, S::kNone, T::kNone, 0, 15, 32, 2, 0, 32, 20, 4};
    case WeightFormat::kQ5_0:
      return {P::kNibblesBit, S::kNone, T::kNone, 16, 31, 32, 1, 0, 32, 22};
    case WeightFormat::kQ5_1:
      return {P::kNibblesBit, S::kNone, T::kNone, 0, 31, 32, 2, 0, 32, 24};
    case WeightFormat::kQ2K:
      return {P::kPairs, S::kU4Min, T::kNone, 0, 3, 16, 2, 16, 256, 84};
    case WeightFormat::kQ3K:
      return {P::kPairsBit, S::kI8, T::kNone, 4, 7, 16, 1, 16, 256, 110};
    case WeightFormat::kQ4K:
      return {P::kNibbles, S::kU8Min, T::kNone, 0, 15, 32, 2, 16, 256, 144};
    case WeightFormat::kQ5K:
      return {P::kNibblesBit, S::kU8Min, T::kNone, 0, 31, 32, 2, 16, 256, 176};
    case WeightFormat::kQ6K:
      return {P::kNibblesPair, S::kI8, T::kNone, 32, 63, 16, 1, 16, 256, 210};
    case WeightFormat::kIq4Nl:
      return {P::kNibbles, S::kNone, T::kIq4, 128, 255, 32, 1, 0, 32, 18, 2};
    case WeightFormat::kIq4Xs:
      return {P::kNibbles, S::kI8, T::kIq4, 128, 255, 32, 1, 8, 256, 136, 8};
    case WeightFormat::kMxfp4:
      return {P::kNibbles, S::kE8m0, T::kFp4, 12, 24, 32, 0, 1, 32, 17, 1};
    default:
      return {P::kNibbles, S::kPanel, T::kNone, 0, 15, 32, 0, 0, 32, 16};
  }
}

// Of 16 rows and 32 k.
constexpr int64_t plane_bytes(Planes planes) {
  constexpr int64_t kLines[] = {8, 4, 5, 6, 2, 3};
  return 64 * kLines[static_cast<int>(planes)];
}

// The scale records of 16 rows: [n_halves][16] f16, [n_bytes][16].
constexpr int64_t record_bytes(const BlockShape& shape) { return kGroupRows * (2 * shape.n_halves + shape.n_bytes); }

// All records of a group, in front of the codes: whole lines.
constexpr int64_t panel_bytes(const BlockShape& shape, int64_t k) {
  return (k / shape.block_k * record_bytes(shape) + 63) / 64 * 64;
}

// Of one group of 16 rows in the packed form; 0: k does not fill whole blocks.
constexpr uint64_t group_bytes(WeightFormat format, int64_t k) {
  const auto count = static_cast<uint64_t>(k);
  if (format == WeightFormat::kF32) return count * 64;
  if (is_byte_format(format)) return (count + 3) / 4 * 64;
  if (!is_block_format(format)) return (count + 1) / 2 * 64;
  const BlockShape shape = block_shape(format);
  if (k % shape.block_k != 0) return 0;
  return static_cast<uint64_t>(panel_bytes(shape, k) + k / kBlock * plane_bytes(shape.planes));
}

// What 4-bit codes stand for, less the offset of their shape.
constexpr int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
constexpr int8_t kFp4Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};  // twice e2m1

}  // namespace bp::cpu
