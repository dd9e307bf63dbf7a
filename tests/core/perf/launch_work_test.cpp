#include "perf/launch_work.h"

#include <gtest/gtest.h>

#include "graph/builder.h"

namespace bp {
namespace {

constexpr int64_t kHidden = 64, kExperts = 8, kPage = 16, kPages = 8;

// A graph of a few nodes as one launch: all of them, or the last alone.
class LaunchWorkTest : public testing::Test {
 protected:
  LaunchWorkTest() : g_("test") {
    tokens_ = Extent::dynamic(g_.symbol("n_tokens", 0, 8));
    x_ = g_.input("x", DType::kF32, {tokens_, Extent::fixed(kHidden)}, Role::kActivation);
  }

  ValueId weight(const std::string& name, DType dtype, const std::vector<int64_t>& dims) {
    return g_.weight({name, dtype, dims, {}});
  }
  ValueId param(const std::string& name, const std::vector<Extent>& dims) {
    return g_.input(name, DType::kI32, dims, Role::kParam);
  }
  ValueId cache(const std::string& name, int64_t n_heads) {
    return g_.input(name, DType::kF16,
                    {Extent::fixed(kPages), Extent::fixed(n_heads), Extent::fixed(kPage), Extent::fixed(32)},
                    Role::kKv);
  }

  // Work of the graph's last `n_nodes` nodes in one launch. Weights take `weight_bytes` each where they lie.
  LaunchWork work(ValueId output, int64_t n_tokens, size_t n_nodes = 1, uint64_t weight_bytes = 0,
                  const IntOperands& contents = {}) {
    g_.output(output, "out");
    auto graph = g_.finish();
    EXPECT_TRUE(graph.has_value()) << graph.error().message();
    if (!graph.has_value()) return {};
    StepWork step;
    std::vector<bool> made(graph->values.size(), false);
    for (size_t i = graph->nodes.size() - n_nodes; i < graph->nodes.size(); ++i) {
      step.nodes.push_back(static_cast<NodeId>(i));
      for (const ValueId id : graph->nodes[i].out) made[static_cast<size_t>(id)] = true;
      for (const ValueId id : graph->nodes[i].in) {
        if (id == kNone || made[static_cast<size_t>(id)]) continue;
        step.operands.push_back({id, {nullptr, 0, graph->value(id).role == Role::kWeight ? weight_bytes : 0}});
      }
    }
    for (const ValueId id : graph->nodes.back().out) step.operands.push_back({id, {}});
    for (const ValueId id : deciding_operands(*graph, step)) decide_.push_back(id);
    std::vector<int64_t> sizes(graph->symbols.size(), n_tokens);
    return work_of(*graph, step, sizes, contents);
  }

