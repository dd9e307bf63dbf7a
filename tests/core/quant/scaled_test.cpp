// Formats with scales beside them: fp8, and gpt-oss's MXFP4.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "quant/fp8_scale.h"
#include "quant/mxfp4_repack.h"
#include "quant/quant.h"
#include "read_fixture.h"

namespace bp::quant {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Fp8Scale scale_of(int64_t n, int64_t k, const std::vector<int64_t>& dims, std::array<int64_t, 2> block = {0, 0}) {
  const auto scale = fp8_scale(n, k, dims, block, "m");
  EXPECT_TRUE(scale) << scale.error().message();
  return scale.value_or(Fp8Scale{});
}

TEST(Fp8Scale, BlocksAreRoundedUp) {
  const Fp8Scale scale = scale_of(576, 7168, {5, 56}, {128, 128});
  EXPECT_EQ(scale.block_n, 128);
  EXPECT_EQ(scale.block_k, 128);
  EXPECT_THAT(scale.dims, ElementsAre(5, 56));
}

TEST(Fp8Scale, OneForTheTensorOrOneForEachRow) {
  for (const std::vector<int64_t>& dims : {std::vector<int64_t>{}, {1}, {1, 1}}) {
    const Fp8Scale scale = scale_of(64, 32, dims);
    EXPECT_EQ(scale.block_n, 64);
    EXPECT_EQ(scale.block_k, 32);
    EXPECT_THAT(scale.dims, ElementsAre(1, 1));
  }
  for (const std::vector<int64_t>& dims : {std::vector<int64_t>{64}, {64, 1}}) {
    const Fp8Scale scale = scale_of(64, 32, dims, {128, 128});
    EXPECT_EQ(scale.block_n, 1);
    EXPECT_EQ(scale.block_k, 32);
    EXPECT_THAT(scale.dims, ElementsAre(64, 1));
  }
}

TEST(Fp8Scale, RefusesOtherShapes) {
  for (const std::vector<int64_t>& dims :
       {std::vector<int64_t>{2, 2}, {32}, {0}, {-1}, {64, 2}, {INT64_MAX, INT64_MAX, 4}}) {
    const auto scale = fp8_scale(64, 32, dims, {128, 128}, "m: w");
    ASSERT_FALSE(scale);
    EXPECT_THAT(scale.error().message(), HasSubstr("m: w: the scales ["));
  }
  EXPECT_FALSE(fp8_scale(0, 32, std::vector<int64_t>{1}, {0, 0}, "m"));
}

TEST(Mxfp4, RepacksGptOssBlocks) {
  const auto blocks = read_fixture<std::byte>("packed/gpt_oss.blocks");
  const auto scales = read_fixture<std::byte>("packed/gpt_oss.scales");
  const auto weight = read_fixture<float>("packed/gpt_oss.weight");
  const auto packed = repack_mxfp4({DType::kU8, {3, 2, 16}, blocks}, {DType::kU8, {3, 2}, scales}, "m");
  ASSERT_TRUE(packed) << packed.error().message();
  std::vector<float> decoded(weight.size());
  ASSERT_EQ(packed->size(), *row_bytes(DType::kMXFP4, decoded.size()));
  decode_row(DType::kMXFP4, packed->data(), decoded.data(), static_cast<int64_t>(decoded.size()));
  EXPECT_EQ(decoded, weight);
  const auto refused = repack_mxfp4({DType::kU8, {3, 2, 16}, blocks}, {DType::kU8, {2, 3}, scales}, "m: w");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("m: w: blocks is u8 [3, 2, 16] in 96 bytes, not [2, 3, 16]"));
}

}  // namespace
}  // namespace bp::quant
