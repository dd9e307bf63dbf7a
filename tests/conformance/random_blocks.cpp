#include "random_blocks.h"

#include <cstring>

#include "base/check.h"
#include "base/half.h"

namespace bp::conformance {
namespace {

// Where a block has its scale and, right after it, its minimum, and what they are multiplied with on average.
struct Scales {
  DType dtype;
  size_t at;
  float scale;
  float minimum;  // 0: there is none
};
constexpr Scales kScales[] = {{DType::kQ2_K, 80, 12, 8},   {DType::kQ3_K, 108, 32, 0},   {DType::kQ4_K, 0, 256, 32},
                              {DType::kQ5_K, 0, 512, 32},  {DType::kQ6_K, 208, 1024, 0}, {DType::kIQ4_NL, 0, 64, 0},
                              {DType::kIQ4_XS, 0, 1024, 0}};

const Scales& scales_of(DType dtype) {
  for (const Scales& scales : kScales) {
    if (scales.dtype == dtype) return scales;
  }
  BP_CHECK(false, "{} has an encoder", dtype_name(dtype));
  return kScales[0];
}

}  // namespace

void random_blocks(DType dtype, float spread, std::mt19937& random, std::span<std::byte> out) {
  const Scales& scales = scales_of(dtype);
  for (std::byte& byte : out) byte = static_cast<std::byte>(random());
  std::uniform_real_distribution<float> size(0.5f, 1.5f);
  const auto put = [&](size_t at, float value) {
    const uint16_t half = f32_to_f16(value * size(random));
    std::memcpy(&out[at], &half, sizeof(half));
  };
  const size_t step = dtype_info(dtype).block_bytes;
  for (size_t block = 0; block < out.size(); block += step) {
    put(block + scales.at, spread / scales.scale);
    if (scales.minimum > 0) put(block + scales.at + 2, spread / scales.minimum);
  }
}

}  // namespace bp::conformance
