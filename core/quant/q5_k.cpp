#include "quant/formats.h"
#include "quant/k_scales.h"
#include "quant/super_block.h"

// q5_k: 256 elements in 176 bytes, x[i] = d * s[j] * q[i] - dmin * m[j], sub-block j = i / 32; q in 0..31, s, m in
// 0..63.
//
//   byte  0      2      4                       16            48                                 176
//         | d    | dmin | s and m (k_scales.h)  | bit 4 of q  | lower nibbles of q: as in q4_k   |
//           f16    f16
//   bit 4 of q[32 j + i], i < 32: bit j of byte 16 + i
namespace bp::quant {
namespace {
constexpr int kElements = 256;
constexpr int kSubBlock = 32;
constexpr int kBytes = 176;
}  // namespace

void decode_q5_k(const std::byte* src, float* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kBytes, dst += kElements) {
    decode_sub_blocks(src, dst, [&](int j, int i) {
      return (byte_at(src + 48 + j / 2 * kSubBlock, i) >> j % 2 * 4 & 15) | (byte_at(src + 16, i) >> j & 1) << 4;
    });
  }
}

void encode_q5_k(const float* src, const float* weight, std::byte* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kElements, weight += kElements, dst += kBytes) {
    const auto block = SuperBlockSearch<kSubBlock>(src, weight, {0, 31, 0, 63, true}).run();
    std::memset(dst, 0, kBytes);
    encode_scales(block, dst);
    for (int i = 0; i < kElements; ++i) {
      const int q = block.level(i);
      dst[16 + i % 32] |= static_cast<std::byte>(q >> 4 << i / 32);
      dst[48 + i / 64 * 32 + i % 32] |= static_cast<std::byte>((q & 15) << i / 32 % 2 * 4);
    }
  }
}

}  // namespace bp::quant
