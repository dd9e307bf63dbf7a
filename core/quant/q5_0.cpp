#include "base/half.h"
#include "quant/formats.h"

// q5_0: 32 elements in 22 bytes, x[i] = d * (q[i] - 16), q in 0..31.
//
//   byte  0      2               6                                            22
//         | d    | bit 4 of q    | lower nibbles: as q4_0, q[i] and q[i + 16] |
//           f16    u32, bit i of q[i]
namespace bp::quant {
namespace {
constexpr int kElements = 32;
constexpr int kHalf = kElements / 2;
constexpr int kBytes = 22;
}  // namespace

void decode_q5_0(const std::byte* src, float* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kBytes, dst += kElements) {
    const float d = f16_to_f32(load_u16(src));
    const uint32_t high = load_u32(src + 2);
    for (int i = 0; i < kHalf; ++i) {
      const int pair = byte_at(src, 6 + i);
      dst[i] = d * static_cast<float>(((pair & 15) | bit(high, i) << 4) - 16);
      dst[i + kHalf] = d * static_cast<float>((pair >> 4 | bit(high, i + kHalf) << 4) - 16);
    }
  }
}

void encode_q5_0(const float* src, std::byte* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kElements, dst += kBytes) {
    // The extreme becomes q = 0, the one value that has no counterpart of the other sign.
    const float d = extreme(src, kElements) / -16.0f;
    const float inverse = reciprocal(d);
    uint32_t high = 0;
    store_u16(dst, f32_to_f16(d));
    for (int i = 0; i < kHalf; ++i) {
      const int low_half = truncate_to(src[i] * inverse + 16.5f, 0, 31);
      const int high_half = truncate_to(src[i + kHalf] * inverse + 16.5f, 0, 31);
      high |= static_cast<uint32_t>(low_half >> 4) << i | static_cast<uint32_t>(high_half >> 4) << (i + kHalf);
      dst[6 + i] = static_cast<std::byte>((low_half & 15) | (high_half & 15) << 4);
    }
    store_u32(dst + 2, high);
  }
}

}  // namespace bp::quant
