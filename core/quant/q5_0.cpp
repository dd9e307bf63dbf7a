#include "base/half.h"
#include "quant/fit.h"
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

template <class LevelOf>
void store_block(std::byte* dst, float d, LevelOf level_of) {
  store_u16(dst, f32_to_f16(d));
  store_five_bits(dst + 2, dst + 6, level_of);
}

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
    store_block(dst, d, [&](int i) { return truncate_to(src[i] * inverse + 16.5f, 0, 31); });
  }
}

void encode_weighted_q5_0(const float* src, const float* weight, std::byte* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kElements, weight += kElements, dst += kBytes) {
    Values<kElements> values;
    values.load(src, weight);
    const float d = as_f16(fit_symmetric(values, -16).scale);
    const auto q = nearest_levels(values, reciprocal(d), 0.0f, -16.0f, 15.0f);
    store_block(dst, d, [&](int i) { return level_at<kElements>(q, i) + 16; });
  }
}

}  // namespace bp::quant
