#include <algorithm>
#include <cmath>

#include "base/half.h"
#include "quant/formats.h"

// q8_0: 32 elements in 34 bytes, x[i] = d * q[i].
//
//   byte  0      2                                34
//         | d    | q[0] q[1] …            q[31]   |
//           f16    i8 each
namespace bp::quant {
namespace {
constexpr int kElements = 32;
constexpr int kBytes = 34;
}  // namespace

void decode_q8_0(const std::byte* src, float* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kBytes, dst += kElements) {
    const float d = f16_to_f32(load_u16(src));
    for (int i = 0; i < kElements; ++i) dst[i] = static_cast<float>(static_cast<int8_t>(src[2 + i])) * d;
  }
}

void encode_q8_0(const float* src, std::byte* dst, int64_t n_blocks) {
  for (int64_t b = 0; b < n_blocks; ++b, src += kElements, dst += kBytes) {
    float largest = 0.0f;
    for (int i = 0; i < kElements; ++i) largest = std::max(largest, std::fabs(src[i]));
    const float d = largest / 127.0f;
    const float inverse = reciprocal(d);
    store_u16(dst, f32_to_f16(d));
    for (int i = 0; i < kElements; ++i) {
      dst[2 + i] = static_cast<std::byte>(truncate_to(std::round(src[i] * inverse), -128, 127));
    }
  }
}

}  // namespace bp::quant
