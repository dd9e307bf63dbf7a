#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "quant/formats.h"

// mxfp4 (OCP Microscaling 1.0): 32 elements in 17 bytes, x[i] = 2^(e - 127) * level[q[i]], q an e2m1 number.
//
//   byte  0     1                                                        17
//         | e   | q[0] + 16 q[16]   q[1] + 16 q[17]  …  q[15] + 16 q[31] |
//           u8 (e8m0; 255, NaN in that standard, counts as 2^128 here)
namespace bp::quant {
namespace {
constexpr int kElements = 32;
constexpr int kHalf = kElements / 2;
constexpr int kBytes = 17;

// Twice the e2m1 numbers, so that half of the largest power of two still suffices.
constexpr std::array<float, 16> kDoubled = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// 2^(e - 128): subnormal for e < 2.
float half_power(uint32_t e) { return std::bit_cast<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23); }

// The level nearest to x, the first of equals.
int nearest(float x, float scale) {
  int best = 0;
  for (int q = 1; q < 16; ++q) {
    if (std::fabs(scale * kDoubled[static_cast<size_t>(q)] - x) <
        std::fabs(scale * kDoubled[static_cast<size_t>(best)] - x)) {
      best = q;
    }
  }
  return best;
}

}  // namespace

void decode_mxfp4(const std::byte* src, float* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kBytes, dst += kElements) {
    const float scale = half_power(static_cast<uint32_t>(src[0]));
    for (int i = 0; i < kHalf; ++i) {
      const auto pair = static_cast<size_t>(byte_at(src, 1 + i));
      dst[i] = scale * kDoubled[pair & 15];
      dst[i + kHalf] = scale * kDoubled[pair >> 4];
    }
  }
}

void encode_mxfp4(const float* src, std::byte* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kElements, dst += kBytes) {
    const float largest = std::fabs(extreme(src, kElements));
    const float exponent = largest > 0.0f ? std::floor(std::log2(largest)) + 125.0f : 0.0f;
    const auto e = static_cast<uint32_t>(std::clamp(exponent, 0.0f, 255.0f));
    const float scale = half_power(e);
    dst[0] = static_cast<std::byte>(e);
    for (int i = 0; i < kHalf; ++i) {
      dst[1 + i] = static_cast<std::byte>(nearest(src[i], scale) | nearest(src[i + kHalf], scale) << 4);
    }
  }
}

}  // namespace bp::quant
