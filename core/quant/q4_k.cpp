#include "quant/formats.h"
#include "quant/k_scales.h"
#include "quant/super_block.h"

// q4_k: 256 elements in 144 bytes, x[i] = d * s[j] * q[i] - dmin * m[j], sub-block j = i / 32; q in 0..15, s, m in
// 0..63.
//
//   byte  0      2      4                       16                                  144
//         | d    | dmin | s and m (k_scales.h)  | q, 32 bytes for two sub-blocks    |
//           f16    f16
//   q[64 g + i], i < 32: the lower nibble of byte 16 + 32 g + i; q[64 g + 32 + i]: its upper nibble
namespace bp::quant {
namespace {
constexpr int kElements = 256;
constexpr int kSubBlock = 32;
constexpr int kBytes = 144;
}  // namespace

void decode_q4_k(const std::byte* src, float* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kBytes, dst += kElements) {
    decode_sub_blocks(src, dst,
                      [&](int j, int i) { return byte_at(src + 16 + j / 2 * kSubBlock, i) >> j % 2 * 4 & 15; });
  }
}

void encode_q4_k(const float* src, const float* weight, std::byte* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kElements, weight += kElements, dst += kBytes) {
    const auto block = SuperBlockSearch<kSubBlock>(src, weight, {0, 15, 0, 63, true}).run();
    std::memset(dst, 0, kBytes);
    encode_scales(block, dst);
    for (int i = 0; i < kElements; ++i) {
      dst[16 + i / 64 * 32 + i % 32] |= static_cast<std::byte>(block.level(i) << i / 32 % 2 * 4);
    }
  }
}

}  // namespace bp::quant
