#include <algorithm>

#include "base/half.h"
#include "quant/formats.h"

// q4_1: 32 elements in 20 bytes, x[i] = d * q[i] + m, q in 0..15.
//
//   byte  0      2      4                                                        20
//         | d    | m    | q[0] + 16 q[16]   q[1] + 16 q[17]  …  q[15] + 16 q[31] |
//           f16    f16    the lower nibbles are the first half of the block, the upper ones the second
namespace bp::quant {
namespace {
constexpr int kElements = 32;
constexpr int kHalf = kElements / 2;
constexpr int kBytes = 20;
}  // namespace

void decode_q4_1(const std::byte* src, float* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kBytes, dst += kElements) {
    const float d = f16_to_f32(load_u16(src));
    const float m = f16_to_f32(load_u16(src + 2));
    for (int i = 0; i < kHalf; ++i) {
      const int pair = static_cast<int>(src[4 + i]);
      dst[i] = d * static_cast<float>(pair & 15) + m;
      dst[i + kHalf] = d * static_cast<float>(pair >> 4) + m;
    }
  }
}

void encode_q4_1(const float* src, std::byte* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kElements, dst += kBytes) {
    const auto [low, high] = std::minmax_element(src, src + kElements);
    const float d = (*high - *low) / 15.0f;
    const float inverse = reciprocal(d);
    const auto level = [&](float x) { return truncate_to((x - *low) * inverse + 0.5f, 0, 15); };
    store_u16(dst, f32_to_f16(d));
    store_u16(dst + 2, f32_to_f16(*low));
    for (int i = 0; i < kHalf; ++i) {
      dst[4 + i] = static_cast<std::byte>(level(src[i]) | level(src[i + kHalf]) << 4);
    }
  }
}

}  // namespace bp::quant
