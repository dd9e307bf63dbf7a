#include "graph/pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"

namespace bp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Pattern parse(std::string_view text) {
  auto pattern = Pattern::parse(text, "kernel test");
  EXPECT_TRUE(pattern.has_value()) << pattern.error().message();
  return pattern ? std::move(*pattern) : *Pattern::parse("neg", "");
}

std::string parse_error(std::string_view text) {
  auto pattern = Pattern::parse(text, "kernel test");
  return pattern ? "no error" : pattern.error().message();
}

struct Fixture : testing::Test {
  GraphBuilder b{"g"};
  Extent t = Extent::dynamic(b.symbol("n_tokens", 0, 64));
  ValueId x = b.input("x", DType::kF32, {t, Extent::fixed(8)}, Role::kParam);
  ValueId w = b.weight({"w", DType::kF32, {8, 8}, {}});
  ValueId g = b.weight({"g", DType::kF32, {8}, {}});
  Graph graph;

  ValueId norm(ValueId v) { return b.rms_norm(v, g, 1e-5); }
  NodeId maker(ValueId v) const { return graph.value(v).producer; }
  void finish() {
    auto result = b.finish();
    ASSERT_TRUE(result.has_value()) << result.error().message();
    graph = std::move(*result);
  }
  std::optional<Match> find(std::string_view text, ValueId root, std::string* why = nullptr) {
    return match(graph, uses(graph), parse(text), maker(root), why);
  }
  std::string why_not(std::string_view text, ValueId root) {
    std::string why = "it matches";
    find(text, root, &why);
    return why;
  }
};

using PatternMatch = Fixture;

TEST(Pattern, SlotsAreVariablesThenOutputs) {
  const Pattern p = parse("(tuple (= ?s (add ?r ?x)) (rms_norm ?s ?w*))");
  EXPECT_THAT(p.slot_names(), ElementsAre("r", "x", "w", "s", "out"));
  EXPECT_TRUE(p.is_optional(2));
  ASSERT_EQ(p.ops().size(), 2U);
  EXPECT_EQ(p.ops()[0].op->name, "add");
  EXPECT_EQ(p.root()->name, "rms_norm");
}

TEST(Pattern, EveryResultOfAnOutputHasASlot) {
  EXPECT_THAT(parse("(topk ?x)").slot_names(), ElementsAre("x", "out", "out1"));
  EXPECT_THAT(parse("(= ?y (topk ?x))").slot_names(), ElementsAre("x", "y", "y1"));
}

TEST(Pattern, AnOpAloneNamesAllItsOperands) {
  EXPECT_THAT(parse("matmul@1").slot_names(), ElementsAre("x", "w", "out"));
  EXPECT_TRUE(parse("rope").is_optional(3));
}

TEST(Pattern, ErrorsNameKernelAndPlace) {
  EXPECT_THAT(parse_error("(matmul ?x (no_op ?y))"), HasSubstr("kernel test: pattern, at character 17: no op no_op"));
  EXPECT_THAT(parse_error("(matmul ?x)"), HasSubstr("matmul needs operand w"));
  EXPECT_THAT(parse_error("(neg ?x ?y)"), HasSubstr("neg has fewer operands"));
  EXPECT_THAT(parse_error("(matmul@2 ?x ?w)"), HasSubstr("no op matmul@2"));
  EXPECT_THAT(parse_error("(neg ?x"), HasSubstr("expected"));
  EXPECT_THAT(parse_error("(neg ?x))"), HasSubstr("text after its end"));
  EXPECT_THAT(parse_error("(= ?a ?x)"), HasSubstr("only an op can be named"));
  EXPECT_THAT(parse_error("(add ?a (= ?a (neg ?x)))"), HasSubstr("already has a meaning"));
  EXPECT_THAT(parse_error("(tuple)"), HasSubstr("has no output"));
  EXPECT_THAT(parse_error("(tuple ?x)"), HasSubstr("each output must be an op of its own"));
  EXPECT_THAT(parse_error("(neg (result 1 (neg ?x)))"), HasSubstr("a number of a result"));
  EXPECT_THAT(parse_error(""), HasSubstr("expected ( or ?"));
  EXPECT_THAT(parse_error(std::string(5000, 'a')), HasSubstr("longer than 4096"));
  std::string deep;
  for (int i = 0; i < 600; ++i) deep += "(neg ";
  EXPECT_THAT(parse_error(deep), HasSubstr("nested too deeply"));
}

