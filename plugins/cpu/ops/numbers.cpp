#include "ops/numbers.h"

#include <backplane/plugin_region.hpp>

#include <algorithm>
#include <cmath>

#include "kernels/convert.h"
#include "weight_layout.h"

namespace bp::cpu {
namespace {

using plugin::is_plain_float;

constexpr int64_t kPiece = 256;
constexpr float kE2m1[16] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};

bool is_nibble(uint16_t dtype) { return dtype == BP_DT_I4 || dtype == BP_DT_U4 || dtype == BP_DT_FP4_E2M1; }
bool is_fp8(uint16_t dtype) { return dtype == BP_DT_FP8_E4M3 || dtype == BP_DT_FP8_E5M2; }
bool is_byte(uint16_t dtype) { return is_fp8(dtype) || dtype == BP_DT_I8 || dtype == BP_DT_U8 || dtype == BP_DT_E8M0; }

float nibble(uint16_t dtype, int code) {
  if (dtype == BP_DT_FP4_E2M1) return kE2m1[code];
  return static_cast<float>(dtype == BP_DT_I4 && code > 7 ? code - 16 : code);
}

float byte_number(uint16_t dtype, int byte) {
  if (dtype == BP_DT_I8) return static_cast<float>(static_cast<int8_t>(byte));
  if (dtype == BP_DT_U8) return static_cast<float>(byte);
  return byte == 255 ? NAN : std::ldexp(1.0f, byte - 127);
}

// As the f16 of the same bits; of e4m3 that is a 256th, and NaN is where f16 has a number.
void fp8_to_f32(uint16_t dtype, const std::byte* row, float* y, int64_t n, bool avx512) {
  const bool e4m3 = dtype == BP_DT_FP8_E4M3;
  uint16_t half[kPiece];
  for (int64_t begin = 0; begin < n; begin += kPiece) {
    const int64_t count = std::min(kPiece, n - begin);
    for (int64_t i = 0; i < count; ++i) {
      const int byte = std::to_integer<int>(row[begin + i]);
      half[i] = static_cast<uint16_t>(e4m3 ? (byte & 0x80) << 8 | (byte & 0x7f) << 7 : byte << 8);
      if (e4m3 && (byte & 0x7f) == 0x7f) half[i] = 0x7e00;
    }
    (avx512 ? avx512::row_to_f32 : avx2::row_to_f32)(BP_DT_F16, half, y + begin, count);
    for (int64_t i = 0; e4m3 && i < count; ++i) y[begin + i] *= 256.0f;
  }
}

}  // namespace

int64_t number_block(uint16_t dtype) {
  if (is_nibble(dtype)) return 2;
  if (is_byte(dtype) || is_plain_float(dtype)) return 1;
  const auto format = format_of_dtype(dtype);
  return format.has_value() && is_block_format(*format) ? block_shape(*format).block_k : 0;
}

void numbers_to_f32(uint16_t dtype, const std::byte* row, float* y, int64_t n, bool avx512) {
  if (is_plain_float(dtype)) return (avx512 ? avx512::row_to_f32 : avx2::row_to_f32)(dtype, row, y, n);
  if (is_fp8(dtype)) return fp8_to_f32(dtype, row, y, n, avx512);
  if (is_nibble(dtype)) {
    for (int64_t i = 0; i < n; ++i) y[i] = nibble(dtype, std::to_integer<int>(row[i / 2]) >> i % 2 * 4 & 15);
  } else if (is_byte(dtype)) {
    for (int64_t i = 0; i < n; ++i) y[i] = byte_number(dtype, std::to_integer<int>(row[i]));
  } else {
    (avx512 ? avx512::block_row_to_f32 : avx2::block_row_to_f32)(*format_of_dtype(dtype), row, y, n);
  }
}

}  // namespace bp::cpu
