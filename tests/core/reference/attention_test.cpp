#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "run_op.h"

namespace bp::test {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

TEST(Rope, RotatesPairsOfHalves) {
  const float c = std::cos(2.0f), s = std::sin(2.0f), c3 = std::cos(0.2f), s3 = std::sin(0.2f);
  const Tensor x = f32({1, 1, 4}, {1, 2, 3, 4}), positions = i32({1}, {2}), freqs = f32({2}, {1, 0.1f});
  EXPECT_THAT(run_floats("rope", {x, positions, freqs}, {{"n_rot", int64_t{4}}}),
              Pointwise(FloatNear(1e-5f), {c - 3 * s, 2 * c3 - 4 * s3, s + 3 * c, 2 * s3 + 4 * c3}));
  EXPECT_THAT(run_floats("rope", {x, positions, freqs}, {{"n_rot", int64_t{4}}, {"mode", int64_t{1}}}),
              Pointwise(FloatNear(1e-5f), {c - 2 * s, s + 2 * c, 3 * c3 - 4 * s3, 3 * s3 + 4 * c3}));
}

TEST(Rope, PartialScaledAndByVariant) {
  const Tensor x = f32({2, 1, 4}, {1, 2, 3, 4, 1, 2, 3, 4}), positions = i32({2}, {2, 1});
  const float c = 2 * std::cos(2.0f), s = 2 * std::sin(2.0f);
  EXPECT_THAT(run_floats("rope", {x, positions, f32({2, 1}, {7, 1}), i32({2}, {1, -1})},
                         {{"n_rot", int64_t{2}}, {"offset", int64_t{2}}, {"scale", 2.0}}),
              Pointwise(FloatNear(1e-5f), {1.0f, 2.0f, 3 * c - 4 * s, 3 * s + 4 * c, 1.0f, 2.0f, 3.0f, 4.0f}));
  EXPECT_THAT(error_of("rope", {x, positions, f32({2, 1}, {7, 1})}, {{"n_rot", int64_t{2}}}),
              HasSubstr("come together"));
  EXPECT_THAT(error_of("rope", {x, positions, f32({3}, {7, 1, 1})}, {{"n_rot", int64_t{6}}}), HasSubstr("at most D"));
}

TEST(KvWrite, GoesToItsSlotAndNowhereElse) {
  const Tensor cache = zeros(DType::kF32, {2, 2, 2, 1});  // [P, Hk, page, D]
  const Tensor rows = f32({4, 2, 1}, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_THAT(run_floats("kv_write", {cache, rows, i32({4}, {3, -1, 0, 4})}), ElementsAre(5, 0, 6, 0, 0, 1, 0, 2));
}

TEST(KvWrite, QuantisesByTokenAndHead) {
  const auto y = run_op("kv_write", {zeros(DType::kI8, {1, 2, 2, 2}), f32({1, 2, 2}, {127, -1, 0, 0}), i32({1}, {1}),
                                     f32({1, 2, 2}, {9, 9, 9, 9})});
  EXPECT_THAT(integers_of(y[0]), ElementsAre(0, 0, 127, -1, 0, 0, 0, 0));
  EXPECT_THAT(values_of(y[1]), ElementsAre(9, 1, 9, 0));
  const auto fp8 = run_op("kv_write", {zeros(DType::kFp8E4M3, {1, 1, 1, 2}), f32({1, 1, 2}, {2, 1}), i32({1}, {0}),
                                       zeros(DType::kF32, {1, 1, 1})});
  EXPECT_THAT(values_of(fp8[0]), ElementsAre(448, 224));
}

TEST(KvGather, JoinsSequencesAcrossPages) {
  const Tensor cache = f32({3, 1, 2, 1}, {1, 2, 3, 4, 5, 6});
  const Tensor table = i32({2, 2}, {2, 0, 1, -1});
  EXPECT_THAT(run_floats("kv_gather", {cache, table, i32({3}, {0, 3, 4})}, {{"n_rows", int64_t{6}}}),
              ElementsAre(5, 6, 1, 3, 0, 0));
  EXPECT_THAT(error_of("kv_gather", {cache, table, i32({3}, {0, 5, 5})}, {{"n_rows", int64_t{6}}}),
              HasSubstr("longer than its pages"));
  EXPECT_THAT(error_of("kv_gather", {cache, table, i32({3}, {0, 3, 7})}, {{"n_rows", int64_t{6}}}),
              HasSubstr("outside [3, 6]"));
  EXPECT_THAT(run_floats("kv_gather",
                         {floats(DType::kI8, {1, 1, 2, 1}, {10, 20}), i32({1, 1}, {0}), i32({2}, {0, 2}),
                          f32({1, 1, 2}, {0.5f, 0.25f})},
                         {{"n_rows", int64_t{2}}}),
              ElementsAre(5, 5));
}

// Three sequences over pages of 4 tokens, in a scrambled page table. Row 0..2 of sequence 0 (10 keys), row 3 of
// sequence 1 (4 keys: a page just full), rows 4..5 of sequence 2 (2 keys: all new), and row 6 belongs to nobody.
struct Attention : testing::Test {
  static constexpr int64_t kPage = 4, kMaxPages = 3, kPages = 8, kRows = 7, kHeads = 4, kKvHeads = 2, kDim = 6;
  const std::vector<int64_t> start = {0, 3, 4, 6}, lengths = {10, 4, 2};
  const std::vector<int64_t> table = {5, 0, 7, 2, -1, -1, 3, -1, 99};

  Tensor q = noise({kRows, kHeads, kDim}, 1);
  Tensor k = noise({kPages, kKvHeads, kPage, kDim}, 2);
  Tensor v = noise({kPages, kKvHeads, kPage, kDim}, 3);
  Tensor mask = absent(), sinks = absent(), alibi = absent(), k_scales = absent(), v_scales = absent();
  std::vector<Attr> attrs = {{"scale", 0.7}};
  std::vector<float> qf = values_of(q), kf = values_of(k), vf = values_of(v);  // what the formula sees
  int64_t v_dim = kDim;

  std::vector<Tensor> operands() const {
    return {q,     k,        v,       i32({3, kMaxPages}, table), i32({4}, start), i32({3}, lengths), mask, sinks,
            alibi, k_scales, v_scales};
  }
  double attr(std::string_view key, double otherwise) const {
    for (const Attr& a : attrs) {
      if (a.key != key) continue;
      return std::holds_alternative<double>(a.value) ? std::get<double>(a.value)
                                                     : static_cast<double>(std::get<int64_t>(a.value));
    }
    return otherwise;
  }
  static float at(const Tensor& t, int64_t i) { return values_of(t)[static_cast<size_t>(i)]; }

  // Score of row, head and key, or nullopt where it is masked.
  std::optional<double> score(int64_t row, int64_t head, int64_t key_row, int64_t q_pos, int64_t k_pos) const {
    const auto window = static_cast<int64_t>(attr("window", 0));
    if ((attr("causal", 1) != 0 && k_pos > q_pos) || (window > 0 && k_pos <= q_pos - window)) return std::nullopt;
    double s = 0;
    for (int64_t d = 0; d < kDim; ++d) {
      s += static_cast<double>(qf[static_cast<size_t>((row * kHeads + head) * kDim + d)]) *
           static_cast<double>(kf[static_cast<size_t>(key_row * kDim + d)]);
    }
    s *= attr("scale", 1);
    if (const double cap = attr("softcap", 0); cap > 0) s = cap * std::tanh(s / cap);
    if (!alibi.dims.empty()) s += static_cast<double>(at(alibi, head)) * static_cast<double>(k_pos - q_pos);
    if (!mask.dims.empty() && k_pos < mask.dims[1]) s += static_cast<double>(at(mask, row * mask.dims[1] + k_pos));
    return s;
  }

  std::vector<float> expected_row(size_t s, int64_t row, int64_t head) const {
    const int64_t q_pos = lengths[s] - (start[s + 1] - start[s]) + row - start[s];
    std::vector<double> sum(static_cast<size_t>(v_dim), 0.0);
    double total = sinks.dims.empty() ? 0 : std::exp(static_cast<double>(at(sinks, head)));
    for (int64_t j = 0; j < lengths[s]; ++j) {
      const int64_t page = table[s * kMaxPages + static_cast<size_t>(j / kPage)];
      const int64_t key_row = (page * kKvHeads + head / (kHeads / kKvHeads)) * kPage + j % kPage;
      const auto e = score(row, head, key_row, q_pos, j);
      if (!e) continue;
      total += std::exp(*e);
      for (size_t d = 0; d < sum.size(); ++d)
        sum[d] += std::exp(*e) * static_cast<double>(vf[static_cast<size_t>(key_row * kDim) + d]);
    }
    std::vector<float> out;
    for (const double x : sum) out.push_back(total == 0 ? 0.0f : static_cast<float>(x / total));
    return out;
  }

  void check() {
    const std::vector<float> y = run_floats("attention", operands(), attrs);
    std::vector<float> expected(static_cast<size_t>(kRows * kHeads * v_dim), 0.0f);
    for (size_t s = 0; s < 3; ++s) {
      for (int64_t row = start[s]; row < start[s + 1]; ++row) {
        for (int64_t head = 0; head < kHeads; ++head) {
          const auto one = expected_row(s, row, head);
          std::copy(one.begin(), one.end(), expected.begin() + (row * kHeads + head) * v_dim);
        }
      }
    }
    EXPECT_THAT(y, Pointwise(FloatNear(2e-5f), expected));
  }
};

TEST_F(Attention, ReadsKeysThroughThePageTable) { check(); }

TEST_F(Attention, LooksBackOnlyAWindow) {
  attrs.push_back({"window", int64_t{3}});
  check();
}

TEST_F(Attention, LooksAheadWithoutCausality) {
  attrs.push_back({"causal", int64_t{0}});
  check();
}

TEST_F(Attention, CapsScoresSoftly) {
  attrs.push_back({"softcap", 0.5});
  check();
}

TEST_F(Attention, SinksJoinTheDenominator) {
  sinks = f32({kHeads}, {0.5f, -1, 3, 0});
  check();
}

TEST_F(Attention, AlibiGrowsWithDistance) {
  alibi = f32({kHeads}, {0.5f, 0.25f, 0.125f, 0});
  check();
}

TEST_F(Attention, AddsAMaskByKeyPosition) {
  mask = noise({kRows, 7}, 9);
  check();
}

TEST_F(Attention, AMaskMayHideAKey) {
  std::vector<float> values(static_cast<size_t>(kRows * 10), 0.0f);
  for (size_t i = 0; i < values.size(); i += 3) values[i] = -INFINITY;
  mask = f32({kRows, 10}, values);
  check();
}

TEST_F(Attention, AllAtOnce) {
  attrs.insert(attrs.end(), {{"window", int64_t{4}}, {"softcap", 2.0}});
  mask = noise({kRows, 12}, 9);
  sinks = f32({kHeads}, {0.5f, -1, 3, 0});
  alibi = f32({kHeads}, {0.5f, 0.25f, 0.125f, 0});
  check();
}

TEST_F(Attention, ReadsI8CachesWithScales) {
  k = floats(DType::kI8, k.dims, std::vector<float>(kf.size()));
  v = k;
  for (size_t i = 0; i < kf.size(); ++i) {
    k.bytes[i] = static_cast<std::byte>(static_cast<int8_t>(i * 37 % 255));
    v.bytes[i] = static_cast<std::byte>(static_cast<int8_t>(i * 91 % 255));
  }
  k_scales = noise({kPages, kKvHeads, kPage}, 7);
  v_scales = noise({kPages, kKvHeads, kPage}, 8);
  const std::vector<float> ks = values_of(k_scales), vs = values_of(v_scales);
  const std::vector<float> kq = values_of(k), vq = values_of(v);
  for (size_t i = 0; i < kf.size(); ++i) {
    kf[i] = kq[i] * ks[i / kDim];
    vf[i] = vq[i] * vs[i / kDim];
  }
  attrs = {{"scale", 0.005}};
  const auto y = run_floats("attention", operands(), attrs);
  for (const float value : y) EXPECT_TRUE(std::isfinite(value));
  // Values reach 127, so the bound is relative to that.
  std::vector<float> expected = expected_row(0, 2, 1);
  for (size_t d = 0; d < expected.size(); ++d) EXPECT_NEAR(y[(2 * kHeads + 1) * kDim + d], expected[d], 1e-3);
  k_scales = absent();
  EXPECT_THAT(error_of("attention", operands(), attrs), HasSubstr("has no scales"));
}

TEST_F(Attention, LatentValuesAreTheFirstColumnsOfKeys) {
  v = k;
  vf = kf;
  v_dim = 4;
  attrs.push_back({"v_dim", v_dim});
  check();
}

TEST_F(Attention, RowsOfNobodyAndEmptyBatchesAreZero) {
  const std::vector<float> y = run_floats("attention", operands(), attrs);
  EXPECT_THAT(std::vector<float>(y.end() - kHeads * kDim, y.end()), Each(0.0f));
  q = noise({0, kHeads, kDim}, 1);
  EXPECT_THAT(run_floats("attention", {q, k, v, i32({0, 3}, {}), i32({1}, {0}), i32({0}, {})}, attrs),
              testing::IsEmpty());
}

TEST_F(Attention, APageThatDoesNotExistIsNotRead) {
  auto in = operands();
  in[3] = i32({3, kMaxPages}, {-1, 99, -5, -1, -1, -1, -1, -1, -1});
  EXPECT_THAT(run_floats("attention", in, attrs), Each(0.0f));
}

TEST_F(Attention, LyingLengthsAreErrors) {
  auto longer = operands(), negative = operands(), beyond = operands(), falling = operands();
  longer[5] = i32({3}, {13, 4, 2});
  negative[5] = i32({3}, {10, -4, 2});
  beyond[4] = i32({4}, {0, 3, 4, 8});
  falling[4] = i32({4}, {0, 4, 3, 6});
  EXPECT_THAT(error_of("attention", longer, attrs), HasSubstr("sequence 0 has 13 keys in 3 pages of 4"));
  EXPECT_THAT(error_of("attention", negative, attrs), HasSubstr("sequence 1 has -4 keys"));
  EXPECT_THAT(error_of("attention", beyond, attrs), HasSubstr("offset 3 is 8"));
  EXPECT_THAT(error_of("attention", falling, attrs), HasSubstr("offset 2 is 3"));
}

TEST_F(Attention, HeadsMustDivide) {
  q = noise({kRows, 3, kDim}, 1);
  EXPECT_THAT(error_of("attention", operands(), attrs), HasSubstr("H must be a multiple of Hk"));
}

// The paged cache laid out flat gives what attention gives.
TEST_F(Attention, RaggedIsTheSameOverFlatKeys) {
  sinks = f32({kHeads}, {0.5f, -1, 3, 0});
  const Tensor k_start = i32({4}, {0, 10, 14, 16}), pages = i32({3, kMaxPages}, table);
  const Tensor flat_k = run_op("kv_gather", {k, pages, k_start}, {{"n_rows", int64_t{16}}})[0];
  const Tensor flat_v = run_op("kv_gather", {v, pages, k_start}, {{"n_rows", int64_t{16}}})[0];
  attrs.insert(attrs.end(), {{"window", int64_t{4}}, {"softcap", 2.0}});
  EXPECT_THAT(run_floats("attention_ragged", {q, flat_k, flat_v, i32({4}, start), k_start, absent(), sinks}, attrs),
              Pointwise(FloatNear(1e-6f), run_floats("attention", operands(), attrs)));
}

TEST(AttentionRagged, LyingOffsetsAreErrors) {
  const Tensor q = noise({2, 1, 2}, 1), k = noise({3, 1, 2}, 2);
  EXPECT_THAT(error_of("attention_ragged", {q, k, k, i32({2}, {0, 2}), i32({2}, {0, 4})}, {{"scale", 1.0}}),
              HasSubstr("offset 1 is 4, outside [0, 3]"));
  EXPECT_THAT(error_of("attention_ragged", {q, k, k, i32({2}, {-1, 2}), i32({2}, {0, 3})}, {{"scale", 1.0}}),
              HasSubstr("offset 0 is -1"));
}

TEST(SegmentMean, OfEmptySegmentsIsZero) {
  EXPECT_THAT(run_floats("segment_mean", {f32({4, 1}, {1, 3, 5, 9}), i32({4}, {0, 2, 2, 3})}), ElementsAre(2, 0, 5));
}

}  // namespace
}  // namespace bp::test
