#include "base/half.h"
#include "quant/formats.h"
#include "quant/super_block.h"

// q6_k: 256 elements in 210 bytes, x[i] = d * s[j] * (q[i] - 32), sub-block j = i / 16; q in 0..63, s an i8.
//
//   byte  0                       128                 192           208    210
//         | lower nibbles of q    | bits 4, 5 of q    | s[j] x 16   | d    |
//           two to a byte           four to a byte      i8            f16
//   q[128 h + 64 p + i], h < 2, p < 2, i < 64: nibble p of byte 64 h + i
//   q[128 h + 32 t + i], h < 2, t < 4, i < 32: bits 2t, 2t + 1 of byte 128 + 32 h + i
namespace bp::quant {
namespace {
constexpr int kElements = 256;
constexpr int kSubBlock = 16;
constexpr int kBytes = 210;
}  // namespace

void decode_q6_k(const std::byte* src, float* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kBytes, dst += kElements) {
    const float d = f16_to_f32(load_u16(src + 208));
    for (int j = 0; j < kElements / kSubBlock; ++j) {
      const float scale = d * static_cast<float>(static_cast<int8_t>(src[192 + j]));
      const std::byte* low = src + j / 8 * 64 + j % 4 * kSubBlock;
      const std::byte* high = src + 128 + j / 8 * 32 + j % 2 * kSubBlock;
      const int low_shift = j % 8 / 4 * 4, high_shift = j % 8 / 2 * 2;
      for (int i = 0; i < kSubBlock; ++i) {
        const int q = (byte_at(low, i) >> low_shift & 15) | (byte_at(high, i) >> high_shift & 3) << 4;
        dst[j * kSubBlock + i] = scale * static_cast<float>(q - 32);
      }
    }
  }
}

void encode_q6_k(const float* src, const float* weight, std::byte* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kElements, weight += kElements, dst += kBytes) {
    const auto block = SuperBlockSearch<kSubBlock>(src, weight, {-32, 31, -128, 127, false}).run();
    std::memset(dst, 0, kBytes);
    for (int j = 0; j < block.kCount; ++j) dst[192 + j] = static_cast<std::byte>(block.s_at(j));
    for (int i = 0; i < kElements; ++i) {
      const int q = block.level(i) + 32;
      dst[i / 128 * 64 + i % 64] |= static_cast<std::byte>((q & 15) << i / 64 % 2 * 4);
      dst[128 + i / 128 * 32 + i % 32] |= static_cast<std::byte>(q >> 4 << i / 32 % 4 * 2);
    }
    store_u16(dst + 208, f32_to_f16(block.d));
  }
}

}  // namespace bp::quant
