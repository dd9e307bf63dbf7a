#include "model/rope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace bp {
namespace {

using testing::HasSubstr;

RopeConfig rope(RopeType type, int64_t n_rot, double theta) {
  RopeConfig config;
  config.type = type;
  config.n_rot = n_rot;
  config.theta = theta;
  return config;
}

// Frequencies 0, 1, n/8, n/4, n/4 + 3 and n/2 - 1, as numpy computes them after transformers' formulas.
void expect_frequencies(const RopeConfig& config, const std::vector<float>& expected) {
  ASSERT_TRUE(check_rope(config, config.n_rot, "test"));
  const RopeTable table = compute_rope(config);
  const auto n = static_cast<size_t>(config.n_rot);
  ASSERT_EQ(table.inv_freq.size(), n / 2);
  const size_t indices[] = {0, 1, n / 8, n / 4, n / 4 + 3, n / 2 - 1};
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(table.inv_freq[indices[i]], expected[i], 2e-6f * expected[i]) << indices[i];
  }
}

TEST(Rope, DefaultFrequencies) {
  const RopeConfig config = rope(RopeType::kDefault, 128, 1000000);
  expect_frequencies(config, {1, 0.805842221f, 0.0316227786f, 0.00100000005f, 0.000523299095f, 1.24093776e-06f});
  EXPECT_EQ(compute_rope(config).attention_factor, 1.0);
}

TEST(Rope, DynamicIsDefaultWithinTheContext) {
  RopeConfig config = rope(RopeType::kDynamic, 128, 1000000);
  config.factor = 8;
  EXPECT_EQ(compute_rope(config).inv_freq, compute_rope(rope(RopeType::kDefault, 128, 1000000)).inv_freq);
}

TEST(Rope, LinearFrequencies) {
  RopeConfig config = rope(RopeType::kLinear, 64, 10000);
  config.factor = 4;
  expect_frequencies(config, {0.25f, 0.18747355f, 0.0250000004f, 0.00249999994f, 0.00105424121f, 3.33380376e-05f});
}

TEST(Rope, Llama3Frequencies) {
  RopeConfig config = rope(RopeType::kLlama3, 64, 500000);
  config.factor = 32;
  config.original_context = 8192;
  expect_frequencies(config, {1, 0.663601279f, 0.0376060307f, 0.000429556705f, 1.29147675e-05f, 9.41830649e-08f});
}

TEST(Rope, YarnFrequenciesAndFactor) {
  RopeConfig config = rope(RopeType::kYarn, 128, 1000000);
  config.factor = 4;
  config.original_context = 32768;
  expect_frequencies(config, {1, 0.805842221f, 0.0316227786f, 0.000602941145f, 0.000246258394f, 3.10234441e-07f});
  EXPECT_DOUBLE_EQ(compute_rope(config).attention_factor, 1.138629436111989);
  config.attention_factor = 1.25;
  EXPECT_EQ(compute_rope(config).attention_factor, 1.25);
}

TEST(Rope, YarnWithMscale) {
  RopeConfig config = rope(RopeType::kYarn, 64, 10000);
  config.factor = 40;
  config.original_context = 4096;
  config.mscale = 0.707;
  config.mscale_all_dim = 1;
  expect_frequencies(config, {1, 0.749894202f, 0.100000001f, 0.00550000044f, 0.00137051346f, 3.33380353e-06f});
  EXPECT_DOUBLE_EQ(compute_rope(config).attention_factor, 0.9210423553163399);
}

TEST(Rope, YarnWithoutTruncation) {
  RopeConfig config = rope(RopeType::kYarn, 64, 150000);
  config.factor = 32;
  config.original_context = 4096;
  config.truncate = false;
  expect_frequencies(config, {1, 0.689044297f, 0.0508132726f, 0.000456483918f, 2.63964685e-05f, 3.0235114e-07f});
  EXPECT_DOUBLE_EQ(compute_rope(config).attention_factor, 1.3465735902799727);
}

TEST(Rope, DividesByTheFilesOwnFactors) {
  RopeConfig config = rope(RopeType::kDefault, 4, 10000);
  config.divisors = {1, 8};
  const RopeTable table = compute_rope(config);
  EXPECT_EQ(table.inv_freq[0], 1.0f);
  EXPECT_EQ(table.inv_freq[1], 0.01f / 8);
}

TEST(Rope, RefusesNonsense) {
  const auto refusal = [](auto change) {
    RopeConfig config = rope(RopeType::kYarn, 64, 10000);
    config.factor = 2;
    config.original_context = 64;
    change(config);
    const Status status = check_rope(config, 64, "config.json");
    return status ? std::string("accepted") : status.error().message();
  };
  EXPECT_EQ(refusal([](RopeConfig&) {}), "accepted");
  EXPECT_THAT(refusal([](RopeConfig& r) { r.n_rot = 63; }), HasSubstr("rotary dimension 63"));
  EXPECT_THAT(refusal([](RopeConfig& r) { r.n_rot = 66; }), HasSubstr("rotary dimension 66"));
  EXPECT_THAT(refusal([](RopeConfig& r) { r.n_rot = 0; }), HasSubstr("rotary dimension 0"));
  EXPECT_THAT(refusal([](RopeConfig& r) { r.theta = 0; }), HasSubstr("rope theta 0"));
  EXPECT_THAT(refusal([](RopeConfig& r) { r.theta = std::nan(""); }), HasSubstr("rope theta nan"));
  EXPECT_THAT(refusal([](RopeConfig& r) { r.theta = 1; }), HasSubstr("yarn needs theta above 1"));
  EXPECT_THAT(refusal([](RopeConfig& r) { r.factor = -1; }), HasSubstr("rope factor -1"));
  EXPECT_THAT(refusal([](RopeConfig& r) { r.original_context = 0; }), HasSubstr("original context 0"));
  EXPECT_THAT(refusal([](RopeConfig& r) { r.beta_fast = 0; }), HasSubstr("positive betas"));
  EXPECT_THAT(refusal([](RopeConfig& r) { r.attention_factor = -2; }), HasSubstr("attention factor -2"));
  EXPECT_THAT(refusal([](RopeConfig& r) { r.divisors = {1}; }), HasSubstr("1 rope frequency factors for 32"));
  EXPECT_THAT(refusal([](RopeConfig& r) { r.divisors.assign(32, 0.0f); }), HasSubstr("frequency factor 0"));
  EXPECT_THAT(refusal([](RopeConfig& r) {
                r.type = RopeType::kLlama3;
                r.low_freq_factor = 4;
              }),
              HasSubstr("not above low_freq_factor"));
}

}  // namespace
}  // namespace bp
