#include "base/half.h"
#include "quant/formats.h"
#include "quant/super_block.h"

// q2_k: 256 elements in 84 bytes, x[i] = d * s[j] * q[i] - dmin * m[j], sub-block j = i / 16; q in 0..3, s, m in 0..15.
//
//   byte  0                       16                       80     82     84
//         | s[j] + 16 m[j]  x 16  | q, four to a byte      | d    | dmin |
//                                                            f16    f16
//   q[128 h + 32 t + i], h < 2, t < 4, i < 32: bits 2t, 2t + 1 of byte 16 + 32 h + i
namespace bp::quant {
namespace {
constexpr int kElements = 256;
constexpr int kSubBlock = 16;
constexpr int kBytes = 84;
}  // namespace

void decode_q2_k(const std::byte* src, float* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kBytes, dst += kElements) {
    const float d = f16_to_f32(load_u16(src + 80));
    const float d_min = f16_to_f32(load_u16(src + 82));
    for (int j = 0; j < kElements / kSubBlock; ++j) {
      const float scale = d * static_cast<float>(byte_at(src, j) & 15);
      const float minimum = d_min * static_cast<float>(byte_at(src, j) >> 4);
      const std::byte* q = src + 16 + j / 8 * 32 + j % 2 * kSubBlock;
      const int shift = j % 8 / 2 * 2;
      for (int i = 0; i < kSubBlock; ++i) {
        dst[j * kSubBlock + i] = scale * static_cast<float>(byte_at(q, i) >> shift & 3) - minimum;
      }
    }
  }
}

void encode_q2_k(const float* src, const float* weight, std::byte* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kElements, weight += kElements, dst += kBytes) {
    const auto block = SuperBlockSearch<kSubBlock>(src, weight, {0, 3, 0, 15, true}).run();
    std::memset(dst, 0, kBytes);
    for (int j = 0; j < block.kCount; ++j) dst[j] = static_cast<std::byte>(block.s_at(j) | block.m_at(j) << 4);
    for (int i = 0; i < kElements; ++i) {
      dst[16 + i / 128 * 32 + i % 32] |= static_cast<std::byte>(block.level(i) << i / 32 % 4 * 2);
    }
    store_u16(dst + 80, f32_to_f16(block.d));
    store_u16(dst + 82, f32_to_f16(block.d_min));
  }
}

}  // namespace bp::quant
