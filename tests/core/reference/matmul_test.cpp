#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "run_op.h"

namespace bp::test {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pointwise;

// Rows of x times rows of w.
std::vector<float> product(const Tensor& x, const Tensor& w) {
  const std::vector<float> a = values_of(x), b = values_of(w);
  const auto k = static_cast<size_t>(w.dims.back());
  std::vector<float> out;
  for (size_t i = 0; i < a.size(); i += k) {
    for (size_t j = 0; j < b.size(); j += k) {
      double sum = 0;
      for (size_t c = 0; c < k; ++c) sum += static_cast<double>(a[i + c]) * static_cast<double>(b[j + c]);
      out.push_back(static_cast<float>(sum));
    }
  }
  return out;
}

TEST(Matmul, IsRowsTimesRows) {
  EXPECT_THAT(run_floats("matmul", {f32({2, 2}, {1, 2, 3, 4}), f32({3, 2}, {1, 0, 0, 1, 1, 1})}),
              ElementsAre(1, 2, 3, 3, 4, 7));
  for (const int64_t k : {1, 7, 8, 19, 64}) {
    const Tensor x = noise({3, k}, 1), w = noise({5, k}, 2);
    EXPECT_THAT(run_floats("matmul", {x, w}), Pointwise(FloatNear(1e-5f), product(x, w)));
  }
}

TEST(Matmul, KeepsLeadingDimsAndEmptyBatches) {
  EXPECT_THAT(run_op("matmul", {noise({2, 3, 4}, 1), noise({5, 4}, 2)})[0].dims, ElementsAre(2, 3, 5));
  EXPECT_THAT(run_floats("matmul", {f32({0, 4}, {}), noise({5, 4}, 2)}), IsEmpty());
  EXPECT_THAT(run_floats("matmul", {f32({2, 0}, {}), f32({3, 0}, {})}), Each(0.0f));
}

TEST(Matmul, DecodesItsWeights) {
  const Tensor x = noise({2, 64}, 1);
  for (const DType dtype : {DType::kBF16, DType::kF16, DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ5_0,
                            DType::kQ5_1, DType::kMXFP4, DType::kI8}) {
    const Tensor w = floats(dtype, {3, 64}, values_of(noise({3, 64}, 2)));
    EXPECT_THAT(run_floats("matmul", {x, w}), Pointwise(FloatNear(1e-4f), product(x, w))) << dtype_name(dtype);
  }
}

TEST(MatmulBatched, OneMatrixPerHead) {
  EXPECT_THAT(run_floats("matmul_batched", {f32({2, 2, 1}, {1, 2, 3, 4}), f32({2, 2, 1}, {1, 10, 100, 1000})}),
              ElementsAre(1, 10, 200, 2000, 3, 30, 400, 4000));
}

TEST(MatmulIndexed, EachRowItsMatrix) {
  const Tensor w = f32({2, 2, 1}, {1, 10, 100, 1000});
  EXPECT_THAT(run_floats("matmul_indexed", {f32({3, 1}, {1, 2, 3}), w, i32({3}, {1, -1, 0})}),
              ElementsAre(100, 1000, 0, 0, 3, 30));
}

TEST(MatmulIndexed, SlotsShareARowOrHaveTheirOwn) {
  const Tensor w = f32({2, 1, 1}, {1, 10}), idx = i32({2, 2}, {0, 1, 1, 7});
  EXPECT_THAT(run_floats("matmul_indexed", {f32({2, 1}, {1, 2}), w, idx}), ElementsAre(1, 10, 20, 0));
  EXPECT_THAT(run_floats("matmul_indexed", {f32({2, 2, 1}, {1, 2, 3, 4}), w, idx}), ElementsAre(1, 20, 30, 0));
  EXPECT_THAT(error_of("matmul_indexed", {f32({2, 2, 1}, {1, 2, 3, 4}), w, i32({2}, {0, 1})}),
              HasSubstr("must be [T, k]"));
}

TEST(Experts, SortIsStableAndPutsNobodysSlotsLast) {
  const auto y = run_op("expert_sort", {i32({3, 2}, {2, 0, -1, 2, 0, 9})}, {{"n_experts", int64_t{3}}});
  EXPECT_THAT(integers_of(y[0]), ElementsAre(1, 4, 0, 3, 2, 5));
  EXPECT_THAT(integers_of(y[1]), ElementsAre(0, 2, 2, 4));
}

TEST(Experts, GroupedRowsPastTheLastExpertAreZero) {
  const Tensor w = f32({2, 1, 1}, {10, 100}), x = f32({4, 1}, {1, 2, 3, 4});
  EXPECT_THAT(run_floats("matmul_grouped", {x, w, i32({3}, {0, 1, 3})}), ElementsAre(10, 200, 300, 0));
  EXPECT_THAT(error_of("matmul_grouped", {x, w, i32({3}, {0, 5, 5})}), HasSubstr("offset 1 is 5, outside [0, 4]"));
  EXPECT_THAT(error_of("matmul_grouped", {x, w, i32({3}, {0, 3, 2})}), HasSubstr("offset 2 is 2"));
}

TEST(Experts, CombineUndoesTheSort) {
  const Tensor y = f32({4, 1}, {1, 2, 3, 4}), order = i32({4}, {2, 0, 3, 1});
  EXPECT_THAT(run_floats("moe_combine", {y, order, f32({2, 2}, {1, 10, 100, 1000})}), ElementsAre(42, 3100));
}

TEST(Experts, AMixtureIsTheSumOverItsExperts) {
  const int64_t t = 5, k = 2, e = 4, h = 8;
  const Tensor x = noise({t, h}, 1), w = noise({e, h, h}, 2), weights = noise({t, k}, 3);
  const Tensor idx = i32({t, k}, {3, 0, 1, 3, 3, 2, 0, 1, 2, 0});
  const auto sorted = run_op("expert_sort", {idx}, {{"n_experts", e}});
  const Tensor rows = run_op("div", {sorted[0], i32({}, {k})})[0];
  const Tensor grouped = run_op("matmul_grouped", {run_op("gather_rows", {x, rows})[0], w, sorted[1]})[0];
  const std::vector<float> direct = run_floats("matmul_indexed", {x, w, idx}), scale = values_of(weights);
  std::vector<float> expected(static_cast<size_t>(t * h), 0.0f);
  for (size_t i = 0; i < direct.size(); ++i) {
    const size_t slot = i / static_cast<size_t>(h);
    expected[slot / 2 * static_cast<size_t>(h) + i % static_cast<size_t>(h)] += scale[slot] * direct[i];
  }
  EXPECT_THAT(run_floats("moe_combine", {grouped, sorted[0], weights}), Pointwise(FloatNear(1e-5f), expected));
}

TEST(Dequant, BlocksZerosAndPermutation) {
  const Tensor w = floats(DType::kU4, {2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor scales = f32({2, 2}, {1, 10, 100, 1000}), zero = floats(DType::kU4, {2, 2}, {1, 2, 3, 4});
  const std::vector<Attr> attrs = {{"block_k", int64_t{2}}};
  EXPECT_THAT(run_floats("dequant", {w, scales}, attrs), ElementsAre(1, 2, 30, 40, 500, 600, 7000, 8000));
  EXPECT_THAT(run_floats("dequant", {w, scales, zero}, attrs), ElementsAre(0, 1, 10, 20, 200, 300, 3000, 4000));
  EXPECT_THAT(run_floats("dequant", {w, scales, zero, i32({4}, {3, 0, 9, 1})}, attrs),
              ElementsAre(20, 0, 0, 1, 4000, 200, 0, 300));
}

TEST(Dequant, BlocksOfRowsRoundUp) {
  const Tensor w = floats(DType::kFp8E4M3, {3, 3}, {1, 1, 1, 1, 1, 1, 1, 1, 1});
  EXPECT_THAT(run_floats("dequant", {w, f32({2, 2}, {1, 2, 3, 4})}, {{"block_n", int64_t{2}}, {"block_k", int64_t{2}}}),
              ElementsAre(1, 1, 2, 1, 1, 2, 3, 3, 4));
  EXPECT_THAT(error_of("dequant", {w, f32({1, 2}, {1, 2})}, {{"block_n", int64_t{2}}, {"block_k", int64_t{2}}}),
              HasSubstr("must have N/block_n = 2 where it has 1"));
}

TEST(Dequant, PowersOfTwoAsScales) {
  const Tensor w = floats(DType::kFp4E2M1, {1, 4}, {0.5f, 1, -6, 3});
  EXPECT_THAT(run_floats("dequant", {w, floats(DType::kE8M0, {1, 2}, {2, 0.25f})}, {{"block_k", int64_t{2}}}),
              ElementsAre(1, 2, -1.5f, 0.75f));
}

TEST(Quantize, IsSymmetricByBlocks) {
  const auto y =
      run_op("quantize", {f32({1, 4}, {127, -63.5f, 0, 0})}, {{"block_k", int64_t{2}}, {"dtype", int64_t{5}}});
  EXPECT_EQ(y[0].dtype, DType::kI8);
  EXPECT_THAT(integers_of(y[0]), ElementsAre(127, -64, 0, 0));
  EXPECT_THAT(values_of(y[1]), ElementsAre(1, 0));
  EXPECT_THAT(error_of("quantize", {f32({1, 3}, {1, 2, 3})}, {{"block_k", int64_t{2}}, {"dtype", int64_t{5}}}),
              HasSubstr("block_k must divide K"));
}

TEST(Quantize, DequantComesBackClose) {
  const Tensor x = noise({4, 32}, 5);
  for (const auto& [dtype, tolerance] :
       {std::pair{DType::kI8, 0.005f}, {DType::kFp8E4M3, 0.04f}, {DType::kI4, 0.08f}}) {
    const auto q = run_op("quantize", {x}, {{"block_k", int64_t{16}}, {"dtype", static_cast<int64_t>(dtype)}});
    EXPECT_THAT(run_floats("dequant", {q[0], q[1]}, {{"block_k", int64_t{16}}}),
                Pointwise(FloatNear(tolerance), values_of(x)));
  }
}

}  // namespace
}  // namespace bp::test
