#include "compile/partition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "fake_rows.h"
#include "graph/builder.h"

namespace bp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

Graph finished(GraphBuilder& b) {
  auto graph = b.finish();
  EXPECT_TRUE(graph.has_value()) << graph.error().message();
  return std::move(*graph);
}

// y = silu(x w^T) * x
Graph gated() {
  GraphBuilder b("gated");
  const Extent rows = Extent::dynamic(b.symbol("n", 0, 8));
  const ValueId x = b.input("x", DType::kF32, {rows, Extent::fixed(4)}, Role::kParam);
  const ValueId w = b.weight({"w", DType::kF32, {4, 4}, {}});
  b.output(b.mul(b.silu(b.matmul(x, w)), x), "y");
  return finished(b);
}

// y = sqrt(exp(silu(neg(x))))
Graph chain() {
  GraphBuilder b("chain");
  const ValueId x = b.input("x", DType::kF32, {Extent::fixed(4)}, Role::kParam);
  b.output(b.op("sqrt", {b.op("exp", {b.silu(b.op("neg", {x}))})}), "y");
  return finished(b);
}

CostFn times(std::map<std::string, double> us) {
  return [us = std::move(us)](const Graph&, const KernelRow& row, const Match&, const auto&) -> std::optional<double> {
    const auto found = us.find(row.id);
    return found == us.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(Partition, AFusionThatSavesTrafficWinsWhereNothingIsMeasured) {
  const std::array rows = {row({"f.mul", "(mul ?a ?b)"}), row({"f.silu", "(silu ?x)"}),
                           row({"f.silu_mul", "(mul (silu ?g) ?u)"})};
  const KernelTable table = table_of(rows);
  const auto groups = partition(gated(), &table);
  EXPECT_THAT(kernels_of(groups), ElementsAre("reference", "f.silu_mul"));
  EXPECT_EQ(groups[0].why, "no kernel for matmul@1");
  EXPECT_EQ(groups[1].cost.source, CostSource::kHeuristic);
  EXPECT_THAT(refusal_of(groups[1], "f.mul"), HasSubstr("less in all with f.silu_mul"));
  EXPECT_THAT(refusal_of(groups[1], "f.silu"), StartsWith("cost: "));
}

TEST(Partition, AFusionThatWasMeasuredToLoseIsNotTaken) {
  const std::array rows = {row({"f.mul", "(mul ?a ?b)"}), row({"f.silu", "(silu ?x)"}),
                           row({"f.silu_mul", "(mul (silu ?g) ?u)"})};
  const KernelTable table = table_of(rows);
  const PartitionRules rules{.tuned = times({{"f.mul", 2}, {"f.silu", 3}, {"f.silu_mul", 6}})};
  const auto groups = partition(gated(), &table, rules);
  EXPECT_THAT(kernels_of(groups), ElementsAre("reference", "f.silu", "f.mul"));
  EXPECT_EQ(refusal_of(groups[2], "f.silu_mul"),
            "cost: 6.0 us (tuned); less in all with f.silu 3.0 us (tuned), f.mul 2.0 us (tuned)");
}

// The largest pattern first would take the middle three, and leave two lone ones: 9 + 5 us against 4 + 4.
TEST(Partition, OverlappingFusionsAreChosenByWhatTheyTakeInAll) {
  const std::array rows = {row({"f.neg", "neg"}),
                           row({"f.silu", "silu"}),
                           row({"f.exp", "exp"}),
                           row({"f.sqrt", "sqrt"}),
                           row({"f.three", "(exp (silu (neg ?x)))"}),
                           row({"f.first", "(silu (neg ?x))"}),
                           row({"f.last", "(sqrt (exp ?x))"})};
  const KernelTable table = table_of(rows);
  PartitionRules rules{
      .tuned = times(
          {{"f.neg", 5}, {"f.silu", 5}, {"f.exp", 5}, {"f.sqrt", 5}, {"f.three", 9}, {"f.first", 4}, {"f.last", 4}})};
  EXPECT_THAT(kernels_of(partition(chain(), &table, rules)), ElementsAre("f.first", "f.last"));
  rules.tuned =
      times({{"f.neg", 5}, {"f.silu", 5}, {"f.exp", 5}, {"f.sqrt", 1}, {"f.three", 5}, {"f.first", 4}, {"f.last", 4}});
  EXPECT_THAT(kernels_of(partition(chain(), &table, rules)), ElementsAre("f.three", "f.sqrt"));
}

TEST(Partition, WhatAKernelCanRunTheReferenceDoesNot) {
  const std::array rows = {row({"f.first", "(silu (neg ?x))"}), row({"f.neg", "neg"}),
                           row({"f.last", "(sqrt (exp (silu ?x)))"})};
  const KernelTable table = table_of(rows);
  const PartitionRules rules{.tuned = times({{"f.first", 1}, {"f.neg", 1e6}, {"f.last", 1e6}})};
  EXPECT_THAT(kernels_of(partition(chain(), &table, rules)), ElementsAre("f.neg", "f.last"));
}

TEST(Partition, TheDevicesEstimateCountsUnlessResultsMustNotDependOnTheBucket) {
  const std::array rows = {row({"f.mul", "(mul ?a ?b)"}), row({"f.silu", "(silu ?x)"}),
                           row({"f.silu_mul", "(mul (silu ?g) ?u)"})};
  const KernelTable table = table_of(rows);
  PartitionRules rules{
      .accept = [](const KernelRow& r, const Match&, const std::vector<std::string>&) -> Result<double> {
        return r.id == "f.silu_mul" ? 100.0 : 1.0;
      }};
  auto groups = partition(gated(), &table, rules);
  EXPECT_THAT(kernels_of(groups), ElementsAre("reference", "f.silu", "f.mul"));
  EXPECT_EQ(groups[1].cost.source, CostSource::kEstimate);
  rules.estimates = false;
  EXPECT_THAT(kernels_of(partition(gated(), &table, rules)), ElementsAre("reference", "f.silu_mul"));
}

TEST(Partition, OfRowsForTheSameNodesPriorityDecidesUnlessBothAreMeasured) {
  const std::array rows = {row({"f.a", "(matmul ?x ?w)"}),
                           row({.id = "f.b", .pattern = "(matmul ?x ?w)", .priority = 3})};
  const KernelTable table = table_of(rows);
  auto groups = partition(gated(), &table);
  EXPECT_EQ(kernels_of(groups)[0], "f.b");
  EXPECT_EQ(refusal_of(groups[0], "f.a"), "cost: priority 0, f.b has 3");
  EXPECT_EQ(kernels_of(partition(gated(), &table, {.tuned = times({{"f.a", 1}})}))[0], "f.b");
  groups = partition(gated(), &table, {.tuned = times({{"f.a", 1}, {"f.b", 2}})});
  EXPECT_EQ(kernels_of(groups)[0], "f.a");
  EXPECT_EQ(refusal_of(groups[0], "f.b"), "cost: 2.0 us (tuned), f.a takes 1.0 us (tuned)");
}

TEST(Partition, ForcedRowsComeFirstAndDeniedOnesNever) {
  const std::array rows = {row({"f.mul", "(mul ?a ?b)"}), row({"f.silu", "(silu ?x)"}),
                           row({"f.silu_mul", "(mul (silu ?g) ?u)"}), row({"f.matmul", "matmul"})};
  const KernelTable table = table_of(rows, {.deny = {"f.matmul"}, .force = {"f.mul"}});
  const auto groups = partition(gated(), &table);
  EXPECT_THAT(kernels_of(groups), ElementsAre("reference", "f.silu", "f.mul"));
  EXPECT_THAT(refusal_of(groups[2], "f.silu_mul"), StartsWith("forced: "));
  EXPECT_EQ(refusal_of(groups[0], "f.matmul"), "denied: denied by the configuration (kernels.deny)");
}

TEST(Partition, WithoutFusionKernelsOfSeveralOpsRunWhatNothingElseCan) {
  const std::array rows = {row({"f.mul", "(mul ?a ?b)"}), row({"f.silu", "(silu ?x)"}),
                           row({"f.silu_mul", "(mul (silu ?g) ?u)"}), row({"f.matmul", "matmul"})};
  const KernelTable all = table_of(rows);
  const auto groups = partition(gated(), &all, {.fuse = false});
  EXPECT_THAT(kernels_of(groups), ElementsAre("f.matmul", "f.silu", "f.mul"));
  EXPECT_EQ(refusal_of(groups[2], "f.silu_mul"), "option: fusion is off (compile.disable)");
  const KernelTable some = table_of(std::span(rows).subspan(1));
  EXPECT_THAT(kernels_of(partition(gated(), &some, {.fuse = false})), ElementsAre("f.matmul", "f.silu_mul"));
}

TEST(Partition, AGuardThatFailsIsTheReason) {
  const std::array rows = {row({"f.matmul", "(matmul ?x ?w)", "dtype(w)=q8_0"})};
  const KernelTable table = table_of(rows);
  const auto groups = partition(gated(), &table);
  EXPECT_THAT(groups[0].why, StartsWith("f.matmul: "));
  EXPECT_THAT(groups[0].why, HasSubstr("dtype(w)=q8_0"));
  EXPECT_EQ(refusal_of(groups[0], "f.matmul"), "guard: dtype(w)=q8_0 does not hold: it is f32[4, 4]");
}

TEST(Partition, APatternThatIsNotThereIsAReasonToo) {
  const std::array rows = {row({"f.mul", "(mul ?a ?b)"}), row({"f.exp_mul", "(mul (exp ?g) ?u)"})};
  const KernelTable table = table_of(rows);
  const auto groups = partition(gated(), &table);
  EXPECT_THAT(refusal_of(groups[2], "f.exp_mul"), StartsWith("pattern: "));
}

TEST(Partition, WeightsGetTheFirstLayoutThatTheDeviceTakes) {
  const std::array rows = {row({"f.matmul", "(matmul ?x ?w)", "", "w=f.tile@1|file"})};
  const KernelTable table = table_of(rows);
  EXPECT_THAT(partition(gated(), &table)[0].layouts, ElementsAre("", "f.tile@1", ""));
  const PartitionRules rules{
      .accept = [](const KernelRow&, const Match&, const std::vector<std::string>& layouts) -> Result<double> {
        if (layouts[1] == "f.tile@1") return fail(ErrorCode::kUnsupported, "f", "no tiles of 4");
        return 0.0;
      }};
  EXPECT_THAT(partition(gated(), &table, rules)[0].layouts, ElementsAre("", "", ""));
}

TEST(Partition, TheDevicesNoIsFollowedByTheNextRow) {
  const std::array rows = {row({"f.first", "(matmul ?x ?w)"}), row({"f.second", "(matmul ?x ?w)"})};
  const KernelTable table = table_of(rows);
  const PartitionRules rules{
      .accept = [](const KernelRow& r, const Match&, const std::vector<std::string>&) -> Result<double> {
        if (r.id == "f.first") return fail(ErrorCode::kUnsupported, "f", "not this one");
        return 0.0;
      }};
  const auto groups = partition(gated(), &table, rules);
  EXPECT_EQ(kernels_of(groups)[0], "f.second");
  EXPECT_EQ(refusal_of(groups[0], "f.first"), "device: not this one");
}

// x w + x v: either product may be the one that the sum is fused with.
TEST(Partition, AGuardMayHoldForTheOtherWayRoundOfACommutativeOp) {
  GraphBuilder b("g");
  const ValueId x = b.input("x", DType::kF32, {Extent::fixed(4), Extent::fixed(32)}, Role::kParam);
  const ValueId first = b.matmul(x, b.weight({"w", DType::kF32, {8, 32}, {}}));
  const ValueId second = b.matmul(x, b.weight({"v", DType::kQ8_0, {8, 32}, {}}));
  b.output(b.add(first, second), "y");
  const Graph graph = finished(b);
  for (const char* dtype : {"dtype(w)=f32", "dtype(w)=q8_0"}) {
    const std::array rows = {row({"f.matmul", "matmul"}), row({"f.add", "add"}),
                             row({"f.matmul_add", "(add (matmul ?x ?w) ?b)", dtype})};
    const KernelTable table = table_of(rows);
    EXPECT_THAT(kernels_of(partition(graph, &table)), ElementsAre("f.matmul", "f.matmul_add")) << dtype;
  }
}

// Two results that others read: one kernel makes both.
TEST(Partition, AKernelMayMakeSeveralResults) {
  GraphBuilder b("g");
  const ValueId x = b.input("x", DType::kF32, {Extent::fixed(2), Extent::fixed(4)}, Role::kParam);
  const ValueId q = b.matmul(x, b.weight({"wq", DType::kF32, {4, 4}, {}}));
  const ValueId k = b.matmul(x, b.weight({"wk", DType::kF32, {2, 4}, {}}));
  const ValueId v = b.matmul(x, b.weight({"wv", DType::kF32, {2, 4}, {}}));
  b.output(b.silu(q), "a");
  b.output(b.add(k, v), "b");
  b.output(k, "k");
  const Graph graph = finished(b);
  const std::array rows = {row({"f.matmul", "matmul"}), row({"f.silu", "silu"}), row({"f.add", "add"}),
                           row({"f.three", "(tuple (matmul ?x ?a) (matmul ?x ?b) (matmul ?x ?c))"})};
  const KernelTable table = table_of(rows);
  const auto groups = partition(graph, &table);
  EXPECT_THAT(kernels_of(groups), ElementsAre("f.three", "f.silu", "f.add"));
  EXPECT_EQ(groups[0].match.nodes.size(), 3u);
}

// Columns of the only row lie one after another: no copy. Of two rows they do not.
TEST(Partition, ASliceOfOneRowIsNoWork) {
  for (const int64_t n_rows : {1, 2}) {
    GraphBuilder b("g");
    const Extent rows = Extent::dynamic(b.symbol("n", 0, n_rows));
    const ValueId x = b.input("x", DType::kF32, {rows, Extent::fixed(48)}, Role::kParam);
    const ValueId y = b.silu(x);
    const auto part = [&](int64_t start) {
      return b.op("slice", {y}, {{"axis", int64_t{-1}}, {"start", start}, {"length", int64_t{8}}});
    };
    b.output(b.add(part(16), part(32)), "aligned");
    b.output(b.op("neg", {part(3)}), "odd");
    const std::array table_rows = {row({"f.silu", "silu"}), row({"f.add", "add"}), row({"f.neg", "neg"}),
                                   row({"f.slice", "slice"})};
    const KernelTable table = table_of(table_rows);
    const Graph graph = finished(b);
    const auto ids = kernels_of(partition(graph, &table));
    if (n_rows == 1) {
      EXPECT_THAT(ids, ElementsAre("f.silu", "view", "view", "f.add", "f.slice", "f.neg"));
    } else {
      EXPECT_THAT(ids, ElementsAre("f.silu", "f.slice", "f.slice", "f.add", "f.slice", "f.neg"));
    }
  }
}

TEST(KernelTable, DeniesForcesAndRejects) {
  const std::array rows = {row({"f.a", "(matmul ?x ?w)"}),
                           row({"f.b", "(matmul ?x ?w)"}),
                           row({"f.c", "(matmul ?x ?w)"}),
                           row({"f.bad", "(no_such_op ?x)"}),
                           row({"f.slot", "(matmul ?x ?w)", "", "q=f.tile@1"}),
                           row({.id = "f.new", .pattern = "(matmul ?x ?w)", .flags = BP_K_EXPERIMENTAL})};
  const KernelTable table = table_of(rows, {.deny = {"f.a"}, .force = {"f.c"}});
  ASSERT_EQ(table.rows().size(), 2u);
  EXPECT_EQ(table.rows()[0].id, "f.c");
  std::vector<std::string> rejected;
  for (const RejectedRow& entry : table.rejected()) rejected.push_back(entry.id);
  EXPECT_THAT(rejected, testing::UnorderedElementsAre("f.a", "f.bad", "f.slot", "f.new"));
  const KernelTable forced = table_of(rows, {.deny = {}, .force = {"f.new"}});
  EXPECT_EQ(forced.rows()[0].id, "f.new");
}

}  // namespace
}  // namespace bp
