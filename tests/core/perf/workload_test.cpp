#include "perf/workload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "graph/builder.h"
#include "graph/opset.h"
#include "graph/passes/passes.h"

namespace bp {
namespace {

constexpr int64_t kHidden = 64, kExperts = 8, kUsed = 2, kPage = 16, kPages = 4;

// A graph whose parts are added one by one; its weights have bytes.
class Parts {
 public:
  Parts() : g_("test") {
    const SymbolId n_tokens = g_.symbol("n_tokens", 0, 8);
    tokens_ = Extent::dynamic(n_tokens);
    x_ = g_.input("x", DType::kF32, {tokens_, Extent::fixed(kHidden)}, Role::kActivation);
  }

  ValueId weight(const std::string& name, DType dtype, std::vector<int64_t> dims) {
    uint64_t bytes = *row_bytes(dtype, static_cast<uint64_t>(dims.back()));
    for (size_t i = 0; i + 1 < dims.size(); ++i) bytes *= static_cast<uint64_t>(dims[i]);
    storage_.push_back(std::vector<std::byte>(bytes));
    return g_.weight({name, dtype, std::move(dims), storage_.back()});
  }

  ValueId param(const std::string& name, std::vector<Extent> dims) {
    return g_.input(name, DType::kI32, std::move(dims), Role::kParam);
  }

  ValueId experts(ValueId w) {
    const ValueId idx = param("idx", {tokens_, Extent::fixed(kUsed)});
    return g_.op("matmul_indexed", {x_, w, idx});
  }

  // Attention of `n_heads` over `n_kv_heads` whose keys have 32 columns; latent: over one vector of 32, 24 of them
  // value.
  void attend(const std::string& layer, int64_t n_heads, int64_t n_kv_heads, bool latent, int64_t window) {
    const ValueId q =
        g_.input("q" + layer, DType::kF32, {tokens_, Extent::fixed(n_heads), Extent::fixed(32)}, Role::kActivation);
    const auto cache = [&](const std::string& name) {
      return g_.input(name + layer, DType::kF16,
                      {Extent::fixed(kPages), Extent::fixed(n_kv_heads), Extent::fixed(kPage), Extent::fixed(32)},
                      Role::kKv);
    };
    const ValueId k = cache("k"), v = latent ? k : cache("v");
    const ValueId table = param("table" + layer, {Extent::fixed(1), Extent::fixed(kPages)});
    const ValueId start = param("start" + layer, {Extent::fixed(2)}), length = param("len" + layer, {Extent::fixed(1)});
    const ValueId y = g_.op("attention", {q, k, v, table, start, length},
                            {{"scale", 1.0}, {"window", window}, {"v_dim", int64_t{latent ? 24 : 0}}});
    g_.output(y, "y" + layer);
  }

  Workload work(ValueId output) {
    if (output != kNone) g_.output(output, "out");
    auto graph = g_.finish();
    EXPECT_TRUE(graph) << graph.error().message();
    return graph ? workload_of(*graph) : Workload{};
  }

  GraphBuilder g_;
  Extent tokens_;
  ValueId x_ = kNone;

