// The twelve bytes that q4_k and q5_k hold eight scales s[j] and eight minima m[j] in, six bits each.
//
//   byte j,     j < 4   s[j]           in bits 0..5    upper two bits of s[j + 4] in bits 6, 7
//   byte 4 + j, j < 4   m[j]           in bits 0..5    upper two bits of m[j + 4] in bits 6, 7
//   byte 8 + j, j < 4   lower nibble: lower four bits of s[j + 4]; upper nibble: those of m[j + 4]
//
// Internal to the module. Thread-safe: pure functions.
#pragma once

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

}  // namespace bp::quant
