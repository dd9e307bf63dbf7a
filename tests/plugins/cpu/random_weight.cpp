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
  void block(uint16_t dtype) {
    switch (dtype) {
      case BP_DT_Q8_0:
        return block_q8_0();
      case BP_DT_Q4_0:
      case BP_DT_Q4_1:
        return block_q4(dtype == BP_DT_Q4_1);
      case BP_DT_Q5_0:
      case BP_DT_Q5_1:
        return block_q5(dtype == BP_DT_Q5_1);
      case BP_DT_Q2_K:
        return block_q2_k();
      case BP_DT_Q3_K:
        return block_q3_k();
      case BP_DT_Q4_K:
      case BP_DT_Q5_K:
        return block_q45_k(dtype == BP_DT_Q5_K);
      case BP_DT_Q6_K:
        return block_q6_k();
      case BP_DT_IQ4_NL:
        return block_iq4_nl();
      case BP_DT_IQ4_XS:
        return block_iq4_xs();
      default:
        return block_mxfp4();
    }
  }

 private:
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
    fill(bytes, 16);
    for (const uint8_t byte : bytes) weight_.value.push_back(scale * static_cast<float>(byte & 15) + offset);
    for (const uint8_t byte : bytes) weight_.value.push_back(scale * static_cast<float>(byte >> 4) + offset);
  }

  // Blocks with a fifth bit for each value.
  void block_q5(bool minimum) {
    const float scale = half();
    const float offset = minimum ? half() : -16 * scale;
    const uint32_t fifth = static_cast<uint32_t>(random_());
    put(&fifth, 4);
    uint8_t bytes[16];
    fill(bytes, 16);
    for (int i = 0; i < 32; ++i) {
      const int four = i < 16 ? bytes[i] & 15 : bytes[i - 16] >> 4;
      value(scale * static_cast<float>(four + 16 * static_cast<int>(fifth >> i & 1)) + offset);
    }
  }

  void block_q2_k() {
    uint8_t scales[16];
    uint8_t bytes[64];
    fill(scales, 16);
    fill(bytes, 64);
    const float d = half();
    const float m = half();
    for (int i = 0; i < 256; ++i) {
      const int q = bytes[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
      value(d * static_cast<float>(scales[i / 16] & 15) * static_cast<float>(q) -
            m * static_cast<float>(scales[i / 16] >> 4));
    }
  }

  void block_q3_k() {
    uint8_t high[32];
    uint8_t low[64];
    uint8_t scales[12];
    fill(high, 32);
    fill(low, 64);
    fill(scales, 12);
    const float d = half();
    for (int i = 0; i < 256; ++i) {
      const int sub = i / 16;
      const int nibble = sub < 8 ? scales[sub] & 15 : scales[sub - 8] >> 4;
      const int scale = (nibble | (scales[8 + sub % 4] >> sub / 4 * 2 & 3) << 4) - 32;
      const int q = low[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
      value(d * static_cast<float>(scale) * static_cast<float>((high[i % 32] >> i / 32 & 1) != 0 ? q : q - 4));
    }
  }

  void block_q45_k(bool five) {
    const float d = half();
    const float m = half();
    uint8_t scales[12];
    uint8_t high[32] = {};
    uint8_t low[128];
    fill(scales, 12);
    if (five) fill(high, 32);
    fill(low, 128);
    for (int i = 0; i < 256; ++i) {
      const int sub = i / 32;
      const int scale = sub < 4 ? scales[sub] & 63 : (scales[sub + 4] & 15) | scales[sub - 4] >> 6 << 4;
      const int minimum = sub < 4 ? scales[sub + 4] & 63 : scales[sub + 4] >> 4 | scales[sub] >> 6 << 4;
      const int q = low[i / 64 * 32 + i % 32] >> (sub % 2 * 4) & 15;
      const int bit = high[i % 32] >> sub & 1;
      value(d * static_cast<float>(scale) * static_cast<float>(q + 16 * bit) - m * static_cast<float>(minimum));
    }
  }

  void block_q6_k() {
    uint8_t low[128];
    uint8_t high[64];
    int8_t scales[16];
    fill(low, 128);
    fill(high, 64);
    fill(scales, 16);
    const float d = half();
    for (int i = 0; i < 256; ++i) {
      const int in_half = i % 128;
      const int four = low[i / 128 * 64 + in_half % 64] >> in_half / 64 * 4 & 15;
      const int two = high[i / 128 * 32 + in_half % 32] >> in_half / 32 * 2 & 3;
      value(d * static_cast<float>(scales[i / 16]) * static_cast<float>((four | two << 4) - 32));
    }
  }

  void block_iq4_nl() {
    const float d = half();
    nibble_table(kIq4, d);
  }

  void block_iq4_xs() {
    const float d = half();
    uint8_t scales[6];
    fill(scales, 6);
    for (int sub = 0; sub < 8; ++sub) {
      const int high = (scales[0] | scales[1] << 8) >> 2 * sub & 3;
      const int scale = ((scales[2 + sub / 2] >> sub % 2 * 4 & 15) | high << 4) - 32;
      nibble_table(kIq4, d * static_cast<float>(scale));
    }
  }

  void block_mxfp4() {
    const auto exponent = static_cast<uint8_t>(120 + random_() % 4);
    put(&exponent, 1);
    nibble_table(kFp4, std::ldexp(1.0f, exponent - 127));
  }

  static constexpr float kIq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  static constexpr float kFp4[16] = {0, .5f, 1, 1.5f, 2, 3, 4, 6, -0.0f, -.5f, -1, -1.5f, -2, -3, -4, -6};

  void nibble_table(const float* table, float scale) {
    uint8_t bytes[16];
    fill(bytes, 16);
    for (int i = 0; i < 32; ++i) value(scale * table[i < 16 ? bytes[i] & 15 : bytes[i - 16] >> 4]);
  }
  void value(float v) { weight_.value.push_back(v); }
  void fill(void* bytes, size_t count) {
    auto* p = static_cast<uint8_t*>(bytes);
    for (size_t i = 0; i < count; ++i) p[i] = static_cast<uint8_t>(random_());
    put(bytes, count);
  }
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
  for (int64_t block = 0; is_block(dtype) && block < n * k / block_elements(dtype); ++block) writer.block(dtype);
  return weight;
}

std::vector<Format> all_formats() {
  std::vector<Format> all(std::begin(kPlainFormats), std::end(kPlainFormats));
  all.insert(all.end(), std::begin(kBlockFormats), std::end(kBlockFormats));
  return all;
}

std::vector<float> random_floats(int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(static_cast<size_t>(count));
  for (float& value : out) value = normal(random);
  return out;
}

}  // namespace bp::tiny
