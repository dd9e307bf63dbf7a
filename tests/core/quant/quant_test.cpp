#include "quant/quant.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "read_fixture.h"

namespace bp {
namespace {

// All NaNs count as one: which of them an operation on two gives is the processor's choice.
std::vector<uint32_t> bits(const std::vector<float>& values) {
  std::vector<uint32_t> out;
  for (const float value : values) out.push_back(std::isnan(value) ? 0x7fc00000u : std::bit_cast<uint32_t>(value));
  return out;
}

class Format : public testing::TestWithParam<DType> {
 protected:
  std::string file(std::string_view suffix) const { return std::string(dtype_name(GetParam())) + std::string(suffix); }
  void expect_decodes(const std::string& encoded_name, const std::string& decoded_name) const {
    const auto encoded = read_fixture<std::byte>(encoded_name);
    const auto expected = read_fixture<float>(decoded_name);
    ASSERT_EQ(encoded.size(), *row_bytes(GetParam(), expected.size()));
    std::vector<float> decoded(expected.size());
    decode_row(GetParam(), encoded.data(), decoded.data(), static_cast<int64_t>(decoded.size()));
    EXPECT_EQ(bits(decoded), bits(expected));
  }
};

std::string format_name(const testing::TestParamInfo<DType>& info) { return std::string(dtype_name(info.param)); }

TEST_P(Format, DecodesRandomBlocksBitForBitAsTheGgufPackage) { expect_decodes(file(".random"), file(".random.f32")); }

TEST_P(Format, NeedsNoAlignment) {
  auto encoded = read_fixture<std::byte>(file(".random"));
  const auto expected = read_fixture<float>(file(".random.f32"));
  encoded.insert(encoded.begin(), std::byte{0});
  std::vector<float> decoded(expected.size());
  decode_row(GetParam(), encoded.data() + 1, decoded.data(), static_cast<int64_t>(decoded.size()));
  EXPECT_EQ(bits(decoded), bits(expected));
}

INSTANTIATE_TEST_SUITE_P(All, Format,
                         testing::Values(DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0, DType::kQ4_1,
                                         DType::kQ5_0, DType::kQ5_1, DType::kQ2_K, DType::kQ3_K, DType::kQ4_K,
                                         DType::kQ5_K, DType::kQ6_K, DType::kIQ4_NL, DType::kIQ4_XS, DType::kMXFP4),
                         format_name);

class WrittenFormat : public Format {};

TEST_P(WrittenFormat, EncodesBitForBitAsTheGgufPackage) {
  const auto values = read_fixture<float>("values.f32");
  const auto expected = read_fixture<std::byte>(file(".encoded"));
  std::vector<std::byte> encoded(*row_bytes(GetParam(), values.size()));
  ASSERT_TRUE(encode_row(GetParam(), values.data(), encoded.data(), static_cast<int64_t>(values.size())));
  EXPECT_EQ(encoded, expected);
}

TEST_P(WrittenFormat, DecodesWhatTheGgufPackageEncoded) { expect_decodes(file(".encoded"), file(".decoded")); }

INSTANTIATE_TEST_SUITE_P(All, WrittenFormat,
                         testing::Values(DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0, DType::kQ4_1,
                                         DType::kQ5_0, DType::kQ5_1, DType::kMXFP4),
                         format_name);

TEST(Quant, Float32PassesThrough) {
  const std::vector<float> values = {1.5f, -0.0f, std::numeric_limits<float>::infinity()};
  std::vector<std::byte> encoded(12);
  ASSERT_TRUE(encode_row(DType::kF32, values.data(), encoded.data(), 3));
  std::vector<float> decoded(3);
  decode_row(DType::kF32, encoded.data(), decoded.data(), 3);
  EXPECT_EQ(bits(decoded), bits(values));
}

TEST(Quant, TinyBlocksBecomeZero) {
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1}) {
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
  EXPECT_FALSE(encode_row(DType::kIQ4_NL, values.data(), encoded.data(), 32));
  values[7] = std::numeric_limits<float>::quiet_NaN();
  const Status status = encode_row(DType::kQ4_0, values.data(), encoded.data(), 32);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(), "quant: element 7 is nan; use f16 or f32");
}

TEST(Quant, KnowsWhichFormatsItReadsAndWrites) {
  EXPECT_TRUE(can_decode(DType::kQ4_K));
  EXPECT_TRUE(can_encode(DType::kQ4_1));
  EXPECT_TRUE(can_decode(DType::kIQ4_XS));
  EXPECT_FALSE(can_encode(DType::kIQ4_XS));
  EXPECT_FALSE(can_decode(DType::kI32));
}

// OCP 8-bit Floating Point Specification 1.0, table 2; Microscaling 1.0 for e8m0.
TEST(Quant, DecodesEightBitFloats) {
  const auto value = [](DType dtype, int code) {
    const auto byte = static_cast<std::byte>(code);
    float x = 0;
    decode_row(dtype, &byte, &x, 1);
    return x;
  };
  const auto e4m3 = [&](int code) { return value(DType::kFp8E4M3, code); };
  EXPECT_EQ(e4m3(0x01), 0x1p-9f);
  EXPECT_EQ(e4m3(0x08), 0x1p-6f);
  EXPECT_EQ(e4m3(0x38), 1.0f);
  EXPECT_EQ(e4m3(0x7e), 448.0f);
  EXPECT_EQ(e4m3(0xfe), -448.0f);
  EXPECT_TRUE(std::isnan(e4m3(0x7f)) && std::isnan(e4m3(0xff)));
  EXPECT_TRUE(std::signbit(e4m3(0x80)));
  const auto e5m2 = [&](int code) { return value(DType::kFp8E5M2, code); };
  EXPECT_EQ(e5m2(0x01), 0x1p-16f);
  EXPECT_EQ(e5m2(0x7b), 57344.0f);
  EXPECT_EQ(e5m2(0xfc), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(e5m2(0x7d)));
  const auto e8m0 = [&](int code) { return value(DType::kE8M0, code); };
  EXPECT_EQ(e8m0(0), 0x1p-127f);
  EXPECT_EQ(e8m0(127), 1.0f);
  EXPECT_EQ(e8m0(254), 0x1p127f);
  EXPECT_TRUE(std::isnan(e8m0(255)));
}

TEST(Quant, EightBitFloatsComeBackFromTheirValues) {
  for (const DType dtype : {DType::kFp8E4M3, DType::kFp8E5M2, DType::kE8M0}) {
    for (int code = 0; code < 256; ++code) {
      const auto byte = static_cast<std::byte>(code);
      float x = 0;
      decode_row(dtype, &byte, &x, 1);
      if (!std::isfinite(x)) continue;
      std::byte again{};
      ASSERT_TRUE(encode_row(dtype, &x, &again, 1));
      EXPECT_EQ(again, byte) << dtype_name(dtype);
    }
  }
}

}  // namespace
}  // namespace bp
