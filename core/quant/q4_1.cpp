#include <algorithm>

#include "base/half.h"
#include "quant/fit.h"
#include "quant/formats.h"

// q4_1: 32 elements in 20 bytes, x[i] = d * q[i] + m, q in 0..15.
//
//   byte  0      2      4                                                        20
//         | d    | m    | q[0] + 16 q[16]   q[1] + 16 q[17]  …  q[15] + 16 q[31] |
//           f16    f16    the lower nibbles are the first half of the block, the upper ones the second
namespace bp::quant {
namespace {
constexpr int kElements = 32;
constexpr int kHalf = kElements / 2;
constexpr int kBytes = 20;

template <class LevelOf>
void store_block(std::byte* dst, float d, float m, LevelOf level_of) {
  store_u16(dst, f32_to_f16(d));
  store_u16(dst + 2, f32_to_f16(m));
  for (int i = 0; i < kHalf; ++i) dst[4 + i] = static_cast<std::byte>(level_of(i) | level_of(i + kHalf) << 4);
}

}  // namespace

void decode_q4_1(const std::byte* src, float* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kBytes, dst += kElements) {
    const float d = f16_to_f32(load_u16(src));
    const float m = f16_to_f32(load_u16(src + 2));
    for (int i = 0; i < kHalf; ++i) {
      const int pair = static_cast<int>(src[4 + i]);
      dst[i] = d * static_cast<float>(pair & 15) + m;
      dst[i + kHalf] = d * static_cast<float>(pair >> 4) + m;
    }
  }
}

void encode_q4_1(const float* src, std::byte* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kElements, dst += kBytes) {
    const auto [low, high] = std::minmax_element(src, src + kElements);
    const float m = *low, d = (*high - m) / 15.0f;
    const float inverse = reciprocal(d);
    store_block(dst, d, m, [&](int i) { return truncate_to((src[i] - m) * inverse + 0.5f, 0, 15); });
  }
}

void encode_weighted_q4_1(const float* src, const float* weight, std::byte* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kElements, weight += kElements, dst += kBytes) {
    Values<kElements> values;
    values.load(src, weight);
    const Fit fit = fit_affine(values, 15, OffsetRange::kAny);
    const float d = as_f16(fit.scale), offset = as_f16(fit.offset);
    const auto q = nearest_levels(values, reciprocal(d), offset, 0.0f, 15.0f);
    store_block(dst, d, -offset, [&](int i) { return level_at<kElements>(q, i); });
  }
}

}  // namespace bp::quant
