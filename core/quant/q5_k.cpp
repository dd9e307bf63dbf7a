#include "base/half.h"
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
    const float d = f16_to_f32(load_u16(src));
    const float d_min = f16_to_f32(load_u16(src + 2));
    for (int j = 0; j < kElements / kSubBlock; ++j) {
      const auto [s, m] = unpack_k_scale(src + 4, j);
      const float scale = d * static_cast<float>(s), minimum = d_min * static_cast<float>(m);
      const std::byte* high = src + 16;
      const std::byte* low = src + 48 + j / 2 * kSubBlock;
      const int shift = j % 2 * 4;
      for (int i = 0; i < kSubBlock; ++i) {
        const int q = (byte_at(low, i) >> shift & 15) | (byte_at(high, i) >> j & 1) << 4;
        dst[j * kSubBlock + i] = scale * static_cast<float>(q) - minimum;
      }
    }
  }
}

void encode_q5_k(const float* src, const float* weight, std::byte* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kElements, weight += kElements, dst += kBytes) {
    const auto block = SuperBlockSearch<kSubBlock>(src, weight, {0, 31, 0, 63, true}).run();
    std::memset(dst, 0, kBytes);
    store_u16(dst, f32_to_f16(block.d));
    store_u16(dst + 2, f32_to_f16(block.d_min));
    for (int j = 0; j < block.kCount; ++j) pack_k_scale(dst + 4, j, block.s_at(j), block.m_at(j));
    for (int i = 0; i < kElements; ++i) {
      const int q = block.level(i);
      dst[16 + i % 32] |= static_cast<std::byte>(q >> 4 << i / 32);
      dst[48 + i / 64 * 32 + i % 32] |= static_cast<std::byte>((q & 15) << i / 32 % 2 * 4);
    }
  }
}

}  // namespace bp::quant
