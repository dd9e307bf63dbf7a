#include "graph/passes/passes.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "graph/builder.h"
#include "graph/opset.h"
#include "graph/printer.h"

namespace bp {
namespace {

constexpr std::array<float, 4> kNumbers = {1, 2, 3, 4};

Graph finished(GraphBuilder& b) {
  auto graph = b.finish();
  EXPECT_TRUE(graph.has_value()) << graph.error().message();
  return std::move(*graph);
}

std::string checked_print(const Graph& graph) {
  const Status ok = verify(graph);
  EXPECT_TRUE(ok.has_value()) << ok.error().message();
  return print(graph);
}

ValueId input(GraphBuilder& b, const char* name, Role role = Role::kActivation) {
  return b.input(name, DType::kF32, {Extent::fixed(4)}, role);
}

ValueId weight(GraphBuilder& b, const char* name) {
  return b.weight({name, DType::kF32, {4}, std::as_bytes(std::span(kNumbers))});
}

TEST(RemoveDeadCode, LeavesOutWhatNoOutputNeeds) {
  GraphBuilder b("g");
  const ValueId x = input(b, "x");
  const ValueId dead = b.op("neg", {b.mul(x, weight(b, "w"))});
  b.op("abs", {dead});
  b.output(b.silu(x), "y");
  const Graph graph = remove_dead_code(finished(b));
  EXPECT_EQ(checked_print(graph),
            "graph g\n"
            "input %x : f32[4] activation\n"
            "%y : f32[4] = silu(%x)\n"
            "output %y\n");
}

TEST(RemoveDeadCode, KeepsWritesThatOutliveTheStep) {
  GraphBuilder b("g");
  const ValueId cache =
      b.input("k", DType::kF32, {Extent::fixed(2), Extent::fixed(1), Extent::fixed(2), Extent::fixed(4)}, Role::kKv);
  const ValueId x =
      b.input("x", DType::kF32, {Extent::fixed(3), Extent::fixed(1), Extent::fixed(4)}, Role::kActivation);
  const ValueId slots = b.input("slots", DType::kI32, {Extent::fixed(3)}, Role::kParam);
  b.op("kv_write", {cache, b.silu(x), slots});
  b.output(b.op("neg", {x}), "y");
  const Graph before = finished(b);
  EXPECT_EQ(print(remove_dead_code(before)), print(before));
}

TEST(MergeCommonSubexpressions, ComputesEachOnce) {
  GraphBuilder b("g");
  const ValueId x = input(b, "x"), y = input(b, "y");
  const ValueId first = b.add(x, y), second = b.add(y, x);  // add commutes
  const ValueId third = b.scale(first, 2), fourth = b.scale(second, 2), other = b.scale(second, 3);
  b.output(b.mul(b.mul(third, fourth), other), "z");
  const Graph graph = merge_common_subexpressions(finished(b));
  EXPECT_EQ(checked_print(graph),
            "graph g\n"
            "input %x : f32[4] activation\n"
            "input %y : f32[4] activation\n"
            "%2 : f32[4] = add(%x, %y)\n"
            "%3 : f32[4] = scale(%2) {mul=2}\n"
            "%4 : f32[4] = scale(%2) {mul=3}\n"
            "%5 : f32[4] = mul(%3, %3)\n"
            "%z : f32[4] = mul(%5, %4)\n"
            "output %z\n");
}

TEST(MergeCommonSubexpressions, LeavesOperandsOfOpsThatDoNotCommute) {
  GraphBuilder b("g");
  const ValueId x = input(b, "x"), y = input(b, "y");
  b.output(b.mul(b.op("sub", {x, y}), b.op("sub", {y, x})), "z");
  const Graph before = finished(b);
  EXPECT_EQ(print(merge_common_subexpressions(before)), print(before));
}

TEST(MergeCommonSubexpressions, NumbersAreEqualWhoseBitsAre) {
  GraphBuilder b("g");
  const ValueId x = input(b, "x");
  std::vector<ValueId> scaled;
  for (const double factor : {0.0, -0.0, static_cast<double>(NAN), 2.0}) scaled.push_back(b.scale(x, factor));
  for (size_t i = 0; i < scaled.size(); ++i) b.output(b.silu(scaled[i]), fmt::format("out{}", i));
  const ValueId again = b.scale(x, NAN);
  b.output(b.op("neg", {again}), "again");
  const Graph graph = merge_common_subexpressions(finished(b));
  EXPECT_EQ(std::ranges::count_if(graph.nodes, [](const Node& node) { return node.op->name == "scale"; }), 4);
  EXPECT_EQ(graph.node(graph.value(graph.find("again")).producer).in[0],
            graph.node(graph.value(graph.find("out2")).producer).in[0]);
}

TEST(MergeCommonSubexpressions, ScaledWeightsStayWithTheirProducts) {
  GraphBuilder b("g");
  const ValueId x = b.input("x", DType::kF32, {Extent::fixed(1), Extent::fixed(4)}, Role::kActivation);
  const ValueId w = b.weight({"w", DType::kI8, {4, 4}, {}}), scales = b.weight({"s", DType::kF32, {4, 1}, {}});
  const auto product = [&] { return b.matmul(x, b.op("dequant", {w, scales}, {{"block_k", int64_t{4}}})); };
  b.output(b.add(product(), b.silu(product())), "y");
  const Graph before = finished(b);
  const Graph graph = merge_common_subexpressions(before);
  EXPECT_EQ(print(graph), print(before));
}

TEST(MergeCommonSubexpressions, LeavesOutputsAndWrites) {
  GraphBuilder b("g");
  const ValueId x = input(b, "x");
  b.output(b.silu(x), "a");
  b.output(b.silu(x), "b");
  const ValueId target = b.input("t", DType::kF32, {Extent::fixed(4), Extent::fixed(4)}, Role::kParam);
  const ValueId rows = b.input("rows", DType::kI32, {Extent::fixed(1)}, Role::kParam);
  const ValueId src = b.reshape(x, {Extent::fixed(1), Extent::fixed(4)});
  b.op("scatter_rows", {b.op("scatter_rows", {target, rows, src}), rows, src});
  const Graph before = finished(b);
  EXPECT_EQ(print(merge_common_subexpressions(before)), print(before));
}

// Doubles, whatever the op.
Result<std::vector<std::byte>> doubled(const Graph& graph, const Node& node) {
  const Value& value = graph.value(node.in[0]);
  const HostTensor& tensor = graph.host_tensors[static_cast<size_t>(value.host_tensor)];
  std::array<float, 4> numbers;
  std::memcpy(numbers.data(), tensor.bytes.data(), sizeof(numbers));
  for (float& x : numbers) x *= 2;
  const auto bytes = std::as_bytes(std::span(numbers));
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

TEST(FoldConstants, ComputesWhatDependsOnWeightsAlone) {
  GraphBuilder b("g");
  const ValueId x = input(b, "x");
  b.output(b.add(x, b.scale(b.scale(weight(b, "w"), 2), 2)), "y");
  auto graph = fold_constants(finished(b), doubled, 1024);
  ASSERT_TRUE(graph.has_value()) << graph.error().message();
  EXPECT_EQ(checked_print(*graph),
            "graph g\n"
            "input %x : f32[4] activation\n"
            "weight %graph.folded.2 : f32[4]\n"
            "%y : f32[4] = add(%x, %graph.folded.2)\n"
            "output %y\n");
  std::array<float, 4> numbers;
  std::memcpy(numbers.data(), graph->host_tensors[0].bytes.data(), sizeof(numbers));
  EXPECT_EQ(numbers, (std::array<float, 4>{4, 8, 12, 16}));
}

TEST(FoldConstants, LeavesWhatIsTooLargeOrHasNoBytes) {
  GraphBuilder b("g");
  const ValueId x = input(b, "x");
  b.output(b.add(x, b.scale(weight(b, "w"), 2)), "y");
  const Graph before = finished(b);
  EXPECT_EQ(print(*fold_constants(before, doubled, 15)), print(before));
  GraphBuilder c("g");
  c.output(c.add(input(c, "x"), c.scale(c.weight({"w", DType::kF32, {4}, {}}), 2)), "y");
  const Graph empty = finished(c);
  EXPECT_EQ(print(*fold_constants(empty, doubled, 1024)), print(empty));
}

ValueId matrix(GraphBuilder& b, const char* name, int64_t n, DType dtype = DType::kF32) {
  return b.weight({name, dtype, {n, 4}, {}});
}

std::vector<JoinableProducts> joinable(const Graph& graph) { return find_joinable_products(graph); }

TEST(JoinProducts, MakesOneProductOfThoseOfOneInput) {
  GraphBuilder b("g");
  const ValueId x = input(b, "x");
  const ValueId q = b.matmul(x, matrix(b, "wq", 6)), k = b.matmul(x, matrix(b, "wk", 2));
  b.output(b.silu(q), "a");
  b.output(k, "k");
  const Graph before = finished(b);
  const auto sets = joinable(before);
  ASSERT_EQ(sets.size(), 1u);
  EXPECT_EQ(sets[0].nodes, (std::vector<NodeId>{0, 1}));
  const Graph graph = join_products(before, sets);
  EXPECT_EQ(checked_print(graph),
            "graph g\n"
            "input %x : f32[4] activation\n"
            "weight %wq+wk : f32[8, 4]\n"
            "%5 : f32[8] = matmul(%x, %wq+wk)\n"
            "%1 : f32[6] = slice(%5) {axis=-1, length=6}\n"
            "%k : f32[2] = slice(%5) {axis=-1, start=6, length=2}\n"
            "%a : f32[6] = silu(%1)\n"
            "output %a\n"
            "output %k\n");
  ASSERT_EQ(graph.host_tensors.size(), 1u);
  ASSERT_EQ(graph.host_tensors[0].parts.size(), 2u);
  EXPECT_EQ(graph.host_tensors[0].parts[1].name, "wk");
}

TEST(JoinProducts, JoinsBiasesWhereEachHasOne) {
  GraphBuilder b("g");
  const ValueId x = input(b, "x");
  const ValueId q = b.add(b.matmul(x, matrix(b, "wq", 6)), b.weight({"bq", DType::kF32, {6}, {}}));
  const ValueId k = b.add(b.weight({"bk", DType::kF32, {2}, {}}), b.matmul(x, matrix(b, "wk", 2)));
  b.output(q, "q");
  b.output(k, "k");
  const Graph before = finished(b);
  EXPECT_EQ(checked_print(join_products(before, joinable(before))),
            "graph g\n"
            "input %x : f32[4] activation\n"
            "weight %wq+wk : f32[8, 4]\n"
            "weight %bq+bk : f32[8]\n"
            "%4 : f32[8] = matmul(%x, %wq+wk)\n"
            "%6 : f32[8] = add(%4, %bq+bk)\n"
            "%q : f32[6] = slice(%6) {axis=-1, length=6}\n"
            "%k : f32[2] = slice(%6) {axis=-1, start=6, length=2}\n"
            "output %q\n"
            "output %k\n");
}

TEST(JoinProducts, LeavesABiasThatOneAloneHas) {
  GraphBuilder b("g");
  const ValueId x = input(b, "x");
  b.output(b.add(b.matmul(x, matrix(b, "wq", 6)), b.weight({"bq", DType::kF32, {6}, {}})), "q");
  b.output(b.matmul(x, matrix(b, "wk", 2)), "k");
  const Graph before = finished(b);
  const std::string after = checked_print(join_products(before, joinable(before)));
  EXPECT_NE(after.find("%q : f32[6] = add("), std::string::npos) << after;
  EXPECT_NE(after.find("matmul(%x, %wq+wk)"), std::string::npos) << after;
}

TEST(JoinProducts, JoinsScalesAndZerosOfWeightsThatAreScaledApart) {
  GraphBuilder b("g");
  const ValueId x = input(b, "x");
  const ValueId perm = b.weight({"perm", DType::kI32, {4}, {}});
  const auto scaled = [&](const std::string& name, int64_t n, bool permuted) {
    return b.op("dequant",
                {b.weight({name, DType::kU8, {n, 4}, {}}), b.weight({name + ".s", DType::kF16, {n, 2}, {}}),
                 b.weight({name + ".z", DType::kU8, {n, 2}, {}}), permuted ? perm : kNone},
                {{"block_k", int64_t{2}}});
  };
  b.output(b.matmul(x, scaled("wq", 6, true)), "q");
  b.output(b.matmul(x, scaled("wk", 2, true)), "k");
  b.output(b.matmul(x, scaled("wo", 2, false)), "o");  // without perm: another arithmetic
  const Graph before = finished(b);
  EXPECT_EQ(checked_print(join_products(before, joinable(before))),
            "graph g\n"
            "input %x : f32[4] activation\n"
            "weight %perm : i32[4]\n"
            "weight %wo : u8[2, 4]\n"
            "weight %wo.s : f16[2, 2]\n"
            "weight %wo.z : u8[2, 2]\n"
            "weight %wq+wk : u8[8, 4]\n"
            "weight %wq.s+wk.s : f16[8, 2]\n"
            "weight %wq.z+wk.z : u8[8, 2]\n"
            "%12 : f32[8, 4] = dequant(%wq+wk, %wq.s+wk.s, %wq.z+wk.z, %perm) {block_k=2}\n"
            "%13 : f32[8] = matmul(%x, %12)\n"
            "%q : f32[6] = slice(%13) {axis=-1, length=6}\n"
            "%k : f32[2] = slice(%13) {axis=-1, start=6, length=2}\n"
            "%7 : f32[2, 4] = dequant(%wo, %wo.s, %wo.z) {block_k=2}\n"
            "%o : f32[2] = matmul(%x, %7)\n"
            "output %q\n"
            "output %k\n"
            "output %o\n");
}

TEST(JoinProducts, LeavesOtherInputsTypesAndWeightsThatOthersRead) {
  GraphBuilder b("g");
  const ValueId x = input(b, "x"), y = input(b, "y");
  const ValueId shared = matrix(b, "shared", 4);
  b.output(b.matmul(x, matrix(b, "a", 2)), "a1");
  b.output(b.matmul(y, matrix(b, "b", 2)), "b1");
  b.output(b.matmul(x, matrix(b, "c", 2, DType::kF16)), "c1");
  b.output(b.matmul(x, shared), "d1");
  b.output(b.matmul(y, shared), "d2");
  EXPECT_TRUE(joinable(finished(b)).empty());
}

TEST(JoinProducts, SetsThatDifferInNamesAloneAreOfOneKind) {
  GraphBuilder b("g");
  ValueId x = input(b, "x");
  for (const char* layer : {"0", "1"}) {
    const std::string name(layer);
    const ValueId g = b.matmul(x, b.weight({"g" + name, DType::kF32, {4, 4}, {}}));
    x = b.mul(g, b.matmul(x, b.weight({"u" + name, DType::kF32, {4, 4}, {}})));
  }
  b.output(x, "y");
  const auto sets = joinable(finished(b));
  ASSERT_EQ(sets.size(), 2u);
  EXPECT_EQ(sets[0].kind, sets[1].kind);
}

}  // namespace
}  // namespace bp
