// The formats behind quant.h. Internal to the module.
// Each decodes or encodes whole rows (n a multiple of the block), or for block formats n_blocks blocks of finite
// values.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace bp::quant {

void decode_f32(const std::byte* src, float* dst, int64_t n);
void encode_f32(const float* src, std::byte* dst, int64_t n);
void decode_f16(const std::byte* src, float* dst, int64_t n);
void encode_f16(const float* src, std::byte* dst, int64_t n);
void decode_bf16(const std::byte* src, float* dst, int64_t n);
void encode_bf16(const float* src, std::byte* dst, int64_t n);
void decode_fp8_e4m3(const std::byte* src, float* dst, int64_t n);
void encode_fp8_e4m3(const float* src, std::byte* dst, int64_t n);
void decode_fp8_e5m2(const std::byte* src, float* dst, int64_t n);
void encode_fp8_e5m2(const float* src, std::byte* dst, int64_t n);
void decode_e8m0(const std::byte* src, float* dst, int64_t n);
void encode_e8m0(const float* src, std::byte* dst, int64_t n);

void decode_q8_0(const std::byte* src, float* dst, int64_t n_blocks);
void encode_q8_0(const float* src, std::byte* dst, int64_t n_blocks);
void decode_q4_0(const std::byte* src, float* dst, int64_t n_blocks);
void encode_q4_0(const float* src, std::byte* dst, int64_t n_blocks);
void decode_q4_1(const std::byte* src, float* dst, int64_t n_blocks);
void encode_q4_1(const float* src, std::byte* dst, int64_t n_blocks);
void decode_q5_0(const std::byte* src, float* dst, int64_t n_blocks);
void encode_q5_0(const float* src, std::byte* dst, int64_t n_blocks);
void decode_q5_1(const std::byte* src, float* dst, int64_t n_blocks);
void encode_q5_1(const float* src, std::byte* dst, int64_t n_blocks);
void decode_mxfp4(const std::byte* src, float* dst, int64_t n_blocks);
void encode_mxfp4(const float* src, std::byte* dst, int64_t n_blocks);

void decode_q2_k(const std::byte* src, float* dst, int64_t n_blocks);
void decode_q3_k(const std::byte* src, float* dst, int64_t n_blocks);
void decode_q4_k(const std::byte* src, float* dst, int64_t n_blocks);
void decode_q5_k(const std::byte* src, float* dst, int64_t n_blocks);
void decode_q6_k(const std::byte* src, float* dst, int64_t n_blocks);
void decode_iq4_nl(const std::byte* src, float* dst, int64_t n_blocks);
void decode_iq4_xs(const std::byte* src, float* dst, int64_t n_blocks);

// weight [n]: of each element's squared error, finite and not negative, not all zero in any block.
void encode_weighted_q4_0(const float* src, const float* weight, std::byte* dst, int64_t n_blocks);
void encode_weighted_q4_1(const float* src, const float* weight, std::byte* dst, int64_t n_blocks);
void encode_weighted_q5_0(const float* src, const float* weight, std::byte* dst, int64_t n_blocks);
void encode_weighted_q5_1(const float* src, const float* weight, std::byte* dst, int64_t n_blocks);
void encode_q2_k(const float* src, const float* weight, std::byte* dst, int64_t n_blocks);
void encode_q3_k(const float* src, const float* weight, std::byte* dst, int64_t n_blocks);
void encode_q4_k(const float* src, const float* weight, std::byte* dst, int64_t n_blocks);
void encode_q5_k(const float* src, const float* weight, std::byte* dst, int64_t n_blocks);
void encode_q6_k(const float* src, const float* weight, std::byte* dst, int64_t n_blocks);

inline uint16_t load_u16(const std::byte* p) {
  uint16_t value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}
inline uint32_t load_u32(const std::byte* p) {
  uint32_t value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}
inline void store_u16(std::byte* p, uint16_t value) { std::memcpy(p, &value, sizeof(value)); }

inline void store_u32(std::byte* p, uint32_t value) { std::memcpy(p, &value, sizeof(value)); }

inline int byte_at(const std::byte* p, int i) { return static_cast<int>(p[i]); }
inline int bit(uint32_t bits, int i) { return static_cast<int>(bits >> i & 1u); }

// The element furthest from zero, with its sign; the first of equals.
inline float extreme(const float* src, int n) {
  float value = src[0];
  for (int i = 1; i < n; ++i) {
    if (std::fabs(src[i]) > std::fabs(value)) value = src[i];
  }
  return value;
}

// 32 levels of five bits: bit 4 of level i is bit i of `high`, the lower ones lie in `low` as q4_0's.
template <class LevelOf>
void store_five_bits(std::byte* high, std::byte* low, LevelOf level_of) {
  uint32_t high_bits = 0;
  for (int i = 0; i < 16; ++i) {
    const int first = level_of(i), second = level_of(i + 16);
    high_bits |= static_cast<uint32_t>(first >> 4) << i | static_cast<uint32_t>(second >> 4) << (i + 16);
    low[i] = static_cast<std::byte>((first & 15) | (second & 15) << 4);
  }
  store_u32(high, high_bits);
}

// 1 / step, and 0 for the step 0 of a block of equal values.
inline float reciprocal(float step) { return step == 0.0f ? 0.0f : 1.0f / step; }

// Truncates x towards zero into [low, high]. Infinities and NaN come from steps so small that their float16 is 0,
// where the number does not matter: they give 0.
inline int truncate_to(float x, int low, int high) {
  if (!std::isfinite(x)) return 0;
  if (x <= static_cast<float>(low)) return low;
  if (x >= static_cast<float>(high)) return high;
  return static_cast<int>(x);
}

}  // namespace bp::quant