  GraphBuilder g_;
  Extent tokens_;
  ValueId x_ = kNone;
  std::vector<ValueId> decide_;  // of the last work()
};

TEST_F(LaunchWorkTest, AProductReadsItsPackedWeightAndMultipliesEveryRow) {
  const LaunchWork got = work(g_.matmul(x_, weight("w", DType::kQ8_0, {32, kHidden})), 3, 1, 2500);
  EXPECT_DOUBLE_EQ(got.flops, 2.0 * 3 * 32 * kHidden);
  EXPECT_DOUBLE_EQ(got.read_bytes, 3 * kHidden * 4.0 + 2500);
  EXPECT_DOUBLE_EQ(got.write_bytes, 3 * 32 * 4.0);
  EXPECT_EQ(got.dtype, DType::kQ8_0);
  EXPECT_TRUE(decide_.empty());
}

TEST_F(LaunchWorkTest, WhatAFusedKernelKeepsToItselfIsNotMoved) {
  const ValueId y = g_.silu(g_.matmul(x_, weight("w", DType::kF16, {32, kHidden})));
  const LaunchWork got = work(y, 2, 2, 32 * kHidden * 2);
  EXPECT_DOUBLE_EQ(got.flops, 2.0 * 2 * 32 * kHidden + 2 * 32);
  EXPECT_DOUBLE_EQ(got.bytes(), 2 * kHidden * 4.0 + 32 * kHidden * 2 + 2 * 32 * 4);
}

TEST_F(LaunchWorkTest, OnlyExpertsThatWereMetAreRead) {
  const ValueId idx = param("idx", {tokens_, Extent::fixed(2)});
  const ValueId w = weight("w", DType::kF16, {kExperts, 32, kHidden});
  const ValueId y = g_.op("matmul_indexed", {x_, w, idx});
  const double rest = 3 * kHidden * 4.0 + 3 * 2 * 4;  // x and idx
  const LaunchWork got = work(y, 3, 1, 8000, {{idx, {1, 5, 5, 1, 7, -1}}});
  EXPECT_EQ(decide_, std::vector<ValueId>{idx});
  EXPECT_DOUBLE_EQ(got.read_bytes, rest + 3000) << "three of eight";
  EXPECT_DOUBLE_EQ(got.flops, 2.0 * 3 * 2 * 32 * kHidden);
}

TEST_F(LaunchWorkTest, ExpertsOfAnUnknownChoiceAreThoseThatIndependentOnesMeet) {
  const ValueId idx = param("idx", {tokens_, Extent::fixed(2)});
  const ValueId y = g_.op("matmul_indexed", {x_, weight("w", DType::kF16, {kExperts, 32, kHidden}), idx});
  EXPECT_DOUBLE_EQ(work(y, 2, 1, 8000).read_bytes, 2 * kHidden * 4.0 + 2 * 2 * 4 + 8000 * (1 - 0.75 * 0.75));
}

TEST_F(LaunchWorkTest, SortedExpertsAreReadWhereTheyHaveRows) {
  const ValueId offsets = param("offsets", {Extent::fixed(kExperts + 1)});
  const ValueId y = g_.op("matmul_grouped", {x_, weight("w", DType::kF16, {kExperts, 32, kHidden}), offsets});
  const LaunchWork got = work(y, 4, 1, 8000, {{offsets, {0, 0, 3, 3, 3, 4, 4, 4, 4}}});
  EXPECT_DOUBLE_EQ(got.read_bytes, 4 * kHidden * 4.0 + (kExperts + 1) * 4 + 2000);
  EXPECT_DOUBLE_EQ(got.flops, 2.0 * 4 * 32 * kHidden);
}

TEST_F(LaunchWorkTest, ExpertsAreCountedThroughTheirDequantisation) {
  const ValueId idx = param("idx", {tokens_, Extent::fixed(1)});
  const ValueId w = weight("w", DType::kFp8E4M3, {kExperts * 32, kHidden});
  const ValueId scales = weight("s", DType::kF32, {kExperts, 1});
  const ValueId flat = g_.op("dequant", {w, scales}, {{"block_n", int64_t{32}}, {"block_k", int64_t{kHidden}}});
  const ValueId shaped = g_.reshape(flat, {Extent::fixed(kExperts), Extent::fixed(32), Extent::fixed(kHidden)});
  const LaunchWork got = work(g_.op("matmul_indexed", {x_, shaped, idx}), 2, 3, 800, {{idx, {4, 4}}});
  EXPECT_DOUBLE_EQ(got.read_bytes, 2 * kHidden * 4.0 + 2 * 4 + 2 * 100) << "an eighth of both";
  EXPECT_EQ(got.dtype, DType::kFp8E4M3);
}

TEST_F(LaunchWorkTest, AttentionReadsTheKeysInSight) {
  for (const int64_t window : {0, 20}) {
    g_ = GraphBuilder("attention");
    tokens_ = Extent::dynamic(g_.symbol("n_tokens", 0, 8));
    const ValueId q = g_.input("q", DType::kF32, {tokens_, Extent::fixed(4), Extent::fixed(32)}, Role::kActivation);
    const ValueId k = cache("k", 2), v = cache("v", 2), table = param("table", {Extent::fixed(2), Extent::fixed(4)});
    const ValueId start = param("start", {Extent::fixed(3)}), length = param("length", {Extent::fixed(2)});
    const ValueId y = g_.op("attention", {q, k, v, table, start, length}, {{"scale", 1.0}, {"window", window}});
    decide_.clear();
    // Two rows at the end of 50 keys, one at the end of 10.
    const LaunchWork got = work(y, 3, 1, 0, {{start, {0, 2, 3}}, {length, {50, 10}}});
    EXPECT_EQ(decide_, (std::vector<ValueId>{start, length}));
    const double n_pairs = window == 0 ? 49 + 50 + 10 : 20 + 20 + 10;
    const double n_keys = window == 0 ? 50 + 10 : 21 + 10;
    EXPECT_DOUBLE_EQ(got.flops, 2 * 4 * (32 + 32) * n_pairs) << window;
    const double others = 3 * 4 * 32 * 4.0 + (4 + 1) * 4 + 3 * 4 + 2 * 4;  // q, pages, starts, lengths
    EXPECT_DOUBLE_EQ(got.read_bytes, others + n_keys * 2 * (2 * 32 * 2)) << window;
  }
}

TEST_F(LaunchWorkTest, LatentVectorsAreReadOnce) {
  const ValueId q = g_.input("q", DType::kF32, {tokens_, Extent::fixed(4), Extent::fixed(32)}, Role::kActivation);
  const ValueId k = cache("k", 1), table = param("table", {Extent::fixed(1), Extent::fixed(4)});
  const ValueId start = param("start", {Extent::fixed(2)}), length = param("length", {Extent::fixed(1)});
  const ValueId y = g_.op("attention", {q, k, k, table, start, length}, {{"scale", 1.0}, {"v_dim", int64_t{24}}});
  const LaunchWork got = work(y, 1, 1, 0, {{start, {0, 1}}, {length, {10}}});
  EXPECT_DOUBLE_EQ(got.flops, 2 * 4 * (32 + 24) * 10.0);
  EXPECT_DOUBLE_EQ(got.read_bytes, 4 * 32 * 4.0 + 4 + 2 * 4 + 4 + 10 * 32 * 2);
}

TEST_F(LaunchWorkTest, AWriteToTheCacheTouchesTheNewTokensAlone) {
  const ValueId row = g_.input("row", DType::kF32, {tokens_, Extent::fixed(2), Extent::fixed(32)}, Role::kActivation);
  const ValueId slots = param("slots", {tokens_});
  const LaunchWork got = work(g_.op("kv_write", {cache("k", 2), row, slots}), 3);
  EXPECT_DOUBLE_EQ(got.write_bytes, 3 * 2 * 32 * 2.0);
  EXPECT_DOUBLE_EQ(got.read_bytes, 3 * 2 * 32 * 4.0 + 3 * 4);
  EXPECT_DOUBLE_EQ(got.flops, 0);
}

TEST_F(LaunchWorkTest, AGatherReadsTheRowsItTakes) {
  const ValueId ids = param("ids", {tokens_});
  const LaunchWork got = work(g_.gather_rows(weight("table", DType::kQ8_0, {1000, kHidden}), ids), 3, 1, 1 << 20);
  EXPECT_DOUBLE_EQ(got.read_bytes, 3 * 68.0 + 3 * 4) << "two blocks of 34 bytes a row";
}

TEST(LaunchWorkBound, IsTheSlowerOfReadingAndMultiplying) {
  DeviceLimits limits;
  limits.read_bytes_per_s = 1e9;
  limits.matrix_ops_per_s = {{DType::kF32, 1e9}, {DType::kI8, 4e9}};
  LaunchWork work;
  work.read_bytes = 2000;
  work.write_bytes = 1000;
  work.flops = 8000;
  EXPECT_DOUBLE_EQ(work.bound_us(limits), 8);
  work.dtype = DType::kQ8_0;
  EXPECT_DOUBLE_EQ(work.bound_us(limits), 3) << "2 us of products of int8, 3 us of bytes";
  EXPECT_DOUBLE_EQ(work.bound_us({}), 0);
}

}  // namespace
}  // namespace bp
