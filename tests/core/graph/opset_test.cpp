#include "graph/opset.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "graph/opset_markdown.h"

namespace bp {
namespace {

TEST(Opset, FindsByNameAndVersion) {
  EXPECT_EQ(find_op("matmul"), find_op("matmul@1"));
  EXPECT_EQ(find_op("matmul")->full_name(), "matmul@1");
  EXPECT_EQ(find_op("coll.all_reduce")->name, "coll.all_reduce");
  EXPECT_EQ(find_op("matmul@2"), nullptr);
  EXPECT_EQ(find_op("matmul@"), nullptr);
  EXPECT_EQ(find_op(""), nullptr);
}

TEST(Opset, IsWellFormed) {
  std::set<std::string> names;
  for (const OpDef& op : opset()) {
    SCOPED_TRACE(op.name);
    EXPECT_TRUE(names.insert(op.full_name()).second);
    EXPECT_FALSE(op.doc.empty());
    ASSERT_FALSE(op.operands.empty());
    ASSERT_FALSE(op.results.empty());
    EXPECT_FALSE(op.operands[0].optional);
    EXPECT_TRUE(!op.commutative || op.operands.size() == 2);
    for (const OperandDef& def : op.operands) EXPECT_FALSE(def.variadic && &def != &op.operands.back());
    for (const ResultDef& def : op.results) {
      EXPECT_LT(def.updates, static_cast<int>(op.operands.size()));
      EXPECT_TRUE(def.shape.starts_with('[') || op.infer != nullptr);
      EXPECT_TRUE(!def.optional || (&def == &op.results.back() && def.updates >= 0));
    }
  }
}

// UPDATE_DOCS=1 rewrites the page.
TEST(OpsetDocs, AreUpToDate) {
  const std::string path = BP_SOURCE_DIR "/docs/opset.md";
  const std::string expected = markdown(opset());
  if (const char* update = std::getenv("UPDATE_DOCS"); update != nullptr && std::string(update) == "1") {
    std::ofstream(path) << expected;
  }
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), expected) << "run the test with UPDATE_DOCS=1";
}

}  // namespace
}  // namespace bp
