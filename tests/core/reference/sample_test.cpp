#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "run_op.h"

namespace bp::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr float kInf = std::numeric_limits<float>::infinity();

struct How {
  float temperature = 1;
  int64_t top_k = 0;
  float top_p = 1, min_p = 0;
};

std::vector<Tensor> operands(const Tensor& logits, const How& how, int64_t seed, int64_t position) {
  return {logits,
          f32({1}, {how.temperature}),
          i32({1}, {how.top_k}),
          f32({1}, {how.top_p}),
          f32({1}, {how.min_p}),
          integers(DType::kI64, {1}, {seed}),
          i32({1}, {position})};
}

int64_t sample(std::vector<float> logits, const How& how, int64_t seed = 1, int64_t position = 0) {
  const auto n = static_cast<int64_t>(logits.size());
  return run_integers("sample", operands(f32({1, n}, std::move(logits)), how, seed, position))[0];
}

// How often each token comes in 600 draws.
std::vector<int> counts(const std::vector<float>& logits, const How& how) {
  constexpr int64_t kDraws = 600;
  const auto n = static_cast<int64_t>(logits.size());
  std::vector<float> rows;
  std::vector<int64_t> positions;
  for (int64_t i = 0; i < kDraws; ++i) {
    rows.insert(rows.end(), logits.begin(), logits.end());
    positions.push_back(i);
  }
  const auto repeat = [](float x) { return f32({kDraws}, std::vector<float>(kDraws, x)); };
  const auto tokens = run_integers(
      "sample", {f32({kDraws, n}, rows), repeat(how.temperature),
                 i32({kDraws}, std::vector<int64_t>(kDraws, how.top_k)), repeat(how.top_p), repeat(how.min_p),
                 integers(DType::kI64, {kDraws}, std::vector<int64_t>(kDraws, 7)), i32({kDraws}, positions)});
  std::vector<int> out(logits.size(), 0);
  for (const int64_t token : tokens) ++out[static_cast<size_t>(token)];
  return out;
}

TEST(Sample, TemperatureZeroIsTheLowestArgmax) {
  EXPECT_EQ(sample({1, 5, 5, NAN}, {.temperature = 0}), 1);
  EXPECT_EQ(sample({-kInf, -kInf}, {.temperature = 0}), 0);
  EXPECT_EQ(sample({NAN, 1}, {.temperature = -1}), 1);
}

TEST(Sample, NonFiniteLogitsDoNoHarm) {
  EXPECT_EQ(sample({NAN, NAN}, {}), 0);
  EXPECT_EQ(sample({-kInf, -kInf}, {}), 0);
  EXPECT_EQ(sample({0, kInf, 0}, {}), 1);
  EXPECT_EQ(sample({0, -kInf}, {}), 0);
}

TEST(Sample, DependsOnSeedAndPositionAlone) {
  const std::vector<float> logits(64, 0.0f);
  EXPECT_EQ(sample(logits, {}, 3, 5), sample(logits, {}, 3, 5));
  // u of seed 1, position 0: the first number of the splitmix64 stream of 1 is 0x910a2dec89025cc1.
  EXPECT_EQ(sample(logits, {}, 1, 0), 0x910a2dec89025cc1u >> 58);
  EXPECT_EQ(sample(logits, {}, 1, 1), 0xbeeb8da1658eec67u >> 58);
}

TEST(Sample, FollowsTheProbabilities) {
  const auto n = counts({std::log(1.0f), std::log(3.0f), std::log(6.0f)}, {});
  EXPECT_NEAR(n[0], 60, 30);
  EXPECT_NEAR(n[1], 180, 40);
  EXPECT_NEAR(n[2], 360, 50);
}

TEST(Sample, TopKTiesGoToTheLowerIndex) {
  const auto n = counts({0, 1, 1, 1}, {.top_k = 2});
  EXPECT_EQ(n[0] + n[3], 0);
  EXPECT_GT(n[1], 0);
  EXPECT_GT(n[2], 0);
  EXPECT_EQ(counts({0, 1, 2}, {.top_k = 1})[2], 600);
  EXPECT_GT(counts({1, 1, 1}, {.top_k = 99})[2], 0);
}

TEST(Sample, TopPKeepsTheSmallestSetThatReachesIt) {
  const std::vector<float> logits = {std::log(0.1f), std::log(0.5f), std::log(0.4f)};
  EXPECT_EQ(counts(logits, {.top_p = 0.45f})[1], 600);
  const auto n = counts(logits, {.top_p = 0.6f});
  EXPECT_EQ(n[0], 0);
  EXPECT_GT(n[2], 0);
  EXPECT_EQ(counts(logits, {.top_p = 0})[1], 600);
}

TEST(Sample, MinPIsRelativeToTheLargest) {
  const std::vector<float> logits = {std::log(0.1f), std::log(0.5f), std::log(0.4f)};
  const auto n = counts(logits, {.min_p = 0.5f});
  EXPECT_EQ(n[0], 0);
  EXPECT_GT(n[1], 0);
  EXPECT_GT(n[2], 0);
}

TEST(Sample, NothingToChooseFromIsAnError) {
  EXPECT_THAT(error_of("sample", operands(f32({1, 0}, {}), {}, 1, 0)), HasSubstr("no logits"));
}

TEST(VerifyDraft, CountsTheConfirmedPrefix) {
  const auto y = run_op("verify_draft", {i32({4, 2}, {5, 6, 5, 6, 5, 6, 5, 6}),
                                         i32({4, 3}, {5, 6, 7, 5, 9, 8, 1, 6, 2, 5, 6, 7}), i32({4}, {2, 2, 2, 1})});
  EXPECT_THAT(integers_of(y[0]), ElementsAre(2, 1, 0, 1));
  EXPECT_THAT(integers_of(y[1]), ElementsAre(7, 9, 1, 6));
}

TEST(VerifyDraft, AWildLengthStaysInside) {
  const auto y = run_op("verify_draft", {i32({2, 1}, {5, 5}), i32({2, 2}, {5, 6, 5, 6}), i32({2}, {99, -3})});
  EXPECT_THAT(integers_of(y[0]), ElementsAre(1, 0));
  EXPECT_THAT(integers_of(y[1]), ElementsAre(6, 5));
}

}  // namespace
}  // namespace bp::test
