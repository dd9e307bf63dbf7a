// What the encoders choose where the format leaves a choice: never a larger error than llama.cpp's on the same rows
// (fixtures/peer, written by make_peer_fixtures.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "quant/quant.h"
#include "read_fixture.h"

namespace bp {
namespace {

using testing::Each;
using testing::HasSubstr;

constexpr int64_t kColumns = 512;
constexpr std::array kKFormats = {DType::kQ2_K, DType::kQ3_K, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};

std::vector<float> decoded(DType dtype, const std::vector<std::byte>& encoded, size_t n) {
  std::vector<float> values(n);
  EXPECT_EQ(encoded.size(), *row_bytes(dtype, n));
  decode_row(dtype, encoded.data(), values.data(), static_cast<int64_t>(n));
  return values;
}

std::vector<float> round_trip(DType dtype, const std::vector<float>& values, std::span<const float> importance = {}) {
  std::vector<std::byte> encoded(*row_bytes(dtype, values.size()));
  const Status status =
      encode_row(dtype, values.data(), encoded.data(), static_cast<int64_t>(values.size()), importance);
  EXPECT_TRUE(status) << status.error().message();
  return decoded(dtype, encoded, values.size());
}

// Σ importance (x - y)^2, rows of kColumns.
double error(const std::vector<float>& x, const std::vector<float>& y, const std::vector<float>& importance) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double difference = static_cast<double>(x[i]) - static_cast<double>(y[i]);
    sum += static_cast<double>(importance[i % importance.size()]) * difference * difference;
  }
  return sum;
}

class Encoder : public testing::TestWithParam<DType> {
 protected:
  void expect_no_worse_than_peer(const std::string& suffix, const std::vector<float>& importance, bool weighted) const {
    const auto values = read_fixture<float>("peer/values.f32");
    const auto peer = read_fixture<std::byte>("peer/" + std::string(dtype_name(GetParam())) + suffix);
    std::vector<float> ours;
    for (size_t at = 0; at < values.size(); at += kColumns) {
      const std::vector<float> row(values.begin() + static_cast<ptrdiff_t>(at),
                                   values.begin() + static_cast<ptrdiff_t>(at + kColumns));
      const auto back =
          round_trip(GetParam(), row, weighted ? std::span<const float>(importance) : std::span<const float>());
      ours.insert(ours.end(), back.begin(), back.end());
    }
    const double our_error = error(values, ours, importance);
    const double peer_error = error(values, decoded(GetParam(), peer, values.size()), importance);
    EXPECT_LE(our_error, peer_error) << std::sqrt(our_error / peer_error);
  }
};

TEST_P(Encoder, PlainErrorIsNoLargerThanLlamaCpps) {
  expect_no_worse_than_peer("", std::vector<float>(kColumns, 1.0f), false);
}

TEST_P(Encoder, WeightedErrorIsNoLargerThanLlamaCpps) {
  expect_no_worse_than_peer(".weighted", read_fixture<float>("peer/importance.f32"), true);
}

INSTANTIATE_TEST_SUITE_P(All, Encoder,
                         testing::Values(DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1, DType::kQ2_K,
                                         DType::kQ3_K, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K),
                         [](const auto& param) { return std::string(dtype_name(param.param)); });

TEST(EncodeK, ConstantsComeBack) {
  for (const DType dtype : kKFormats) {
    for (const float value : {0.0f, 0.5f, -0.5f, 3.0f}) {
      const auto back = round_trip(dtype, std::vector<float>(256, value));
      EXPECT_THAT(back, Each(testing::FloatNear(value, std::fabs(value) * 1e-3f))) << dtype_name(dtype);
    }
  }
}

TEST(EncodeK, ExtremeBlocksStayFinite) {
  for (const DType dtype : kKFormats) {
    for (const float scale : {1e-38f, 1e-20f, 1e-7f, 65504.0f}) {
      std::vector<float> values(256);
      for (size_t i = 0; i < values.size(); ++i) values[i] = scale * std::sin(static_cast<float>(i));
      const auto back = round_trip(dtype, values);
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_TRUE(std::isfinite(back[i])) << dtype_name(dtype) << " " << scale;
        EXPECT_LE(std::fabs(back[i]), scale * 1.3f) << dtype_name(dtype);
      }
    }
    std::vector<float> outlier(256, 0.0f);
    outlier[77] = -1000.0f;
    EXPECT_NEAR(round_trip(dtype, outlier)[77], -1000.0f, 1.0f) << dtype_name(dtype);
  }
}

TEST(EncodeK, IsTheSameEveryTime) {
  const auto values = read_fixture<float>("peer/values.f32");
  const std::vector<float> row(values.begin(), values.begin() + kColumns);
  for (const DType dtype : kKFormats) EXPECT_EQ(round_trip(dtype, row), round_trip(dtype, row));
}

TEST(Importance, OfNothingCountsEverythingAlike) {
  const auto values = read_fixture<float>("peer/values.f32");
  const std::vector<float> row(values.begin(), values.begin() + kColumns);
  const std::vector<float> nothing(kColumns, 0.0f);
  EXPECT_EQ(round_trip(DType::kQ4_K, row, nothing), round_trip(DType::kQ4_K, row));
}

TEST(Importance, ItsScaleDoesNotMatter) {
  const auto values = read_fixture<float>("peer/values.f32");
  const std::vector<float> row(values.begin(), values.begin() + kColumns);
  auto importance = read_fixture<float>("peer/importance.f32");
  const auto expected = round_trip(DType::kQ4_0, row, importance);
  for (float& x : importance) x *= 0x1p60f;
  EXPECT_EQ(round_trip(DType::kQ4_0, row, importance), expected);
}

TEST(Importance, RefusesWhatIsNoWeight) {
  const std::vector<float> values(256, 1.0f);
  std::vector<std::byte> encoded(256);
  const auto error_with = [&](const std::vector<float>& importance) {
    const Status status = encode_row(DType::kQ4_K, values.data(), encoded.data(), 256, importance);
    return status ? std::string("no error") : status.error().message();
  };
  EXPECT_THAT(error_with(std::vector<float>(255, 1.0f)), HasSubstr("255 importances for 256 elements"));
  EXPECT_THAT(error_with(std::vector<float>(256, -1.0f)), HasSubstr("the importance of element 0 is -1"));
  EXPECT_THAT(error_with(std::vector<float>(256, NAN)), HasSubstr("the importance of element 0 is nan"));
}

TEST(Encode, RefusesWhatItsScalesCannotReach) {
  std::vector<float> values(256, 0.0f);
  values[9] = 1e9f;
  std::vector<std::byte> encoded(512);
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ6_K}) {
    const Status status = encode_row(dtype, values.data(), encoded.data(), 256);
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().message(), HasSubstr("element 9 is 1000000000, "));
  }
}

}  // namespace
}  // namespace bp
