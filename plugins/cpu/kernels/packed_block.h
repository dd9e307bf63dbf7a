// Codes and scales of the packed block formats (weight_layout.h) as vectors of blocks_simd.h.
#pragma once

#include "kernels/blocks_simd.h"

namespace bp::cpu {
namespace {

// Where row `half * kLanes` of the 16 begins, in a line and in the arrays of a record.
constexpr int64_t half_line(int half) { return 4 * kLanes * half; }

template <int kLine>
BP_CPU_INLINE I nibble_line(const std::byte* codes) {
  const I both = load_line(codes + 64 * (kLine % 4));
  return mask_bytes(kLine < 4 ? both : shift_bytes<4>(both), 15);
}

template <CodeTable kTable>
BP_CPU_INLINE __m128i code_table() {
  alignas(16) int8_t value[16];
  constexpr bool kIq4 = kTable == CodeTable::kIq4;
  for (int i = 0; i < 16; ++i) value[i] = static_cast<int8_t>(kIq4 ? kIq4Values[i] + 128 : kFp4Values[i] + 12);
  return _mm_load_si128(reinterpret_cast<const __m128i*>(value));
}

// Line kLine of the codes of 32 k: unsigned bytes, of a table the values plus the offset.
template <BlockShape S, int kLine>
BP_CPU_INLINE I code_line(const std::byte* codes) {
  if constexpr (S.planes == Planes::kBytes) {
    return load_line(codes + 64 * kLine);
  } else if constexpr (S.planes == Planes::kNibbles) {
    const I nibbles = nibble_line<kLine>(codes);
    if constexpr (S.table == CodeTable::kNone) return nibbles;
    return look_up(code_table<S.table>(), nibbles);
  } else if constexpr (S.planes == Planes::kNibblesBit) {
    return merge(nibble_line<kLine>(codes), shift_bytes<kLine - 4>(load_line(codes + 256)), 16);
  } else if constexpr (S.planes == Planes::kNibblesPair) {
    const I high = load_line(codes + 256 + 64 * (kLine / 4));
    return merge(nibble_line<kLine>(codes), shift_bytes<2 * (kLine % 4) - 4>(high), 48);
  } else {
    const I low = mask_bytes(shift_bytes<2 * (kLine % 4)>(load_line(codes + 64 * (kLine / 4))), 3);
    if constexpr (S.planes == Planes::kPairs) return low;
    return merge(low, shift_bytes<kLine - 2>(load_line(codes + 128)), 4);
  }
}

// The scales of one record, for one half of its rows.
template <BlockShape S>
class PackedScales {
 public:
  BP_CPU_INLINE PackedScales(const std::byte* record, int half) : bytes_(record + 32 * S.n_halves + kLanes * half) {
    if constexpr (S.n_halves > 0) scale_ = load_f16(record + 2 * kLanes * half);
    if constexpr (S.n_halves > 1) {
      minimum_ = load_f16(record + 32 + 2 * kLanes * half);
      if constexpr (S.sub_scales != SubScales::kNone) minimum_ = sub(zero(), minimum_);  // the file subtracts it
    }
  }

  // Of a panel: see MatmulTile.
  BP_CPU_INLINE PackedScales(const float* panel, int half)
      : scale_(load_f32(panel + kLanes * half)), minimum_(load_f32(panel + kGroupRows + kLanes * half)) {}

  // Of sub-block `at` of the record.
  BP_CPU_INLINE F scale(int at) const {
    if constexpr (S.sub_scales == SubScales::kNone || S.sub_scales == SubScales::kPanel) return scale_;
    if constexpr (S.sub_scales == SubScales::kI8) return mul(scale_, to_float(widen_i8(byte(at))));
    if constexpr (S.sub_scales == SubScales::kU8Min) return mul(scale_, to_float(widen_u8(byte(2 * at))));
    if constexpr (S.sub_scales == SubScales::kU4Min) return mul(scale_, to_float(and_int(widen_u8(byte(at)), 15)));
    return half_power(widen_u8(byte(0)));
  }
  BP_CPU_INLINE F minimum(int at) const {
    if constexpr (S.sub_scales == SubScales::kU8Min) return mul(minimum_, to_float(widen_u8(byte(2 * at + 1))));
    if constexpr (S.sub_scales == SubScales::kU4Min)
      return mul(minimum_, to_float(shift_right_int<4>(widen_u8(byte(at)))));
    return minimum_;
  }

 private:
  BP_CPU_INLINE __m128i byte(int i) const { return load_bytes(bytes_ + kGroupRows * i); }

  const std::byte* bytes_ = nullptr;
  F scale_, minimum_;
};

}  // namespace
}  // namespace bp::cpu
