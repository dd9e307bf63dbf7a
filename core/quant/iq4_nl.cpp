#include "base/half.h"
#include "quant/formats.h"
#include "quant/iq4_levels.h"

// iq4_nl: 32 elements in 18 bytes, x[i] = d * level[q[i]] (iq4_levels.h).
//
//   byte  0      2                                                        18
//         | d    | q[0] + 16 q[16]   q[1] + 16 q[17]  …  q[15] + 16 q[31] |
//           f16
namespace bp::quant {
namespace {
constexpr int kElements = 32;
constexpr int kHalf = kElements / 2;
constexpr int kBytes = 18;
}  // namespace

void decode_iq4_nl(const std::byte* src, float* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kBytes, dst += kElements) {
    const float d = f16_to_f32(load_u16(src));
    for (int i = 0; i < kHalf; ++i) {
      const auto pair = static_cast<size_t>(byte_at(src, 2 + i));
      dst[i] = d * kIq4Levels[pair & 15];
      dst[i + kHalf] = d * kIq4Levels[pair >> 4];
    }
  }
}

}  // namespace bp::quant
