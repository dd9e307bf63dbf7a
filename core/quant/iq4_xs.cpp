#include "base/half.h"
#include "quant/formats.h"
#include "quant/iq4_levels.h"

// iq4_xs: 256 elements in 136 bytes, x[i] = d * (s[j] - 32) * level[q[i]] (iq4_levels.h), sub-block j = i / 32; s in
// 0..63.
//
//   byte  0      2                     4                          8                          136
//         | d    | bits 4, 5 of s      | lower nibbles of s       | q, 16 bytes a sub-block  |
//           f16    u16, s[j] from 2j     two to a byte, in order    as iq4_nl
namespace bp::quant {
namespace {
constexpr int kElements = 256;
constexpr int kSubBlock = 32;
constexpr int kHalf = kSubBlock / 2;
constexpr int kBytes = 136;
}  // namespace

void decode_iq4_xs(const std::byte* src, float* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kBytes, dst += kElements) {
    const float d = f16_to_f32(load_u16(src));
    const int high = load_u16(src + 2);
    for (int j = 0; j < kElements / kSubBlock; ++j) {
      const int s = (byte_at(src, 4 + j / 2) >> j % 2 * 4 & 15) | (high >> 2 * j & 3) << 4;
      const float scale = d * static_cast<float>(s - 32);
      float* out = dst + j * kSubBlock;
      for (int i = 0; i < kHalf; ++i) {
        const auto pair = static_cast<size_t>(byte_at(src, 8 + j * kHalf + i));
        out[i] = scale * kIq4Levels[pair & 15];
        out[i + kHalf] = scale * kIq4Levels[pair >> 4];
      }
    }
  }
}

}  // namespace bp::quant
