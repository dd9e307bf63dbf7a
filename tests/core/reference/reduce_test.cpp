#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "run_op.h"

namespace bp::test {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pointwise;

constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(Reduce, OverTheLastAxis) {
  const Tensor x = f32({2, 3}, {1, 2, 3, -4, -5, -6});
  EXPECT_THAT(run_floats("reduce_sum", {x}), ElementsAre(6, -15));
  EXPECT_THAT(run_floats("reduce_mean", {x}), ElementsAre(2, -5));
  EXPECT_THAT(run_floats("reduce_max", {x}), ElementsAre(3, -4));
  EXPECT_THAT(run_op("reduce_sum", {x}, {{"keep", int64_t{1}}})[0].dims, ElementsAre(2, 1));
  EXPECT_THAT(run_op("reduce_sum", {x})[0].dims, ElementsAre(2));
  EXPECT_THAT(run_floats("reduce_max", {f32({1, 0}, {})}), ElementsAre(-kInf));
  EXPECT_THAT(run_floats("reduce_sum", {f32({0, 4}, {})}), IsEmpty());
}

TEST(Argmax, TheLowestIndexWins) {
  EXPECT_THAT(run_integers("argmax", {f32({3, 3}, {1, 5, 5, NAN, 2, 1, -kInf, -kInf, -kInf})}), ElementsAre(1, 1, 0));
}

TEST(Cumsum, OfFloatsAndIntegers) {
  EXPECT_THAT(run_floats("cumsum", {f32({2, 3}, {1, 2, 3, 4, 5, 6})}), ElementsAre(1, 3, 6, 4, 9, 15));
  EXPECT_THAT(run_integers("cumsum", {i32({3}, {5, -1, 7})}), ElementsAre(5, 4, 11));
}

TEST(Softmax, IsStableAndKnowsEmptyRows) {
  const float e = std::exp(1.0f);
  EXPECT_THAT(run_floats("softmax", {f32({2, 2}, {1000, 1001, -kInf, -kInf})}),
              Pointwise(FloatNear(1e-6f), {1 / (1 + e), e / (1 + e), 0.0f, 0.0f}));
  EXPECT_THAT(run_floats("log_softmax", {f32({2}, {1000, 1001})}),
              Pointwise(FloatNear(1e-5f), {-std::log(1 + e), 1 - std::log(1 + e)}));
}

TEST(Topk, TiesGoToTheLowerIndex) {
  const auto y = run_op("topk", {f32({2, 4}, {3, 7, 7, 1, NAN, -kInf, -1, -1})}, {{"k", int64_t{3}}});
  EXPECT_THAT(integers_of(y[1]), ElementsAre(1, 2, 0, 2, 3, 0));
  const std::vector<float> values = values_of(y[0]);
  EXPECT_THAT(std::vector<float>(values.begin(), values.begin() + 5), ElementsAre(7, 7, 3, -1, -1));
  EXPECT_THAT(error_of("topk", {f32({4}, {3, 7, 7, 1})}, {{"k", int64_t{5}}}), HasSubstr("k must lie in 1..N"));
}

TEST(Norm, RmsDividesByTheRootOfTheMeanSquare) {
  EXPECT_THAT(run_floats("rms_norm", {f32({1, 2}, {3, 4}), f32({2}, {1, 2})}, {{"eps", 0.0}}),
              Pointwise(FloatNear(1e-6f), {3 / std::sqrt(12.5f), 8 / std::sqrt(12.5f)}));
  EXPECT_THAT(run_floats("rms_norm", {f32({1, 2}, {0, 0})}, {{"eps", 1e-6}}), ElementsAre(0, 0));
}

TEST(Norm, LayerNormCentres) {
  EXPECT_THAT(run_floats("layer_norm", {f32({1, 2}, {1, 3}), f32({2}, {2, 2}), f32({2}, {0.5f, 0.5f})}, {{"eps", 0.0}}),
              ElementsAre(-1.5f, 2.5f));
  EXPECT_THAT(run_floats("layer_norm", {f32({1, 2}, {1, 3})}, {{"eps", 3.0}}), ElementsAre(-0.5f, 0.5f));
  EXPECT_THAT(run_floats("layer_norm", {f32({1, 2}, {1, 3}), absent(), f32({2}, {1, 1})}, {{"eps", 3.0}}),
              ElementsAre(0.5f, 1.5f));
}

}  // namespace
}  // namespace bp::test
