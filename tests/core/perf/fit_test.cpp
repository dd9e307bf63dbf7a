#include "perf/fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bp {
namespace {

using testing::HasSubstr;

constexpr uint64_t kMiB = uint64_t{1} << 20;

FitQuestion question(uint64_t available) {
  FitQuestion q;
  q.usage.weights = 1000 * kMiB;
  q.usage.activations = 50 * kMiB;
  q.usage.kv = 400 * kMiB;
  q.available_bytes = available;
  q.kv_token_bytes = 400 * kMiB / 4096;
  q.max_seqs = 4;
  q.context = 1024;
  q.bits_per_weight = 16;
  return q;
}

TEST(Fit, WhatIsAvailableIsEnough) {
  EXPECT_TRUE(fit(question(1450 * kMiB)).fits);
  EXPECT_TRUE(fit(question(1450 * kMiB)).fix.empty());
  EXPECT_FALSE(fit(question(1450 * kMiB - 1)).fits);
}

TEST(Fit, ASmallerCacheIsAContextOrABatch) {
  EXPECT_EQ(fit(question(1250 * kMiB)).fix, "set engine.max_context = 512 or engine.max_seqs = 2");
  EXPECT_EQ(fit(question(1100 * kMiB)).fix, "set engine.max_context = 128");
}

TEST(Fit, ASmallerTypeIsTheLargestThatFits) {
  EXPECT_THAT(fit(question(750 * kMiB)).fix, HasSubstr("q8_0"));
  EXPECT_THAT(fit(question(420 * kMiB)).fix, HasSubstr("q4_k"));
  EXPECT_THAT(fit(question(100 * kMiB)).fix, HasSubstr("% of its size"));
  EXPECT_THAT(fit(question(20 * kMiB)).fix, HasSubstr("engine.max_batch_tokens"));
  FitQuestion small = question(750 * kMiB);
  small.bits_per_weight = 2.6;  // there is nothing smaller
  EXPECT_THAT(fit(small).fix, HasSubstr("% of its size"));
}

TEST(Fit, WhatIsReadInPlaceCounts) {
  FitQuestion q = question(1450 * kMiB);
  q.usage.in_place = 1;
  EXPECT_FALSE(fit(q).fits);
}

}  // namespace
}  // namespace bp
