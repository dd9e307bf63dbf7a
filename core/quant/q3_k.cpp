#include "base/half.h"
#include "quant/formats.h"
#include "quant/super_block.h"

// q3_k: 256 elements in 110 bytes, x[i] = d * (s[j] - 32) * (q[i] - 4), sub-block j = i / 16; q in 0..7, s in 0..63.
//
//   byte  0               32                       96                108    110
//         | bit 2 of q    | bits 0, 1 of q         | s, six bits     | d    |
//                           four to a byte                             f16
//   q[128 h + 32 t + i], h < 2, t < 4, i < 32: bit 4h + t of byte i, bits 2t, 2t + 1 of byte 32 + 32 h + i
//   s[j]: its lower four bits are a nibble of byte 96 + j % 8 (the lower one for j < 8), its upper two are bits
//   2 (j / 4) and 2 (j / 4) + 1 of byte 104 + j % 4
namespace bp::quant {
namespace {
constexpr int kElements = 256;
constexpr int kSubBlock = 16;
constexpr int kBytes = 110;

int sub_scale(const std::byte* src, int j) {
  const int low = byte_at(src, 96 + j % 8) >> j / 8 * 4 & 15;
  const int high = byte_at(src, 104 + j % 4) >> j / 4 * 2 & 3;
  return (low | high << 4) - 32;
}

}  // namespace

void decode_q3_k(const std::byte* src, float* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kBytes, dst += kElements) {
    const float d = f16_to_f32(load_u16(src + 108));
    for (int j = 0; j < kElements / kSubBlock; ++j) {
      const float scale = d * static_cast<float>(sub_scale(src, j));
      const std::byte* high = src + j % 2 * kSubBlock;
      const std::byte* low = src + 32 + j / 8 * 32 + j % 2 * kSubBlock;
      const int shift = j % 8 / 2 * 2;
      for (int i = 0; i < kSubBlock; ++i) {
        const int q = (byte_at(low, i) >> shift & 3) | (byte_at(high, i) >> j / 2 & 1) << 2;
        dst[j * kSubBlock + i] = scale * static_cast<float>(q - 4);
      }
    }
  }
}

void encode_q3_k(const float* src, const float* weight, std::byte* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kElements, weight += kElements, dst += kBytes) {
    const auto block = SuperBlockSearch<kSubBlock>(src, weight, {-4, 3, -32, 31, false}).run();
    std::memset(dst, 0, kBytes);
    for (int j = 0; j < block.kCount; ++j) {
      const int s = block.s_at(j) + 32;
      dst[96 + j % 8] |= static_cast<std::byte>((s & 15) << j / 8 * 4);
      dst[104 + j % 4] |= static_cast<std::byte>(s >> 4 << j / 4 * 2);
    }
    for (int i = 0; i < kElements; ++i) {
      const int q = block.level(i) + 4;
      dst[i % 32] |= static_cast<std::byte>(q >> 2 << i / 32);
      dst[32 + i / 128 * 32 + i % 32] |= static_cast<std::byte>((q & 3) << i / 32 % 4 * 2);
    }
    store_u16(dst + 108, f32_to_f16(block.d));
  }
}

}  // namespace bp::quant
