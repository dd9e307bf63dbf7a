// Floats of 8 and fewer bits: sign, exponent, mantissa, with subnormals; and e8m0, a power of two and nothing else.
// Thread-safety: pure functions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace bp {

struct Minifloat {
  int mantissa_bits;
  int min_exponent;   // of the smallest normal number
  uint32_t max_code;  // of the largest finite number, without sign
  uint32_t sign_bit;
  uint32_t nan_code;  // 0: has none
  uint32_t inf_code;  // 0: has none
};

inline constexpr Minifloat kE4M3{3, -6, 0x7e, 0x80, 0x7f, 0};
inline constexpr Minifloat kE5M2{2, -14, 0x7b, 0x80, 0x7e, 0x7c};
inline constexpr Minifloat kE2M1{1, 0, 0x7, 0x8, 0, 0};

inline float decode_minifloat(const Minifloat& format, uint32_t code) {
  const float sign = (code & format.sign_bit) != 0 ? -1.0f : 1.0f;
  const uint32_t magnitude = code & (format.sign_bit - 1);
  if (format.inf_code != 0 && magnitude == format.inf_code) return sign * INFINITY;
  if (magnitude > format.max_code) return NAN;
  const auto exponent = static_cast<int>(magnitude >> format.mantissa_bits);
  const uint32_t hidden = 1u << format.mantissa_bits;
  const uint32_t mantissa = (magnitude & (hidden - 1)) + (exponent == 0 ? 0 : hidden);
  const int shift = std::max(exponent, 1) - 1 + format.min_exponent - format.mantissa_bits;
  return sign * std::ldexp(static_cast<float>(mantissa), shift);
}

// Rounds to nearest even; what is too large becomes the largest finite number.
inline uint32_t encode_minifloat(const Minifloat& format, float x) {
  if (std::isnan(x)) return format.nan_code;
  const uint32_t sign = std::signbit(x) ? format.sign_bit : 0;
  const float a = std::fabs(x);
  if (a == 0.0f) return sign;
  if (a >= decode_minifloat(format, format.max_code)) return sign | format.max_code;
  const int exponent = std::max(std::ilogb(a), format.min_exponent);
  const auto steps = static_cast<uint32_t>(std::nearbyint(std::ldexp(a, format.mantissa_bits - exponent)));
  // A carry out of the mantissa lands in the exponent, where it belongs.
  return sign | ((static_cast<uint32_t>(exponent - format.min_exponent) << format.mantissa_bits) + steps);
}

// 2^(code - 127), NaN for 255.
inline float decode_e8m0(uint32_t code) { return code == 255 ? NAN : std::ldexp(1.0f, static_cast<int>(code) - 127); }

// The largest power of two that is not above x; NaN for what is not positive and finite.
inline uint32_t encode_e8m0(float x) {
  if (!(x > 0.0f) || std::isinf(x)) return 255;
  return static_cast<uint32_t>(std::clamp(std::ilogb(x) + 127, 0, 254));
}

}  // namespace bp
