#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "graph/builder.h"
#include "graph/opset.h"

namespace bp {
namespace {

using testing::HasSubstr;

// y = neg(x), z = exp(y)
Graph small() {
  GraphBuilder b("g");
  const Extent t = Extent::dynamic(b.symbol("n", 0, 8));
  const ValueId x = b.input("x", DType::kF32, {t, Extent::fixed(4)}, Role::kParam);
  b.weight({"w", DType::kF32, {4}, {}});
  b.output(b.op("exp", {b.op("neg", {x})}), "z");
  return *b.finish();
}

std::string broken(const std::function<void(Graph&)>& change) {
  Graph graph = small();
  change(graph);
  const Status status = verify(graph);
  return status ? "no error" : status.error().message();
}

TEST(Verify, AcceptsWhatTheBuilderMade) { EXPECT_TRUE(verify(small()).has_value()); }

TEST(Verify, NodesAreInOrder) {
  EXPECT_THAT(broken([](Graph& g) {
                std::swap(g.nodes[0], g.nodes[1]);
                for (size_t n = 0; n < 2; ++n) g.value(g.nodes[n].out[0]).producer = static_cast<NodeId>(n);
              }),
              HasSubstr("graph g: exp: operand x = %2 is not defined before it"));
}

TEST(Verify, IdsExist) {
  EXPECT_THAT(broken([](Graph& g) { g.nodes[0].in[0] = 99; }), HasSubstr("operand x is missing"));
  EXPECT_THAT(broken([](Graph& g) { g.nodes[0].in[0] = kNone; }), HasSubstr("operand x is missing"));
  EXPECT_THAT(broken([](Graph& g) { g.outputs[0] = 99; }), HasSubstr("output 99"));
  EXPECT_THAT(broken([](Graph& g) { g.inputs[0] = -7; }), HasSubstr("input -7"));
  EXPECT_THAT(broken([](Graph& g) { g.values[1].host_tensor = 5; }), HasSubstr("without a host tensor"));
  EXPECT_THAT(broken([](Graph& g) { g.values[0].dims[0].symbol = 4; }), HasSubstr("is no shape"));
}

TEST(Verify, EachValueHasOneProducer) {
  EXPECT_THAT(broken([](Graph& g) { g.nodes[1].out[0] = g.nodes[0].out[0]; }), HasSubstr("is no value of its own"));
  EXPECT_THAT(broken([](Graph& g) { g.inputs.push_back(g.inputs[0]); }), HasSubstr("given twice"));
}

TEST(Verify, ShapesAreWhatIsInferred) {
  EXPECT_THAT(broken([](Graph& g) { g.values[2].dims[1] = Extent::fixed(5); }),
              HasSubstr("result %2 is f32 [n, 5] where f32 [n, 4] is inferred"));
  EXPECT_THAT(broken([](Graph& g) { g.values[2].dtype = DType::kF16; }), HasSubstr("where f32 [n, 4] is inferred"));
}

TEST(Verify, AttributesAreComplete) {
  EXPECT_THAT(broken([](Graph& g) { g.nodes[0].op = find_op("gelu"); }), HasSubstr("attributes are incomplete"));
  EXPECT_THAT(broken([](Graph& g) { g.nodes[0].attrs = {{"x", int64_t{1}}}; }), HasSubstr("attribute x is unknown"));
}

TEST(Verify, NamesAndSymbolsAreSound) {
  EXPECT_THAT(broken([](Graph& g) { g.values[0].name = "z"; }), HasSubstr("two values have this name"));
  EXPECT_THAT(broken([](Graph& g) { g.symbols[0].base = 0; }), HasSubstr("is malformed"));
  EXPECT_THAT(broken([](Graph& g) { g.symbols[0].max = -1; }), HasSubstr("is malformed"));
}

TEST(Verify, UpdatesAreDeclared) {
  EXPECT_THAT(broken([](Graph& g) { g.values[2].updates = 0; }), HasSubstr("does not declare what it updates"));
}

TEST(Verify, WeightsAreNotUpdated) {
  GraphBuilder b("g");
  const ValueId w = b.weight({"w", DType::kF32, {4, 2}, {}});
  const ValueId rows = b.input("rows", DType::kI32, {Extent::fixed(3)}, Role::kParam);
  const ValueId src = b.input("src", DType::kF32, {Extent::fixed(3), Extent::fixed(2)}, Role::kParam);
  b.op("scatter_rows", {b.reshape(w, {Extent::fixed(4), Extent::fixed(2)}), rows, src});
  const auto graph = b.finish();
  ASSERT_FALSE(graph.has_value());
  EXPECT_THAT(graph.error().message(), HasSubstr("is a weight"));
}

}  // namespace
}  // namespace bp
