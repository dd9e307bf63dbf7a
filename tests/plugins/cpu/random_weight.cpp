#include "random_weight.h"

#include <cmath>
#include <cstring>

namespace bp::tiny {
namespace {

float value_of_half(uint16_t h) {
  const int exponent = h >> 10 & 31;
  const int fraction = h & 1023;
  const float size = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                   : std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  return (h & 0x8000) != 0 ? -size : size;
}

float value_of_bf16(uint16_t h) {
  const uint32_t bits = static_cast<uint32_t>(h) << 16;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

class Writer {
 public:
  Writer(Weight& weight, unsigned seed) : weight_(weight), random_(seed) {}

  void floats(int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      const float value = normal_(random_);
      put(&value, 4);
      weight_.value.push_back(value);
    }
  }
  void halves(int64_t count, bool bf16) {
    for (int64_t i = 0; i < count; ++i) {
      // Exponents around 1, any sign and fraction.
      const uint32_t r = static_cast<uint32_t>(random_());
      const auto bits = static_cast<uint16_t>(bf16 ? (r & 0x807f) | ((124 + (r >> 16) % 4) << 7)
                                                   : (r & 0x83ff) | ((12 + (r >> 16) % 4) << 10));
      put(&bits, 2);
      weight_.value.push_back(bf16 ? value_of_bf16(bits) : value_of_half(bits));
    }
  }
  void block_q8_0() {
    const float scale = half();
    for (int i = 0; i < 32; ++i) {
      const auto q = static_cast<int8_t>(static_cast<int>(random_() % 256) - 128);
      put(&q, 1);
      weight_.value.push_back(scale * static_cast<float>(q));
    }
  }
  void block_q4(bool minimum) {
    const float scale = half();
    const float offset = minimum ? half() : -8 * scale;
    uint8_t bytes[16];
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random_());
    put(bytes, 16);
    for (const uint8_t byte : bytes) weight_.value.push_back(scale * static_cast<float>(byte & 15) + offset);
    for (const uint8_t byte : bytes) weight_.value.push_back(scale * static_cast<float>(byte >> 4) + offset);
  }

 private:
  float half() {
    const auto bits = static_cast<uint16_t>((random_() & 0x83ff) | (5 + random_() % 3) << 10);
    put(&bits, 2);
    return value_of_half(bits);
  }
  void put(const void* data, size_t bytes) {
    const auto* p = static_cast<const std::byte*>(data);
    weight_.file.insert(weight_.file.end(), p, p + bytes);
  }

  Weight& weight_;
  std::mt19937 random_;
  std::normal_distribution<float> normal_;
};

}  // namespace

Weight random_weight(uint16_t dtype, int64_t n, int64_t k, unsigned seed) {
  Weight weight{dtype, n, k, {}, {}};
  Writer writer(weight, seed);
  if (dtype == BP_DT_F32) writer.floats(n * k);
  if (dtype == BP_DT_F16 || dtype == BP_DT_BF16) writer.halves(n * k, dtype == BP_DT_BF16);
  for (int64_t block = 0; block < n * k / 32; ++block) {
    if (dtype == BP_DT_Q8_0) writer.block_q8_0();
    if (dtype == BP_DT_Q4_0 || dtype == BP_DT_Q4_1) writer.block_q4(dtype == BP_DT_Q4_1);
  }
  return weight;
}

std::vector<float> random_floats(int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(static_cast<size_t>(count));
  for (float& value : out) value = normal(random);
  return out;
}

}  // namespace bp::tiny
