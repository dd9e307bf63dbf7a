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

TEST(Reference, EveryOpHasOne) {
  for (const OpDef& op : opset()) EXPECT_TRUE(has_reference(op)) << op.name;
}

TEST(Unary, FollowsItsFormula) {
  const std::vector<float> x = {-2.5f, -0.25f, 0.5f, 3.0f};
  const auto expect = [&](std::string_view op, double (*formula)(double)) {
    std::vector<float> y;
    for (const float value : x) y.push_back(static_cast<float>(formula(value)));
    EXPECT_THAT(run_floats(op, {f32({2, 2}, x)}), Pointwise(FloatNear(1e-5f), y)) << op;
  };
  expect("neg", [](double v) { return -v; });
  expect("abs", [](double v) { return std::fabs(v); });
  expect("exp", [](double v) { return std::exp(v); });
  expect("sin", [](double v) { return std::sin(v); });
  expect("cos", [](double v) { return std::cos(v); });
  expect("tanh", [](double v) { return std::tanh(v); });
  expect("sigmoid", [](double v) { return 1 / (1 + std::exp(-v)); });
  expect("silu", [](double v) { return v / (1 + std::exp(-v)); });
  expect("relu", [](double v) { return v < 0 ? 0 : v; });
  expect("softplus", [](double v) { return std::log(1 + std::exp(v)); });
}

TEST(Unary, RootsAndLogs) {
  EXPECT_THAT(run_floats("sqrt", {f32({2}, {4, 9})}), ElementsAre(2, 3));
  EXPECT_THAT(run_floats("rsqrt", {f32({2}, {4, 16})}), ElementsAre(0.5f, 0.25f));
  EXPECT_THAT(run_floats("log", {f32({2}, {1, 0})}), ElementsAre(0, -kInf));
}

TEST(Unary, EndsOfTheRangeStayFinite) {
  EXPECT_THAT(run_floats("silu", {f32({2}, {-200, 200})}), Pointwise(FloatNear(1e-30f), {0.0f, 200.0f}));
  EXPECT_THAT(run_floats("softplus", {f32({2}, {-200, 200})}), Pointwise(FloatNear(1e-30f), {0.0f, 200.0f}));
}

TEST(Unary, GeluHasTwoForms) {
  EXPECT_THAT(run_floats("gelu", {f32({2}, {1, -2})}), Pointwise(FloatNear(1e-5f), {0.841345f, -0.0455003f}));
  EXPECT_THAT(run_floats("gelu", {f32({2}, {1, -2})}, {{"tanh", int64_t{1}}}),
              Pointwise(FloatNear(1e-5f), {0.841192f, -0.0454023f}));
}

TEST(Unary, KeepsTheDtypeAndEmptyTensors) {
  EXPECT_EQ(run_op("neg", {floats(DType::kBF16, {1}, {1.5f})})[0].dtype, DType::kBF16);
  EXPECT_THAT(run_floats("neg", {f32({0, 4}, {})}), IsEmpty());
  EXPECT_THAT(run_floats("neg", {f32({}, {2})}), ElementsAre(-2));
}

TEST(Unary, ScaleAndClamp) {
  EXPECT_THAT(run_floats("scale", {f32({2}, {1, 2})}, {{"mul", 3.0}, {"add", 0.5}}), ElementsAre(3.5f, 6.5f));
  EXPECT_THAT(run_floats("clamp", {f32({3}, {-5, 0.5f, 5})}, {{"min", -1.0}, {"max", 1.0}}), ElementsAre(-1, 0.5f, 1));
  EXPECT_THAT(error_of("clamp", {f32({1}, {0})}, {{"min", 1.0}, {"max", -1.0}}), HasSubstr("is not below"));
}

Attr dtype(DType to) { return {"dtype", static_cast<int64_t>(to)}; }

TEST(Cast, RoundsToEvenAndClamps) {
  EXPECT_THAT(run_integers("cast", {f32({5}, {0.5f, 1.5f, -2.5f, 300, NAN})}, {dtype(DType::kI8)}),
              ElementsAre(0, 2, -2, 127, 0));
  EXPECT_THAT(run_integers("cast", {f32({2}, {1e30f, -1e30f})}, {dtype(DType::kI64)}),
              ElementsAre(0x7ffffffffffffc00, std::numeric_limits<int64_t>::min()));
  EXPECT_THAT(run_integers("cast", {f32({3}, {0, -0.5f, NAN})}, {dtype(DType::kBool)}), ElementsAre(0, 1, 1));
}

TEST(Cast, IntegersKeepAllTheirBits) {
  EXPECT_THAT(run_integers("cast", {i32({2}, {16777217, -1})}, {dtype(DType::kI64)}), ElementsAre(16777217, -1));
  EXPECT_THAT(run_integers("cast", {integers(DType::kI64, {2}, {int64_t{1} << 40, -5})}, {dtype(DType::kI32)}),
              ElementsAre(2147483647, -5));
  EXPECT_THAT(run_integers("cast", {i32({2}, {300, -1})}, {dtype(DType::kU8)}), ElementsAre(255, 0));
}

