#include <array>
#include <cmath>

#include "quant/formats.h"
#include "quant/minifloat.h"

// fp8_e4m3, fp8_e5m2, e8m0: one byte per element, looked up.
namespace bp::quant {
namespace {

std::array<float, 256> decode_all(const Minifloat& format) {
  std::array<float, 256> values;
  for (uint32_t code = 0; code < values.size(); ++code) values[code] = decode_minifloat(format, code);
  return values;
}

std::array<float, 256> decode_all_e8m0() {
  std::array<float, 256> values;
  for (uint32_t code = 0; code < values.size(); ++code) values[code] = bp::decode_e8m0(code);
  return values;
}

void look_up(const std::array<float, 256>& values, const std::byte* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dst[i] = values[static_cast<size_t>(src[i])];
}

}  // namespace

void decode_fp8_e4m3(const std::byte* src, float* dst, int64_t n) {
  static const std::array<float, 256> values = decode_all(kE4M3);
  look_up(values, src, dst, n);
}

void decode_fp8_e5m2(const std::byte* src, float* dst, int64_t n) {
  static const std::array<float, 256> values = decode_all(kE5M2);
  look_up(values, src, dst, n);
}

void decode_e8m0(const std::byte* src, float* dst, int64_t n) {
  static const std::array<float, 256> values = decode_all_e8m0();
  look_up(values, src, dst, n);
}

void encode_fp8_e4m3(const float* src, std::byte* dst, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dst[i] = static_cast<std::byte>(encode_minifloat(kE4M3, src[i]));
}

void encode_fp8_e5m2(const float* src, std::byte* dst, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dst[i] = static_cast<std::byte>(encode_minifloat(kE5M2, src[i]));
}

void encode_e8m0(const float* src, std::byte* dst, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dst[i] = static_cast<std::byte>(bp::encode_e8m0(src[i]));
}

}  // namespace bp::quant
