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

void decode_q8_0(const std::byte* src, float* dst, int64_t n_blocks);
void encode_q8_0(const float* src, std::byte* dst, int64_t n_blocks);
void decode_q4_0(const std::byte* src, float* dst, int64_t n_blocks);
void encode_q4_0(const float* src, std::byte* dst, int64_t n_blocks);
void decode_q4_1(const std::byte* src, float* dst, int64_t n_blocks);
void encode_q4_1(const float* src, std::byte* dst, int64_t n_blocks);

inline uint16_t load_u16(const std::byte* p) {
  uint16_t value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}
inline void store_u16(std::byte* p, uint16_t value) { std::memcpy(p, &value, sizeof(value)); }

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