TEST_F(PatternMatch, APrimitiveIsAPatternOfOneNode) {
  const ValueId y = b.matmul(x, w);
  finish();
  const auto m = find("(matmul ?x ?w)", y);
  ASSERT_TRUE(m.has_value());
  EXPECT_THAT(m->nodes, ElementsAre(0));
  EXPECT_THAT(m->slots, ElementsAre(x, w, y));
  EXPECT_EQ(why_not("(neg ?x)", y), "node 0 is matmul, not neg");
}

TEST_F(PatternMatch, FusesANormIntoItsMatmul) {
  const ValueId n = norm(x);
  const ValueId y = b.matmul(n, w);
  b.output(y, "y");
  finish();
  const auto m = find("(matmul (rms_norm ?x ?g) ?w)", y);
  ASSERT_TRUE(m.has_value());
  EXPECT_THAT(m->nodes, ElementsAre(0, 1));
  EXPECT_THAT(m->slots, ElementsAre(x, g, w, y));
}

TEST_F(PatternMatch, AnInnerValueIsReadNowhereElse) {
  const ValueId n = norm(x);
  const ValueId y = b.matmul(n, w);
  b.op("neg", {n});
  finish();
  EXPECT_EQ(why_not("(matmul (rms_norm ?x ?g) ?w)", y), "%3 is read by node 2 too");
  EXPECT_TRUE(find("(tuple (= ?n (rms_norm ?x ?g)) (matmul ?n ?w))", y).has_value());
}

TEST_F(PatternMatch, AnInnerValueIsNoGraphOutput) {
  const ValueId n = norm(x);
  const ValueId y = b.matmul(n, w);
  b.output(n, "n");
  finish();
  EXPECT_EQ(why_not("(matmul (rms_norm ?x ?g) ?w)", y), "%n is needed outside");
}

TEST_F(PatternMatch, AResidualIsASecondOutput) {
  const ValueId r = b.op("neg", {x});
  const ValueId s = b.add(r, x);
  const ValueId n = norm(s);
  b.output(b.add(s, n), "y");
  finish();
  const auto m = find("(tuple (= ?s (add ?r ?x)) (rms_norm ?s ?w))", n);
  ASSERT_TRUE(m.has_value());
  EXPECT_THAT(m->slots, ElementsAre(r, x, g, s, n));
}

TEST_F(PatternMatch, CommutativeOpsMatchEitherWayRound) {
  const ValueId gate = b.op("neg", {x});
  const ValueId y = b.mul(x, b.silu(gate));
  finish();
  const auto m = find("(mul (silu ?gate) ?up)", y);
  ASSERT_TRUE(m.has_value());
  EXPECT_THAT(m->slots, ElementsAre(gate, x, y));
  EXPECT_FALSE(find("(sub (silu ?gate) ?up)", y).has_value());
}

TEST_F(PatternMatch, ARepeatedVariableIsOneValue) {
  const ValueId v = b.op("neg", {x});
  const ValueId same = b.mul(v, v);
  const ValueId other = b.mul(v, x);
  finish();
  EXPECT_TRUE(find("(mul ?a ?a)", same).has_value());
  EXPECT_THAT(why_not("(mul ?a ?a)", other), HasSubstr("?a would be both"));
}

TEST_F(PatternMatch, TheSwapIsTriedDeepDown) {
  const ValueId s = b.add(w, g);
  const ValueId y = b.mul(s, g);
  finish();
  EXPECT_TRUE(find("(mul (add ?a ?b) ?a)", y).has_value());
}

TEST_F(PatternMatch, OptionalOperandsMayBeAbsentAndOthersNot) {
  const ValueId without = b.op("rms_norm", {x}, {{"eps", 1e-5}});
  const ValueId with = norm(x);
  finish();
  const auto m = find("(rms_norm ?x ?w*)", without);
  ASSERT_TRUE(m.has_value());
  EXPECT_THAT(m->slots, ElementsAre(x, kNone, without));
  EXPECT_TRUE(find("(rms_norm ?x ?w*)", with).has_value());
  EXPECT_EQ(why_not("(rms_norm ?x ?w)", without), "operand ?w is absent");
  EXPECT_THAT(why_not("(rms_norm ?x)", with), HasSubstr("more than the pattern"));
}

