// The twelve bytes that q4_k and q5_k hold eight scales s[j] and eight minima m[j] in, six bits each.
//
//   byte j,     j < 4   s[j]           in bits 0..5    upper two bits of s[j + 4] in bits 6, 7
//   byte 4 + j, j < 4   m[j]           in bits 0..5    upper two bits of m[j + 4] in bits 6, 7
//   byte 8 + j, j < 4   lower nibble: lower four bits of s[j + 4]; upper nibble: those of m[j + 4]
//
// Internal to the module. Thread-safe: plain functions.
#pragma once

#include "base/half.h"
#include "quant/formats.h"

namespace bp::quant {

struct ScaleAndMin {
  int scale;
  int minimum;
};

inline ScaleAndMin unpack_k_scale(const std::byte* src, int j) {
  if (j < 4) return {byte_at(src, j) & 63, byte_at(src, j + 4) & 63};
  const int low = byte_at(src, j + 4);
  return {(low & 15) | byte_at(src, j - 4) >> 6 << 4, low >> 4 | byte_at(src, j) >> 6 << 4};
}

// REQUIRES: s, m in 0..63; pack_k_scale is called for j = 0..7 in order on bytes that are zero.
inline void pack_k_scale(std::byte* dst, int j, int s, int m) {
  if (j < 4) {
    dst[j] = static_cast<std::byte>(s);
    dst[j + 4] = static_cast<std::byte>(m);
    return;
  }
  dst[j + 4] = static_cast<std::byte>((s & 15) | (m & 15) << 4);
  dst[j - 4] |= static_cast<std::byte>(s >> 4 << 6);
  dst[j] |= static_cast<std::byte>(m >> 4 << 6);
}

// Decodes a block whose eight sub-blocks j of 32 are x[32 j + i] = d * s[j] * level(j, i) - dmin * m[j], where `src`
// begins with d and dmin, two f16, and the twelve bytes above. dst [256]
template <class Level>
void decode_sub_blocks(const std::byte* src, float* dst, Level level) {
  constexpr int kSubBlocks = 8, kSubBlock = 32;
  const float d = f16_to_f32(load_u16(src));
  const float d_min = f16_to_f32(load_u16(src + 2));
  for (int j = 0; j < kSubBlocks; ++j) {
    const auto [s, m] = unpack_k_scale(src + 4, j);
    const float scale = d * static_cast<float>(s), minimum = d_min * static_cast<float>(m);
    for (int i = 0; i < kSubBlock; ++i) *dst++ = scale * static_cast<float>(level(j, i)) - minimum;
  }
}

// What they begin with, once fitted. REQUIRES: the sixteen bytes at `dst` are zero.
template <class Block>
void encode_scales(const Block& block, std::byte* dst) {
  store_u16(dst, f32_to_f16(block.d));
  store_u16(dst + 2, f32_to_f16(block.d_min));
  for (int j = 0; j < Block::kCount; ++j) pack_k_scale(dst + 4, j, block.s_at(j), block.m_at(j));
}

}  // namespace bp::quant
