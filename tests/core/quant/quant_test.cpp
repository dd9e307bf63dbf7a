#include "quant/quant.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

namespace bp {
namespace {

// Written by make_fixtures.py with the `gguf` Python package.
template <class T>
std::vector<T> read_fixture(const std::string& name) {
  std::ifstream file(std::string(BP_SOURCE_DIR "/tests/core/quant/fixtures/") + name, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_FALSE(text.empty()) << name;
  std::vector<T> values(text.size() / sizeof(T));
  std::memcpy(values.data(), text.data(), values.size() * sizeof(T));
  return values;
}

std::vector<uint32_t> bits(const std::vector<float>& values) {
  std::vector<uint32_t> out(values.size());
  std::memcpy(out.data(), values.data(), values.size() * sizeof(float));
  return out;
}

class Format : public testing::TestWithParam<DType> {
 protected:
  std::string file(std::string_view suffix) const { return std::string(dtype_name(GetParam())) + std::string(suffix); }
  void expect_decodes(const std::string& encoded_name, const std::string& decoded_name) const {
    const auto encoded = read_fixture<std::byte>(encoded_name);
    const auto expected = read_fixture<float>(decoded_name);
    std::vector<float> decoded(expected.size());
    decode_row(GetParam(), encoded.data(), decoded.data(), static_cast<int64_t>(decoded.size()));
    EXPECT_EQ(bits(decoded), bits(expected));
  }
};

TEST_P(Format, EncodesBitForBitAsTheGgufPackage) {
  const auto values = read_fixture<float>("values.f32");
  const auto expected = read_fixture<std::byte>(file(".encoded"));
  std::vector<std::byte> encoded(*row_bytes(GetParam(), values.size()));
  ASSERT_TRUE(encode_row(GetParam(), values.data(), encoded.data(), static_cast<int64_t>(values.size())));
  EXPECT_EQ(encoded, expected);
}

TEST_P(Format, DecodesBitForBitAsTheGgufPackage) {
  expect_decodes(file(".encoded"), file(".decoded"));
  expect_decodes(file(".random"), file(".random.f32"));
}

TEST_P(Format, NeedsNoAlignment) {
  auto encoded = read_fixture<std::byte>(file(".encoded"));
  const auto expected = read_fixture<float>(file(".decoded"));
  encoded.insert(encoded.begin(), std::byte{0});
  std::vector<float> decoded(expected.size());
  decode_row(GetParam(), encoded.data() + 1, decoded.data(), static_cast<int64_t>(decoded.size()));
  EXPECT_EQ(bits(decoded), bits(expected));
}

INSTANTIATE_TEST_SUITE_P(All, Format,
                         testing::Values(DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0, DType::kQ4_1),
                         [](const auto& param) { return std::string(dtype_name(param.param)); });

TEST(Quant, Float32PassesThrough) {
  const std::vector<float> values = {1.5f, -0.0f, std::numeric_limits<float>::infinity()};
  std::vector<std::byte> encoded(12);
  ASSERT_TRUE(encode_row(DType::kF32, values.data(), encoded.data(), 3));
  std::vector<float> decoded(3);
  decode_row(DType::kF32, encoded.data(), decoded.data(), 3);
  EXPECT_EQ(bits(decoded), bits(values));
}

TEST(Quant, TinyBlocksBecomeZero) {
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1}) {
    std::vector<float> values(32, 0.0f);
    values[3] = 1e-44f;
    std::vector<std::byte> encoded(34);
    ASSERT_TRUE(encode_row(dtype, values.data(), encoded.data(), 32));
    std::vector<float> decoded(32, 1.0f);
    decode_row(dtype, encoded.data(), decoded.data(), 32);
    for (const float x : decoded) EXPECT_EQ(x, 0.0f) << dtype_name(dtype);
  }
}

TEST(Quant, RefusesWhatABlockCannotHold) {
  std::vector<float> values(32, 0.0f);
  std::vector<std::byte> encoded(64);
  EXPECT_FALSE(encode_row(DType::kQ8_0, values.data(), encoded.data(), 31));
  EXPECT_FALSE(encode_row(DType::kQ6_K, values.data(), encoded.data(), 32));
  values[7] = std::numeric_limits<float>::quiet_NaN();
  const Status status = encode_row(DType::kQ4_0, values.data(), encoded.data(), 32);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(), "quant: element 7 is nan; use f16 or f32");
}

TEST(Quant, KnowsWhichFormatsItDecodes) {
  EXPECT_TRUE(can_decode(DType::kQ4_1));
  EXPECT_FALSE(can_decode(DType::kQ4_K));
  EXPECT_FALSE(can_decode(DType::kI32));
}

}  // namespace
}  // namespace bp