TEST_F(PatternMatch, SideBySideOutputsShareAnOperand) {
  const ValueId v = b.weight({"v", DType::kF32, {8, 8}, {}});
  const ValueId k = b.silu(b.matmul(x, w));
  const ValueId q = b.matmul(x, v);
  finish();
  const auto m = find("(tuple (= ?k (silu (matmul ?x ?wk))) (= ?q (matmul ?x ?wq)))", q);
  ASSERT_TRUE(m.has_value());
  EXPECT_THAT(m->slots, ElementsAre(x, w, v, k, q));
}

TEST_F(PatternMatch, IsConvex) {
  const ValueId a = b.op("neg", {x});
  const ValueId outside = b.op("exp", {a});
  const ValueId y = b.add(a, outside);
  finish();
  EXPECT_THAT(why_not("(tuple (= ?a (neg ?x)) (add ?a ?b))", y), HasSubstr("before the last node"));
}

TEST_F(PatternMatch, AnOperandIsNotMadeInside) {
  const ValueId a = b.op("neg", {x});
  const ValueId y = b.op("sub", {a, a});
  finish();
  EXPECT_THAT(why_not("(sub (neg ?x) ?y)", y), HasSubstr("made inside"));
}

TEST_F(PatternMatch, CrossesNoWriteOfWhatItReads) {
  const ValueId cache = b.input("cache", DType::kF32, {Extent::fixed(4), Extent::fixed(8)}, Role::kKv);
  const ValueId rows = b.input("rows", DType::kI32, {t}, Role::kParam);
  const ValueId read = b.gather_rows(cache, rows);
  b.op("scatter_rows", {cache, rows, x});
  const ValueId y = b.op("neg", {read});
  const ValueId z = b.op("exp", {y});
  finish();
  EXPECT_EQ(why_not("(neg (gather_rows ?t ?r))", y), "node 1 overwrites what node 0 reads");
  EXPECT_TRUE(find("(exp (neg ?x))", z).has_value());
}

TEST_F(PatternMatch, FurtherResultsAreReachable) {
  const ValueId values = b.op("topk", {x}, {{"k", int64_t{2}}});
  const ValueId indices = b.results()[1];
  const ValueId y = b.op("cast", {indices}, {{"dtype", int64_t{1}}});
  finish();
  EXPECT_TRUE(find("(cast (result 1 (topk ?x)))", y).has_value());
  EXPECT_THAT(why_not("(cast (topk ?x))", y), HasSubstr("is not result 0"));
  EXPECT_NE(values, indices);
}

TEST_F(PatternMatch, AHostilePatternEndsSoon) {
  ValueId y = b.add(x, x);
  for (int i = 0; i < 30; ++i) y = b.add(y, y);
  finish();
  std::string text = "(add ?a ?b)";
  for (int i = 0; i < 14; ++i) text = "(add (= ?s" + std::to_string(i) + " " + text + ") ?s" + std::to_string(i) + ")";
  EXPECT_FALSE(find("(tuple " + text + " (neg ?z))", y).has_value());
  EXPECT_FALSE(find("(tuple (neg ?z) " + text + ")", y).has_value());
}

TEST_F(PatternMatch, AllWaysOfACommutativeOpCanBeAskedFor) {
  const ValueId y = b.add(b.silu(x), b.silu(norm(x)));
  b.output(y, "y");
  finish();
  const auto all = matches(graph, uses(graph), parse("(add (silu ?a) ?b)"), maker(y), 8, nullptr);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_NE(all[0].nodes, all[1].nodes);
  EXPECT_EQ(matches(graph, uses(graph), parse("(add (silu ?a) ?b)"), maker(y), 1, nullptr).size(), 1U);
  std::string why;
  EXPECT_TRUE(matches(graph, uses(graph), parse("(add (neg ?a) ?b)"), maker(y), 8, &why).empty());
  EXPECT_THAT(why, HasSubstr("not neg"));
}

}  // namespace
}  // namespace bp
