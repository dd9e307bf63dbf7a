#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "run_op.h"

namespace bp::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Attr ints(std::string key, std::vector<int64_t> values) { return {std::move(key), std::move(values)}; }

TEST(Shape, ReshapeKeepsTheBytes) {
  const auto y = run_op("reshape", {f32({2, 3}, {1, 2, 3, 4, 5, 6})}, {ints("dims", {3, -1})})[0];
  EXPECT_THAT(y.dims, ElementsAre(3, 2));
  EXPECT_THAT(values_of(y), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(error_of("reshape", {f32({2}, {1, 2})}, {ints("dims", {-1, -1})}), HasSubstr("cannot become"));
  EXPECT_THAT(error_of("reshape", {f32({2}, {1, 2})}, {ints("dims", {0, -1})}), HasSubstr("cannot become"));
}

TEST(Shape, TransposePermutes) {
  const auto y = run_op("transpose", {f32({2, 3, 1}, {1, 2, 3, 4, 5, 6})}, {ints("perm", {1, 2, 0})})[0];
  EXPECT_THAT(y.dims, ElementsAre(3, 1, 2));
  EXPECT_THAT(values_of(y), ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_THAT(error_of("transpose", {f32({1, 1}, {1})}, {ints("perm", {0, 0})}), HasSubstr("name each axis once"));
}

TEST(Shape, SliceTakesSteps) {
  const Tensor x = f32({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_THAT(run_floats("slice", {x}, {{"axis", int64_t{-1}}, {"start", int64_t{1}}, {"step", int64_t{2}}}),
              ElementsAre(2, 4, 6, 8));
  EXPECT_THAT(run_floats("slice", {x}, {{"axis", int64_t{0}}, {"start", int64_t{1}}}), ElementsAre(5, 6, 7, 8));
  EXPECT_THAT(run_floats("slice", {x}, {{"axis", int64_t{1}}, {"length", int64_t{0}}}), IsEmpty());
  EXPECT_THAT(error_of("slice", {x}, {{"axis", int64_t{1}}, {"start", int64_t{2}}, {"length", int64_t{3}}}),
              HasSubstr("stay inside"));
  EXPECT_THAT(error_of("slice", {x}, {{"axis", int64_t{1}}, {"length", int64_t{1} << 62}, {"step", int64_t{1} << 62}}),
              HasSubstr("stay inside"));
}

TEST(Shape, SliceOfBlockRowsMovesWholeRows) {
  std::vector<float> values(64, 1.0f);
  std::fill(values.begin() + 32, values.end(), 2.0f);
  const auto y =
      run_op("slice", {floats(DType::kQ8_0, {2, 32}, values)}, {{"axis", int64_t{0}}, {"start", int64_t{1}}})[0];
  EXPECT_EQ(y.dtype, DType::kQ8_0);
  EXPECT_THAT(values_of(y), testing::Each(testing::FloatNear(2.0f, 0.01f)));
}

TEST(Shape, ConcatJoinsAnAxis) {
  const Tensor x = f32({2, 1}, {1, 2}), y = f32({2, 2}, {3, 4, 5, 6});
  EXPECT_THAT(run_floats("concat", {x, y, x}, {{"axis", int64_t{1}}}), ElementsAre(1, 3, 4, 1, 2, 5, 6, 2));
  EXPECT_THAT(run_floats("concat", {y, y}, {{"axis", int64_t{0}}}), ElementsAre(3, 4, 5, 6, 3, 4, 5, 6));
  EXPECT_THAT(error_of("concat", {x, y}, {{"axis", int64_t{0}}}), HasSubstr("do not join"));
}

TEST(Shape, BroadcastRepeats) {
  const auto y = run_op("broadcast", {f32({2, 1}, {1, 2})}, {ints("dims", {2, 2, 2})})[0];
  EXPECT_THAT(values_of(y), ElementsAre(1, 1, 2, 2, 1, 1, 2, 2));
}

TEST(Shape, IotaCounts) { EXPECT_THAT(run_integers("iota", {f32({3, 2}, {0, 0, 0, 0, 0, 0})}), ElementsAre(0, 1, 2)); }

TEST(Collective, OfOneRankIsTheIdentity) {
  EXPECT_THAT(run_floats("coll.all_reduce", {f32({2}, {1, 2})}), ElementsAre(1, 2));
  EXPECT_THAT(run_floats("coll.all_gather", {f32({2}, {1, 2})}, {{"axis", int64_t{0}}}), ElementsAre(1, 2));
  EXPECT_THAT(error_of("coll.all_gather", {f32({2}, {1, 2})}, {{"axis", int64_t{0}}, {"world", int64_t{2}}}),
              HasSubstr("one rank"));
}

TEST(Index, GatherRowsGivesZerosOutside) {
  const Tensor table = f32({3, 2}, {1, 2, 3, 4, 5, 6});
  EXPECT_THAT(run_floats("gather_rows", {table, i32({4}, {2, -1, 0, 3})}), ElementsAre(5, 6, 0, 0, 1, 2, 0, 0));
  EXPECT_THAT(run_floats("gather_rows", {table, i32({0}, {})}), IsEmpty());
  EXPECT_THAT(run_integers("gather_rows", {i32({2}, {7, 8}), i32({3}, {1, 1, 9})}), ElementsAre(8, 8, 0));
}

TEST(Index, GatherRowsDecodes) {
  std::vector<float> values(64);
  for (size_t i = 0; i < 64; ++i) values[i] = static_cast<float>(i) - 32;
  const Tensor table = floats(DType::kQ8_0, {2, 32}, values);
  const auto y = run_op("gather_rows", {table, i32({1}, {1})})[0];
  EXPECT_EQ(y.dtype, DType::kF32);
  EXPECT_NEAR(values_of(y)[31], 31, 0.2);
  const auto half = run_op("gather_rows", {table, i32({1}, {1})}, {{"dtype", int64_t{2}}})[0];
  EXPECT_EQ(half.dtype, DType::kF16);
}

TEST(Index, ScatterRowsUpdatesInOrderAndSkipsOutside) {
  const Tensor src = f32({4, 1}, {10, 20, 30, 40});
  EXPECT_THAT(run_floats("scatter_rows", {f32({3, 1}, {1, 2, 3}), i32({4}, {1, -1, 1, 3}), src}),
              ElementsAre(1, 30, 3));
}

TEST(Index, LastAxis) {
  const Tensor x = f32({2, 3}, {1, 2, 3, 4, 5, 6}), idx = i32({2, 2}, {2, 5, 0, -1});
  EXPECT_THAT(run_floats("gather_last", {x, idx}), ElementsAre(3, 0, 4, 0));
  EXPECT_THAT(run_floats("scatter_last", {x, idx, f32({2, 2}, {7, 8, 9, 10})}), ElementsAre(1, 2, 7, 9, 5, 6));
}

}  // namespace
}  // namespace bp::test
