#include "graph/printer.h"

#include <gtest/gtest.h>

#include "graph/builder.h"

namespace bp {
namespace {

TEST(Printer, WritesAGraphAsText) {
  GraphBuilder b("tiny");
  const SymbolId n = b.symbol("n_tokens", 0, 512);
  const SymbolId n1 = b.derived_symbol("n_1", n, 2, 1);
  const Extent t = Extent::dynamic(n);
  const ValueId x = b.input("x", DType::kF32, {t, Extent::fixed(64)}, Role::kParam);
  const ValueId cache = b.input("k.0", DType::kF16,
                                {Extent::fixed(4), Extent::fixed(2), Extent::fixed(16), Extent::fixed(32)}, Role::kKv);
  const ValueId slots = b.input("slots", DType::kI32, {t}, Role::kParam);
  b.input("starts", DType::kI32, {Extent::dynamic(n1)}, Role::kParam);
  b.push_scope("blk.0");
  b.push_scope("attn");
  const ValueId norm = b.rms_norm(x, b.weight({"attn_norm", DType::kF32, {64}, {}}), 1e-5);
  b.pop_scope();
  const ValueId heads = b.reshape(norm, {t, Extent::fixed(2), Extent::fixed(-1)});
  b.op("kv_write", {cache, heads, slots});
  b.pop_scope();
  b.output(b.op("cast", {norm}, {{"dtype", int64_t{3}}}), "y\n");
  auto graph = b.finish();
  ASSERT_TRUE(graph.has_value()) << graph.error().message();
  EXPECT_EQ(print(*graph), R"(graph tiny
symbol n_tokens in 0..512
symbol n_1 in 1..1025 = 2 * n_tokens + 1
input %x : f32[n_tokens, 64] param
input %k.0 : f16[4, 2, 16, 32] kv
input %slots : i32[n_tokens] param
input %starts : i32[n_1] param
weight %attn_norm : f32[64]
%5 : f32[n_tokens, 64] = rms_norm(%x, %attn_norm) {eps=1e-05}  # blk.0.attn
%6 : f32[n_tokens, 2, 32] = reshape(%5) {dims=[n_tokens, 2, -1]}  # blk.0
%7 : f16[4, 2, 16, 32] updates %k.0 = kv_write(%k.0, %6, %slots)  # blk.0
%y? : bf16[n_tokens, 64] = cast(%5) {dtype=bf16}
output %y?
)");
}

TEST(Printer, AbsentOperandsAreUnderscores) {
  GraphBuilder b("g");
  const ValueId x = b.input("x", DType::kF32, {Extent::fixed(4)}, Role::kParam);
  b.layer_norm(x, kNone, x, 0);
  EXPECT_EQ(node_text(b.graph(), 0), "%1 : f32[4] = layer_norm(%x, _, %x) {eps=0}");
}

}  // namespace
}  // namespace bp
