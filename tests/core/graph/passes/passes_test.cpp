#include "graph/passes/passes.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "graph/builder.h"
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

}  // namespace
}  // namespace bp
