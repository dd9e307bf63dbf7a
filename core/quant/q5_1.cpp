#include <algorithm>

#include "base/half.h"
#include "quant/fit.h"
#include "quant/formats.h"

// q5_1: 32 elements in 24 bytes, x[i] = d * q[i] + m, q in 0..31.
//
//   byte  0      2      4               8                                            24
//         | d    | m    | bit 4 of q    | lower nibbles: as q4_0, q[i] and q[i + 16] |
//           f16    f16    u32, bit i of q[i]
namespace bp::quant {
namespace {
constexpr int kElements = 32;
constexpr int kHalf = kElements / 2;
constexpr int kBytes = 24;

template <class LevelOf>
void store_block(std::byte* dst, float d, float m, LevelOf level_of) {
  store_u16(dst, f32_to_f16(d));
  store_u16(dst + 2, f32_to_f16(m));
  store_five_bits(dst + 4, dst + 8, level_of);
}

}  // namespace

void decode_q5_1(const std::byte* src, float* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kBytes, dst += kElements) {
    const float d = f16_to_f32(load_u16(src));
    const float m = f16_to_f32(load_u16(src + 2));
    const uint32_t high = load_u32(src + 4);
    for (int i = 0; i < kHalf; ++i) {
      const int pair = byte_at(src, 8 + i);
      dst[i] = d * static_cast<float>((pair & 15) | bit(high, i) << 4) + m;
      dst[i + kHalf] = d * static_cast<float>(pair >> 4 | bit(high, i + kHalf) << 4) + m;
    }
  }
}

void encode_q5_1(const float* src, std::byte* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kElements, dst += kBytes) {
    const auto [low, high] = std::minmax_element(src, src + kElements);
    const float m = *low, d = (*high - m) / 31.0f;
    const float inverse = reciprocal(d);
    store_block(dst, d, m, [&](int i) { return truncate_to((src[i] - m) * inverse + 0.5f, 0, 31); });
  }
}

void encode_weighted_q5_1(const float* src, const float* weight, std::byte* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kElements, weight += kElements, dst += kBytes) {
    Values<kElements> values;
    values.load(src, weight);
    const Fit fit = fit_affine(values, 31, OffsetRange::kAny);
    const float d = as_f16(fit.scale), offset = as_f16(fit.offset);
    const auto q = nearest_levels(values, reciprocal(d), offset, 0.0f, 31.0f);
    store_block(dst, d, -offset, [&](int i) { return level_at<kElements>(q, i); });
  }
}

}  // namespace bp::quant
