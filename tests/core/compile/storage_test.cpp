// Storage is shared where a row's aliases say so, and nowhere else.
#include "compile/storage.h"

#include <gtest/gtest.h>

#include "fake_rows.h"
#include "graph/builder.h"

namespace bp {
namespace {

struct Shared : testing::Test {
  GraphBuilder b{"g"};
  ValueId x = b.input("x", DType::kF32, {Extent::fixed(16)}, Role::kParam);
  Graph graph;
  std::vector<bp_kernel> rows;
  std::optional<KernelTable> table;
  std::optional<Storage> storage;

  void divide(std::vector<bp_kernel> kernels) {
    rows = std::move(kernels);
    table = table_of(rows);
    auto built = b.finish();
    ASSERT_TRUE(built.has_value()) << built.error().message();
    graph = std::move(*built);
    const auto groups = partition(graph, &*table);
    std::vector<bool> external(graph.values.size(), false);
    for (const ValueId id : graph.inputs) external[static_cast<size_t>(id)] = true;
    for (const ValueId id : graph.outputs) external[static_cast<size_t>(id)] = true;
    storage.emplace(graph, groups, external);
  }
  bool share(ValueId a, ValueId c) const { return storage->root(a) == storage->root(c); }
};

TEST_F(Shared, ADeclaredAliasTakesThePlaceOfWhatDiesThere) {
  const ValueId a = b.silu(x), c = b.silu(a);
  b.output(b.op("neg", {c}), "y");
  divide({row({.id = "f.silu", .pattern = "silu", .alias = "out=x"}), row({"f.neg", "neg"})});
  EXPECT_TRUE(share(a, c));
  EXPECT_FALSE(share(x, a));  // an input is not the kernel's to overwrite
}

TEST_F(Shared, NothingIsSharedThatIsNotDeclared) {
  const ValueId a = b.silu(x), c = b.silu(a);
  b.output(b.op("neg", {c}), "y");
  divide({row({"f.silu", "silu"}), row({"f.neg", "neg"})});
  EXPECT_FALSE(share(a, c));
}

TEST_F(Shared, NorWhatIsReadAgain) {
  const ValueId a = b.silu(x), c = b.silu(a);
  b.output(b.add(c, a), "y");
  divide({row({.id = "f.silu", .pattern = "silu", .alias = "out=x"}), row({"f.add", "add"})});
  EXPECT_FALSE(share(a, c));
}

TEST_F(Shared, NorWhatHasAnotherSize) {
  const ValueId a = b.silu(x);
  const ValueId c = b.op("slice", {a}, {{"axis", int64_t{0}}, {"start", int64_t{1}}, {"length", int64_t{8}}});
  b.output(b.op("neg", {c}), "y");
  divide(
      {row({"f.silu", "silu"}), row({.id = "f.slice", .pattern = "slice", .alias = "out=x"}), row({"f.neg", "neg"})});
  EXPECT_FALSE(share(a, c));
}

// The kernel may write the sum over r, but reads r as the factor, too.
TEST_F(Shared, NorWhatTheKernelReadsThroughAnotherOperand) {
  const ValueId r = b.silu(x);
  const ValueId y = b.add(b.mul(r, r), r);
  b.output(b.op("neg", {y}), "y");
  divide({row({"f.silu", "silu"}), row({"f.neg", "neg"}),
          row({.id = "f.mul_add", .pattern = "(add (mul ?a ?b) ?r)", .alias = "out=r"})});
  EXPECT_FALSE(share(r, y));
}

TEST_F(Shared, UnlessThatIsDeclaredAsWell) {
  const ValueId r = b.silu(x);
  const ValueId y = b.add(b.mul(r, r), r);
  b.output(b.op("neg", {y}), "y");
  divide({row({"f.silu", "silu"}), row({"f.neg", "neg"}),
          row({.id = "f.mul_add", .pattern = "(add (mul ?a ?b) ?r)", .alias = "out=a; out=b; out=r"})});
  EXPECT_TRUE(share(r, y));
}

TEST_F(Shared, TwoResultsOfAKernelNeverTakeOnePlace) {
  const ValueId r = b.silu(x), e = b.op("exp", {x});
  const ValueId s = b.add(r, e), p = b.mul(r, e);
  b.output(b.op("neg", {p}), "y");
  b.output(b.op("neg", {s}), "z");
  divide({row({"f.silu", "silu"}), row({"f.exp", "exp"}), row({"f.neg", "neg"}),
          row({.id = "f.both", .pattern = "(tuple (= ?s (add ?a ?b)) (= ?p (mul ?a ?b)))", .alias = "s=a; p=a"})});
  EXPECT_TRUE(share(r, s));
  EXPECT_FALSE(share(s, p));
}

TEST_F(Shared, WhatAFusedKernelKeepsToItselfHasNoStorage) {
  const ValueId inner = b.op("exp", {b.silu(x)});
  b.output(b.op("neg", {inner}), "y");
  divide({row({"f.silu", "silu"}), row({"f.exp_neg", "(neg (exp ?x))"})});
  EXPECT_FALSE(storage->lifetime(inner).has_value());
  EXPECT_TRUE(storage->lifetime(graph.node(0).out[0]).has_value());
}

TEST_F(Shared, ASliceOfOneRowLiesInWhatItIsOf) {
  const ValueId a = b.silu(x);
  const ValueId c = b.op("slice", {a}, {{"axis", int64_t{0}}, {"start", int64_t{0}}, {"length", int64_t{8}}});
  const ValueId d = b.op("exp", {c});
  b.output(b.op("neg", {d}), "y");
  b.output(b.op("abs", {a}), "z");
  divide({row({.id = "f.silu", .pattern = "silu", .alias = "out=x"}),
          row({.id = "f.exp", .pattern = "exp", .alias = "out=x"}), row({"f.neg", "neg"}), row({"f.abs", "abs"})});
  EXPECT_TRUE(share(a, c));
  EXPECT_EQ(storage->offset_bytes(c), 0u);
  EXPECT_FALSE(share(c, d));  // a is read later
}

// A row that is read for every other one must not be written over by the first.
TEST_F(Shared, APartOfWhatItIsOfIsNotTakenForAllOfIt) {
  const ValueId wide = b.input("wide", DType::kF32, {Extent::fixed(3), Extent::fixed(16)}, Role::kParam);
  const auto first_row = [&](ValueId of) {
    return b.op("slice", {of}, {{"axis", int64_t{0}}, {"start", int64_t{0}}, {"length", int64_t{1}}});
  };
  const ValueId r = b.silu(wide), s = b.op("sigmoid", {wide}), e = b.op("exp", {wide});
  const ValueId row_of_r = first_row(r), row_of_s = first_row(s);
  const ValueId y = b.add(row_of_r, r), z = b.add(row_of_s, e);
  b.output(b.op("neg", {y}), "y");
  b.output(b.op("neg", {z}), "z");
  divide({row({"f.silu", "silu"}), row({"f.sigmoid", "sigmoid"}), row({"f.exp", "exp"}), row({"f.neg", "neg"}),
          row({.id = "f.add", .pattern = "(add ?a ?b)", .alias = "out=a; out=b"})});
  EXPECT_TRUE(share(r, row_of_r));
  EXPECT_FALSE(share(r, y));
  EXPECT_FALSE(share(s, z));
  EXPECT_TRUE(share(e, z));
}

}  // namespace
}  // namespace bp
