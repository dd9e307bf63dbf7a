#include "compile/choose_layouts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "fake_rows.h"
#include "graph/builder.h"

namespace bp {
namespace {

using testing::ElementsAre;

// One weight in a product and in a gather of its rows, as tied embeddings are, and a second product.
struct Tied {
  explicit Tied(const char* matmul, const char* gather)
      : rows{row({"f.matmul", "(matmul ?x ?w)", "", matmul}), row({"f.gather", "(gather_rows ?w ?ids)", "", gather})},
        table(table_of(rows)) {
    GraphBuilder b("g");
    const ValueId ids = b.input("ids", DType::kI32, {Extent::fixed(2)}, Role::kParam);
    const ValueId w = b.weight({"w", DType::kF32, {4, 4}, {}});
    b.output(b.matmul(b.gather_rows(w, ids), w), "y");
    auto built = b.finish();
    EXPECT_TRUE(built.has_value()) << built.error().message();
    graph = std::move(*built);
    groups = partition(graph, &table);
  }

  // Layouts of w: in the gather, then in the product.
  std::vector<std::string> chosen() const { return {groups[0].layouts[0], groups[1].layouts[1]}; }

  std::array<bp_kernel, 2> rows;
  KernelTable table;
  Graph graph;
  std::vector<Group> groups;
};

TEST(ChooseLayouts, AWeightIsPackedOnceWhereItsKernelsAcceptOneLayout) {
  Tied tied("w=f.a@1|f.c@1", "w=f.b@1|f.c@1");
  EXPECT_THAT(tied.chosen(), ElementsAre("f.b@1", "f.a@1"));
  choose_layouts(tied.graph, tied.groups, {}, {});
  EXPECT_THAT(tied.chosen(), ElementsAre("f.c@1", "f.c@1"));
}

TEST(ChooseLayouts, TheFilesLayoutIsOneOfThem) {
  Tied tied("w=f.a@1|file", "");
  choose_layouts(tied.graph, tied.groups, {}, {});
  EXPECT_THAT(tied.chosen(), ElementsAre("", ""));
}

TEST(ChooseLayouts, WithoutACommonOneEachKeepsItsBest) {
  Tied tied("w=f.a@1|f.c@1", "w=f.b@1|f.d@1");
  choose_layouts(tied.graph, tied.groups, {}, {});
  EXPECT_THAT(tied.chosen(), ElementsAre("f.b@1", "f.a@1"));
}

TEST(ChooseLayouts, WhatAnotherProgramPackedComesFirst) {
  Tied tied("w=f.a@1|f.c@1|f.d@1", "w=f.c@1|f.d@1");
  choose_layouts(tied.graph, tied.groups, {}, [](const HostTensor&) { return std::vector<std::string>{"f.d@1"}; });
  EXPECT_THAT(tied.chosen(), ElementsAre("f.d@1", "f.d@1"));
}

TEST(ChooseLayouts, AKernelThatTheDeviceRefusesWithItKeepsItsOwn) {
  Tied tied("w=f.a@1|f.c@1", "w=f.b@1|f.c@1");
  const AcceptFn accept = [](const KernelRow& r, const Match&,
                             const std::vector<std::string>& layouts) -> Result<double> {
    if (r.id == "f.matmul" && layouts[1] == "f.c@1") return fail(ErrorCode::kUnsupported, "f", "no");
    return 0.0;
  };
  choose_layouts(tied.graph, tied.groups, accept, {});
  EXPECT_EQ(tied.chosen()[1], "f.a@1");
}

}  // namespace
}  // namespace bp
