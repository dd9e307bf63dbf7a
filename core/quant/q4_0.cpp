#include "base/half.h"
#include "quant/fit.h"
#include "quant/formats.h"

// q4_0: 32 elements in 18 bytes, x[i] = d * (q[i] - 8), q in 0..15.
//
//   byte  0      2                                                        18
//         | d    | q[0] + 16 q[16]   q[1] + 16 q[17]  …  q[15] + 16 q[31] |
//           f16    the lower nibbles are the first half of the block, the upper ones the second
namespace bp::quant {
namespace {
constexpr int kElements = 32;
constexpr int kHalf = kElements / 2;
constexpr int kBytes = 18;

template <class LevelOf>
void store_block(std::byte* dst, float d, LevelOf level_of) {
  store_u16(dst, f32_to_f16(d));
  for (int i = 0; i < kHalf; ++i) dst[2 + i] = static_cast<std::byte>(level_of(i) | level_of(i + kHalf) << 4);
}

}  // namespace

void decode_q4_0(const std::byte* src, float* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kBytes, dst += kElements) {
    const float d = f16_to_f32(load_u16(src));
    for (int i = 0; i < kHalf; ++i) {
      const int pair = static_cast<int>(src[2 + i]);
      dst[i] = d * static_cast<float>((pair & 15) - 8);
      dst[i + kHalf] = d * static_cast<float>((pair >> 4) - 8);
    }
  }
}

void encode_q4_0(const float* src, std::byte* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kElements, dst += kBytes) {
    // The extreme becomes q = 0, the one value that has no counterpart of the other sign.
    const float d = extreme(src, kElements) / -8.0f;
    const float inverse = reciprocal(d);
    store_block(dst, d, [&](int i) { return truncate_to(src[i] * inverse + 8.5f, 0, 15); });
  }
}

void encode_weighted_q4_0(const float* src, const float* weight, std::byte* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kElements, weight += kElements, dst += kBytes) {
    Values<kElements> values;
    values.load(src, weight);
    const float d = as_f16(fit_symmetric(values, -8).scale);
    const auto q = nearest_levels(values, reciprocal(d), 0.0f, -8.0f, 7.0f);
    store_block(dst, d, [&](int i) { return level_at<kElements>(q, i) + 8; });
  }
}

}  // namespace bp::quant