TEST(Cast, KnowsSmallFloats) {
  EXPECT_THAT(
      values_of(run_op("cast", {f32({6}, {0.0175f, 448, 1000, -0.0005f, 17, 19})}, {dtype(DType::kFp8E4M3)})[0]),
      ElementsAre(0.017578125f, 448, 448, -0.0f, 16, 20));
  EXPECT_THAT(values_of(run_op("cast", {f32({3}, {1e6f, 1.125f, 1.375f})}, {dtype(DType::kFp8E5M2)})[0]),
              ElementsAre(57344, 1, 1.5f));
  EXPECT_TRUE(std::isnan(values_of(run_op("cast", {f32({1}, {NAN})}, {dtype(DType::kFp8E4M3)})[0])[0]));
  EXPECT_THAT(values_of(floats(DType::kFp4E2M1, {8}, {0, 0.3f, 1.2f, 2.5f, 3.4f, 5, 100, -6})),
              ElementsAre(0, 0.5f, 1, 2, 3, 4, 6, -6));
  EXPECT_THAT(values_of(floats(DType::kI4, {4}, {-9, -8, 3, 9})), ElementsAre(-8, -8, 3, 7));
  EXPECT_THAT(values_of(floats(DType::kE8M0, {3}, {1, 0.25f, 1024})), ElementsAre(1, 0.25f, 1024));
}

TEST(Binary, Broadcasts) {
  const Tensor x = f32({2, 1, 2}, {1, 2, 3, 4});
  EXPECT_THAT(run_floats("add", {x, f32({2, 1}, {10, 20})}), ElementsAre(11, 12, 21, 22, 13, 14, 23, 24));
  EXPECT_THAT(run_floats("sub", {f32({}, {1}), f32({3}, {1, 2, 3})}), ElementsAre(0, -1, -2));
  EXPECT_THAT(run_floats("mul", {f32({0, 3}, {}), f32({3}, {1, 2, 3})}), IsEmpty());
  EXPECT_THAT(run_floats("div", {f32({2, 2}, {2, 4, 6, 8}), f32({2, 1}, {2, 4})}), ElementsAre(1, 2, 1.5f, 2));
  EXPECT_THAT(run_floats("pow", {f32({2}, {2, 3}), f32({}, {2})}), ElementsAre(4, 9));
  EXPECT_THAT(run_floats("min", {f32({2}, {2, 3}), f32({2}, {3, 1})}), ElementsAre(2, 1));
}

TEST(Binary, ADtypeOfItsOwnForTheBias) {
  const auto y = run_op("add", {floats(DType::kBF16, {1, 2}, {1, 2}), f32({2}, {0.5f, 0.25f})})[0];
  EXPECT_EQ(y.dtype, DType::kBF16);
  EXPECT_THAT(values_of(y), ElementsAre(1.5f, 2.25f));
}

TEST(Binary, IntegersWrapAndDivideTowardsZero) {
  EXPECT_THAT(run_integers("div", {i32({4}, {7, -7, 5, -2147483648}), i32({4}, {2, 2, 0, -1})}),
              ElementsAre(3, -3, 0, -2147483648));
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max(), kMin = std::numeric_limits<int64_t>::min();
  EXPECT_THAT(run_integers("add", {integers(DType::kI64, {1}, {kMax}), integers(DType::kI64, {1}, {1})}),
              ElementsAre(kMin));
  EXPECT_THAT(run_integers("div", {integers(DType::kI64, {1}, {kMin}), integers(DType::kI64, {1}, {-1})}),
              ElementsAre(kMin));
  EXPECT_THAT(error_of("add", {i32({1}, {1}), f32({1}, {1})}), HasSubstr("a is i32 and b is f32"));
}

TEST(Binary, ComparesAndDecides) {
  const auto less = run_op("lt", {f32({3}, {1, 2, NAN}), f32({3}, {2, 2, 2})})[0];
  EXPECT_EQ(less.dtype, DType::kBool);
  EXPECT_THAT(integers_of(less), ElementsAre(1, 0, 0));
  EXPECT_THAT(run_integers("le", {i32({2}, {2, 3}), i32({}, {2})}), ElementsAre(1, 0));
  EXPECT_THAT(run_integers("eq", {i32({2}, {2, 3}), i32({}, {2})}), ElementsAre(1, 0));
  const Tensor a = integers(DType::kBool, {4}, {0, 0, 1, 1}), b = integers(DType::kBool, {4}, {0, 1, 0, 1});
  EXPECT_THAT(run_integers("logical_and", {a, b}), ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(run_integers("logical_or", {a, b}), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(run_integers("logical_not", {a}), ElementsAre(1, 1, 0, 0));
  EXPECT_THAT(run_floats("where", {integers(DType::kBool, {2, 1}, {1, 0}), f32({2}, {1, 2}), f32({}, {9})}),
              ElementsAre(1, 2, 9, 9));
}

}  // namespace
}  // namespace bp::test
