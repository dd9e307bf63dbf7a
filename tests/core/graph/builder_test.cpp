#include "graph/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "graph/opset.h"

namespace bp {
namespace {

using testing::HasSubstr;

HostTensor tensor(std::string name, std::vector<int64_t> dims, DType dtype = DType::kF32) {
  return {std::move(name), dtype, std::move(dims), {}};
}

std::string message(Result<Graph> graph) { return graph ? "no error" : graph.error().message(); }

struct Fixture : testing::Test {
  GraphBuilder b{"g"};
  SymbolId n = b.symbol("n_tokens", 0, 512);
  Extent t = Extent::dynamic(n);

  ValueId input(std::string name, std::vector<Extent> dims, DType dtype = DType::kF32) {
    return b.input(std::move(name), dtype, std::move(dims), Role::kParam);
  }
  static Extent size(int64_t value) { return Extent::fixed(value); }
  const std::vector<Extent>& dims(ValueId id) { return b.graph().value(id).dims; }
};
using Builder = Fixture;

TEST_F(Builder, InfersAMatmulOverADynamicRow) {
  const ValueId x = input("x", {t, size(64)});
  const ValueId y = b.matmul(x, b.weight(tensor("w", {128, 64}, DType::kQ8_0)));
  EXPECT_EQ(dims(y), (std::vector<Extent>{t, size(128)}));
  EXPECT_EQ(b.graph().value(y).dtype, DType::kF32);
  b.output(y, "y");
  EXPECT_TRUE(b.finish().has_value());
}

TEST_F(Builder, NamesBothOperandsThatDisagree) {
  b.push_scope("blk.0");
  b.push_scope("attn");
  b.matmul(input("x", {t, size(64)}), b.weight(tensor("w", {128, 32})));
  EXPECT_EQ(message(b.finish()),
            "graph g: blk.0.attn matmul: x [n_tokens, 64] and w [128, 32] disagree in K (64, 32); "
            "x must be [.., K] and w [N, K]");
}

TEST_F(Builder, TheFirstErrorSticks) {
  const ValueId x = input("x", {t, size(64)});
  b.op("no_such_op", {x});
  b.rms_norm(kNone, kNone, 1e-5);
  EXPECT_THAT(message(b.finish()), HasSubstr("no_such_op: no such op"));
}

TEST_F(Builder, SplitsHeadsAndInfersTheRest) {
  const ValueId x = input("x", {t, size(96)});
  EXPECT_EQ(dims(b.reshape(x, {t, size(3), size(32)})), (std::vector<Extent>{t, size(3), size(32)}));
  EXPECT_EQ(dims(b.reshape(x, {t, size(-1), size(32)})), (std::vector<Extent>{t, size(3), size(32)}));
  EXPECT_EQ(dims(b.reshape(x, {size(-1), size(96)})), (std::vector<Extent>{t, size(96)}));
  const SymbolId thrice = b.derived_symbol("n3", n, 3, 0);
  EXPECT_EQ(dims(b.reshape(x, {size(-1), size(32)})), (std::vector<Extent>{Extent::dynamic(thrice), size(32)}));
  EXPECT_FALSE(b.failed());
  b.reshape(x, {t, size(95)});
  EXPECT_THAT(message(b.finish()), HasSubstr("x [n_tokens, 96] cannot become [n_tokens, 95]"));
}

TEST_F(Builder, DerivedSizesAreSeenThrough) {
  const SymbolId s = b.symbol("n_seqs", 0, 8);
  const SymbolId s1 = b.derived_symbol("n_seqs_1", s, 1, 1);
  const ValueId y =
      b.op("segment_mean", {input("x", {t, size(4)}), input("start", {Extent::dynamic(s1)}, DType::kI32)});
  EXPECT_EQ(dims(y), (std::vector<Extent>{Extent::dynamic(s), size(4)}));
}

TEST_F(Builder, ExpertSlotsNeedADeclaredSymbol) {
  const ValueId idx = input("idx", {t, size(2)}, DType::kI32);
  GraphBuilder copy = b;
  copy.op("expert_sort", {idx}, {{"n_experts", int64_t{8}}});
  EXPECT_THAT(message(copy.finish()), HasSubstr("needs a size T*k = 2*n_tokens+0; declare a derived symbol"));
  const SymbolId slots = b.derived_symbol("n_slots", n, 2, 0);
  const ValueId order = b.op("expert_sort", {idx}, {{"n_experts", int64_t{8}}});
  EXPECT_EQ(dims(order), (std::vector<Extent>{Extent::dynamic(slots)}));
  EXPECT_EQ(dims(b.results()[1]), (std::vector<Extent>{size(9)}));
}

TEST_F(Builder, BroadcastsTrailingDims) {
  const ValueId x = input("x", {t, size(1), size(4)});
  const ValueId y = input("y", {size(3), size(1)});
  EXPECT_EQ(dims(b.add(x, y)), (std::vector<Extent>{t, size(3), size(4)}));
  b.add(x, input("z", {size(5)}));
  EXPECT_THAT(message(b.finish()), HasSubstr("do not broadcast"));
}

TEST_F(Builder, AttributesAreCompletedAndChecked) {
  const ValueId x = input("x", {t, size(4)});
  const ValueId y = b.op("scale", {x}, {{"mul", int64_t{2}}});
  const Node& node = b.graph().node(b.graph().value(y).producer);
  EXPECT_EQ(node.attr_float("mul"), 2.0);
  EXPECT_EQ(node.attr_float("add"), 0.0);
  GraphBuilder missing = b, unknown = b, kind = b;
  missing.op("rms_norm", {x});
  unknown.op("silu", {x}, {{"beta", 1.0}});
  kind.op("gelu", {x}, {{"tanh", 1.0}});
  EXPECT_THAT(message(missing.finish()), HasSubstr("attribute eps is missing"));
  EXPECT_THAT(message(unknown.finish()), HasSubstr("attribute beta is unknown"));
  EXPECT_THAT(message(kind.finish()), HasSubstr("attribute tanh has the wrong kind"));
}

TEST_F(Builder, SizesThatOverflowAreErrors) {
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  GraphBuilder a = b, c = b, d = b, e = b;
  a.input("x", DType::kF32, {size(kHuge), size(2)}, Role::kParam);
  EXPECT_THAT(message(a.finish()), HasSubstr("is no shape"));
  c.weight(tensor("w", {kHuge, kHuge}));
  EXPECT_THAT(message(c.finish()), HasSubstr("elements"));
  d.derived_symbol("m", n, kHuge, 1);
  EXPECT_THAT(message(d.finish()), HasSubstr("is no size"));
  const ValueId x = e.input("x", DType::kF32, {size(1 << 30), size(1)}, Role::kParam);
  const ValueId y = e.input("y", DType::kF32, {size(1), size(1 << 30)}, Role::kParam);
  e.add(x, y);
  EXPECT_THAT(message(e.finish()), HasSubstr("too many elements"));
}

TEST_F(Builder, TensorsMustFillTheirBlocksAndBytes) {
  GraphBuilder a = b, c = b;
  a.weight(tensor("w", {2, 33}, DType::kQ8_0));
  EXPECT_THAT(message(a.finish()), HasSubstr("rows of 33 elements do not fill q8_0 blocks"));
  const std::vector<std::byte> bytes(7);
  c.weight({"w", DType::kF32, {2}, bytes});
  EXPECT_THAT(message(c.finish()), HasSubstr("7 bytes where its dims need 8"));
}

TEST_F(Builder, OneTensorIsOneValue) {
  const ValueId w = b.weight(tensor("w", {2, 4}));
  EXPECT_EQ(w, b.weight(tensor("w", {2, 4})));
  EXPECT_EQ(b.graph().host_tensors.size(), 1U);
  b.weight(tensor("w", {4, 2}));
  EXPECT_THAT(message(b.finish()), HasSubstr("two tensors of this name differ"));
}

TEST_F(Builder, AKvWriteUpdatesItsCache) {
  const ValueId cache = b.input("k.0", DType::kF16, {size(4), size(2), size(16), size(8)}, Role::kKv);
  const ValueId next = b.op("kv_write", {cache, input("new", {t, size(2), size(8)}), input("slots", {t}, DType::kI32)});
  EXPECT_EQ(b.graph().value(next).updates, cache);
  EXPECT_EQ(b.graph().value(next).role, Role::kKv);
  EXPECT_EQ(b.results().size(), 1U);
}

TEST_F(Builder, I8CachesNeedScales) {
  const ValueId cache = b.input("k.0", DType::kI8, {size(4), size(2), size(16), size(8)}, Role::kKv);
  const ValueId row = input("new", {t, size(2), size(8)});
  const ValueId slots = input("slots", {t}, DType::kI32);
  GraphBuilder without = b;
  without.op("kv_write", {cache, row, slots});
  EXPECT_THAT(message(without.finish()), HasSubstr("has no scales"));
  const ValueId scales = b.input("ks.0", DType::kF32, {size(4), size(2), size(16)}, Role::kKv);
  b.op("kv_write", {cache, row, slots, scales});
  ASSERT_EQ(b.results().size(), 2U);
  EXPECT_EQ(b.graph().value(b.results()[1]).updates, scales);
}

TEST_F(Builder, AStaleCacheIsNotRead) {
  const ValueId cache = b.input("k.0", DType::kF32, {size(4), size(2)}, Role::kKv);
  const ValueId view = b.reshape(cache, {size(8)});
  const ValueId rows = input("rows", {t}, DType::kI32);
  const ValueId next = b.op("scatter_rows", {cache, rows, input("src", {t, size(2)})});
  GraphBuilder again = b, through_view = b, fine = b;
  again.gather_rows(cache, rows);
  EXPECT_THAT(message(again.finish()), HasSubstr("operand table = %k.0 was replaced by"));
  through_view.op("neg", {view});
  EXPECT_THAT(message(through_view.finish()), HasSubstr("was replaced by"));
  fine.gather_rows(next, rows);
  EXPECT_TRUE(fine.finish().has_value());
}

TEST_F(Builder, OnlyKnownNamesOnce) {
  const ValueId x = input("x", {t});
  GraphBuilder twice = b, taken = b;
  twice.input("x", DType::kF32, {t}, Role::kParam);
  EXPECT_THAT(message(twice.finish()), HasSubstr("the name is taken"));
  taken.output(taken.op("neg", {x}), "x");
  EXPECT_THAT(message(taken.finish()), HasSubstr("the name is taken"));
}

}  // namespace
}  // namespace bp