 private:
  std::vector<std::vector<std::byte>> storage_;
};

TEST(Workload, CountsMatricesAndTheHeadApart) {
  Parts p;
  const ValueId y = p.g_.matmul(p.x_, p.weight("w", DType::kF16, {kHidden, kHidden}));
  p.g_.push_scope("head");
  const ValueId logits = p.g_.matmul(y, p.weight("head", DType::kF32, {100, kHidden}));
  const Workload work = p.work(logits);
  EXPECT_EQ(work.weight_bytes, 2u * kHidden * kHidden + 4u * 100 * kHidden);
  EXPECT_EQ(work.body_weights, static_cast<uint64_t>(kHidden * kHidden));
  EXPECT_EQ(work.head_weights, 100u * kHidden);
  EXPECT_EQ(work.dtype, DType::kF16);
}

TEST(Workload, CountsOnlyTheExpertsThatATokenMeets) {
  Parts p;
  const Workload work = p.work(p.experts(p.weight("w", DType::kQ8_0, {kExperts, 32, kHidden})));
  const double all = kExperts * 32 * 2 * 34.0;  // two blocks of 34 bytes a row
  EXPECT_EQ(work.weight_bytes, 0u);
  EXPECT_DOUBLE_EQ(work.decode_bytes(1, 0), all / 4);
  EXPECT_DOUBLE_EQ(work.decode_bytes(2, 0), all * (1 - 0.75 * 0.75));
  EXPECT_NEAR(work.decode_bytes(1000, 0), all, 1e-6);
  EXPECT_DOUBLE_EQ(work.weights_per_token(), kUsed * 32.0 * kHidden);
  EXPECT_EQ(work.dtype, DType::kQ8_0);
}

TEST(Workload, CountsJoinedProductsAsTheirParts) {
  Parts p;
  const ValueId q = p.g_.matmul(p.x_, p.weight("wq", DType::kQ8_0, {32, kHidden}));
  const ValueId k = p.g_.matmul(p.x_, p.weight("wk", DType::kQ8_0, {16, kHidden}));
  p.g_.output(q, "q");
  p.g_.output(k, "k");
  const auto graph = p.g_.finish();
  ASSERT_TRUE(graph) << graph.error().message();
  const Graph joined = join_products(*graph, find_joinable_products(*graph));
  ASSERT_EQ(std::ranges::count(joined.nodes, "matmul", [](const Node& node) { return node.op->name; }), 1);
  for (const Workload& work : {workload_of(*graph), workload_of(joined)}) {
    EXPECT_EQ(work.weight_bytes, 48u * 2 * 34);
    EXPECT_EQ(work.body_weights, 48u * kHidden);
  }
}

TEST(Workload, CountsScalesWithTheirWeights) {
  Parts p;
  const ValueId w = p.weight("w", DType::kU4, {32, kHidden});
  const ValueId scales = p.weight("s", DType::kF16, {32, 2}), zeros = p.weight("z", DType::kU8, {32, 2});
  const ValueId y = p.g_.op("dequant", {w, scales, zeros}, {{"block_k", int64_t{32}}});
  EXPECT_EQ(p.work(p.g_.matmul(p.x_, y)).weight_bytes, 32u * kHidden / 2 + 32 * 2 * 2 + 32 * 2);
  Parts stack;
  const ValueId all = stack.weight("w", DType::kFp8E4M3, {kExperts * 32, kHidden});
  const ValueId one = stack.weight("s", DType::kF32, {kExperts, 1});
  const ValueId flat = stack.g_.op("dequant", {all, one}, {{"block_n", int64_t{32}}, {"block_k", int64_t{kHidden}}});
  const ValueId shaped = stack.g_.reshape(flat, {Extent::fixed(kExperts), Extent::fixed(32), Extent::fixed(kHidden)});
  EXPECT_DOUBLE_EQ(stack.work(stack.experts(shaped)).decode_bytes(1, 0),
                   (kExperts * 32 * kHidden + kExperts * 4) / 4.0);
}

TEST(Workload, CountsTheMatricesOfAllHeads) {
  Parts p;
  const ValueId heads = p.g_.reshape(p.x_, {p.tokens_, Extent::fixed(4), Extent::fixed(16)});
  const Workload work = p.work(p.g_.op("matmul_batched", {heads, p.weight("w", DType::kBF16, {4, 24, 16})}));
  EXPECT_EQ(work.weight_bytes, 2u * 4 * 24 * 16);
  EXPECT_EQ(work.body_weights, 4u * 24 * 16);
}

TEST(Workload, WindowsBoundWhatIsReadOfTheCache) {
  Parts p;
  p.attend("0", 4, 2, false, 0);
  p.attend("1", 4, 2, false, 128);
  const Workload work = p.work(kNone);
  const double token = 2 * 2 * 32 * 2.0;  // k and v, two heads of 32 columns in f16
  EXPECT_DOUBLE_EQ(work.decode_bytes(1, 100), 2 * 100 * token);
  EXPECT_DOUBLE_EQ(work.decode_bytes(3, 1000), 3 * (1000 + 128) * token);
  ASSERT_EQ(work.attention.size(), 2u);
  EXPECT_EQ(work.attention[0].width, 4u * (32 + 32));
}

TEST(Workload, LatentVectorsAreReadOnce) {
  Parts p;
  p.attend("0", 4, 1, true, 0);
  const Workload work = p.work(kNone);
  EXPECT_DOUBLE_EQ(work.decode_bytes(1, 10), 10 * 32 * 2.0);
  ASSERT_EQ(work.attention.size(), 1u);
  EXPECT_EQ(work.attention[0].width, 4u * (32 + 24));
}

TEST(Workload, LimitsFollowFromBytesAndProducts) {
  Workload work;
  work.weight_bytes = 1000;
  work.body_weights = 400;
  work.head_weights = 100;
  work.dtype = DType::kF32;
  work.attention = {{.kv_bytes = 10, .width = 8, .window = 0}};
  DeviceLimits limits;
  limits.read_bytes_per_s = 1e6;
  limits.matrix_ops_per_s[DType::kF32] = 1e9;
  EXPECT_DOUBLE_EQ(work.decode_tps(limits, 1, 100), 1e6 / 2000);
  EXPECT_DOUBLE_EQ(work.decode_tps(limits, 4, 0), 4e6 / 1000);
  limits.matrix_ops_per_s[DType::kF32] = 1e5;
  EXPECT_DOUBLE_EQ(work.decode_tps(limits, 1, 0), 1e5 / (2 * 500));
  // 2 x 400 + 2 x 8 x (10 / 2) a token, 2 x 100 once
  EXPECT_DOUBLE_EQ(work.prefill_tps(limits, 10, 0), 10 / ((880.0 * 10 + 200) / 1e5));
}

}  // namespace
}  // namespace bp
