// The debugging aids: text of a tensor, comparing two devices, the NaN trap.
#include <backplane/backplane.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "expect_error.h"

namespace bp::api {
namespace {

using testing::HasSubstr;

TEST(TensorText, IsWhatNumpyPrints) {
  const Session session({.device = "reference"});
  const Tensor x = session.tensor<float>({1, -2.5f, 3, 4, 5, 60}, {2, 3});
  EXPECT_EQ(x.text(),
            "f32[2, 3] on reference  in [-2.5, 60]\n"
            "[[ 1.0000, -2.5000,  3.0000],\n"
            " [ 4.0000,  5.0000, 60.0000]]");
  std::ostringstream out;
  out << x;
  EXPECT_EQ(out.str(), x.text());
  EXPECT_EQ(session.tensor<int32_t>({1, 20}, {1, 1, 2}).text(), "i32[1, 1, 2] on reference  in [1, 20]\n[[[ 1, 20]]]");
  EXPECT_EQ(session.scalar(0.5f).text({.digits = 2}), "f32[] on reference  in [0.5, 0.5]\n0.50");
  EXPECT_EQ(Tensor().text(), "absent");
}

TEST(TensorText, LongAxesAreShortened) {
  const Session session({.device = "reference"});
  std::vector<float> values(2 * 3 * 1000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const std::string text = session.tensor(values, {2, 3, 1000}).text({.edge_items = 2, .digits = 0});
  EXPECT_EQ(text,
            "f32[2, 3, 1000] on reference  in [0, 5999]\n"
            "[[[   0,    1, ...,  998,  999],\n"
            "  [1000, 1001, ..., 1998, 1999],\n"
            "  [2000, 2001, ..., 2998, 2999]],\n"
            "\n"
            " [[3000, 3001, ..., 3998, 3999],\n"
            "  [4000, 4001, ..., 4998, 4999],\n"
            "  [5000, 5001, ..., 5998, 5999]]]");
}

TEST(TensorText, NaNAndInfinityAreCounted) {
  const Session session({.device = "reference"});
  const float nan = std::nanf("");
  const float inf = std::numeric_limits<float>::infinity();
  const std::string text = session.tensor<float>({nan, 1, -inf, nan}, {4}).text();
  EXPECT_THAT(text, HasSubstr("in [1, 1], 2 NaN, 1 infinite"));
  EXPECT_THAT(session.tensor<float>({1e-9f, 1}, {2}).text(), HasSubstr("1.0000e-09"));
}

TEST(NanTrap, NamesTheOpThatMadeIt) {
  const Session session({.device = "cpu:0"}, {.trap_nan = true});
  const Tensor x = session.tensor<float>({1, 2, -4, 9}, {2, 2});
  const auto f = [](const Tensor& input) {
    const Scope scope("blk.3");
    const Scope nameless("");
    return log(input) * 2;
  };
  const auto message = AllOf(HasSubstr("cpu:0: blk.3 log: y[1, 0] of f32[2, 2] is"), HasSubstr("nan"),
                             HasSubstr("x f32[2, 2] in [-4, 9]"));
  EXPECT_ERROR(f(x), ErrorCode::kFailed, message);
  EXPECT_ERROR(op("rsqrt", {x * 0}), ErrorCode::kFailed, AllOf(HasSubstr("rsqrt: y[0, 0]"), HasSubstr("inf")));
  // What a session without the trap compiled, replayed on one with it.
  const Session quiet({.device = "cpu:0"});
  const Program program = compile(f, {{{dyn, 2}}}, {.session = quiet});
  EXPECT_TRUE(std::isnan(program(quiet.take(x)).to_floats()[2]));
  EXPECT_ERROR(program.replay(session, {x}), ErrorCode::kFailed, message);
}

TEST(Compare, StopsAtTheFirstOpThatDiffers) {
  const DebugOptions exact{.compare_with = "reference", .tolerance = {.absolute = 0, .relative = 0}};
  std::vector<float> values(1024);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 100.0f - 5;
  const auto f = [](const Tensor& x) {
    const Scope scope("mlp");
    return silu(x * 2);
  };
  const Session strict({.device = "cpu:0"}, exact);
  const Tensor x = strict.tensor(values, {4, 256});
  // scale is exact on every device; silu is not.
  EXPECT_ERROR(f(x), ErrorCode::kFailed,
               AllOf(HasSubstr("cpu:0: mlp silu: y["), HasSubstr("on reference it is"), HasSubstr("of 1024 elements")));
  const Session usual({.device = "cpu:0"}, {.compare_with = "reference"});
  const Tensor w = usual.weight(values, {4, 256});
  EXPECT_EQ(f(usual.take(x)).n_elements(), 1024);
  EXPECT_EQ(matmul(usual.take(x), w).n_elements(), 16);
  const auto sorted = topk(usual.take(x), 3);
  EXPECT_EQ(sorted.second.to_vector<int32_t>()[0], 255);
  EXPECT_ERROR(Session({.device = "cpu:0"}, {.compare_with = "tpu:1"}), ErrorCode::kDevice, HasSubstr("tpu:1"));
}

TEST(Compare, EqualNansAndInfinitiesAgree) {
  const Session session({.device = "cpu:0"}, {.compare_with = "reference"});
  const Tensor x = session.tensor<float>({-1, 0, 1}, {3});
  EXPECT_TRUE(std::isnan(sqrt(x).to_floats()[0]));
  EXPECT_TRUE(std::isinf(log(x).to_floats()[1]));
}

}  // namespace
}  // namespace bp::api
