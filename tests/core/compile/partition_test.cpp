#include "compile/partition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "graph/builder.h"

namespace bp {
namespace {

bp_kernel row(const char* id, const char* pattern, const char* where = "", const char* layouts = "") {
  bp_kernel kernel{};
  kernel.struct_size = sizeof(bp_kernel);
  kernel.id = id;
  kernel.pattern = pattern;
  kernel.where = where;
  kernel.layouts = layouts;
  return kernel;
}

// y = silu(x w^T) * x
Graph gated() {
  GraphBuilder b("gated");
  const Extent rows = Extent::dynamic(b.symbol("n", 0, 8));
  const ValueId x = b.input("x", DType::kF32, {rows, Extent::fixed(4)}, Role::kParam);
  const ValueId w = b.weight({"w", DType::kF32, {4, 4}, {}});
  b.output(b.mul(b.silu(b.matmul(x, w)), x), "y");
  auto graph = b.finish();
  EXPECT_TRUE(graph.has_value()) << graph.error().message();
  return std::move(*graph);
}

std::vector<std::string> kernels_of(const std::vector<Group>& groups) {
  std::vector<std::string> ids;
  for (const Group& group : groups) ids.push_back(group.row == nullptr ? "reference" : group.row->id);
  return ids;
}

KernelTable table_of(std::span<const bp_kernel> rows, const KernelSelection& selection = {}) {
  std::vector<const bp_kernel*> pointers;
  for (const bp_kernel& kernel : rows) pointers.push_back(&kernel);
  return KernelTable::create(pointers, selection);
}

TEST(Partition, TakesTheLargestPatternAndLeavesTheRestToTheReference) {
  const std::array rows = {row("f.mul", "(mul ?a ?b)"), row("f.silu_mul", "(mul (silu ?g) ?u)")};
  const KernelTable table = table_of(rows);
  const auto groups = partition(gated(), table.rows(), nullptr);
  EXPECT_EQ(kernels_of(groups), (std::vector<std::string>{"reference", "f.silu_mul"}));
  EXPECT_EQ(groups[0].why, "no kernel for matmul@1");
}

TEST(Partition, AGuardThatFailsIsTheReason) {
  const std::array rows = {row("f.matmul", "(matmul ?x ?w)", "dtype(w)=q8_0")};
  const KernelTable table = table_of(rows);
  const auto groups = partition(gated(), table.rows(), nullptr);
  EXPECT_THAT(groups[0].why, testing::StartsWith("f.matmul: "));
  EXPECT_THAT(groups[0].why, testing::HasSubstr("dtype(w)=q8_0"));
}

TEST(Partition, WeightsGetTheFirstLayoutARowNames) {
  const std::array rows = {row("f.matmul", "(matmul ?x ?w)", "", "w=f.tile@1|file")};
  const KernelTable table = table_of(rows);
  const auto groups = partition(gated(), table.rows(), nullptr);
  EXPECT_EQ(groups[0].layouts, (std::vector<std::string>{"", "f.tile@1", ""}));
}

TEST(Partition, TheDevicesNoIsFollowedByTheNextRow) {
  const std::array rows = {row("f.first", "(matmul ?x ?w)"), row("f.second", "(matmul ?x ?w)")};
  const KernelTable table = table_of(rows);
  const AcceptFn accept = [](const KernelRow& r, const Match&, const std::vector<std::string>&) -> Status {
    if (r.id == "f.first") return fail(ErrorCode::kUnsupported, "f", "not this one");
    return {};
  };
  EXPECT_EQ(kernels_of(partition(gated(), table.rows(), accept))[0], "f.second");
}

TEST(KernelTable, DeniesForcesAndRejects) {
  const std::array rows = {row("f.a", "(matmul ?x ?w)"), row("f.b", "(matmul ?x ?w)"), row("f.c", "(matmul ?x ?w)"),
                           row("f.bad", "(no_such_op ?x)"), row("f.slot", "(matmul ?x ?w)", "", "q=f.tile@1")};
  const KernelTable table = table_of(rows, {.deny = {"f.a"}, .force = {"f.c"}});
  ASSERT_EQ(table.rows().size(), 2u);
  EXPECT_EQ(table.rows()[0].id, "f.c");
  std::vector<std::string> rejected;
  for (const RejectedRow& entry : table.rejected()) rejected.push_back(entry.id);
  EXPECT_THAT(rejected, testing::UnorderedElementsAre("f.a", "f.bad", "f.slot"));
}

}  // namespace
}  // namespace bp
