#include "graph/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"

namespace bp {
namespace {

using testing::HasSubstr;

// (rope ?x ?p ?f ?v*) over x f32 [n (32..512, multiple of 32), 4, 64].
struct GuardTest : testing::Test {
  GuardTest() : pattern(*Pattern::parse("(= ?y (rope ?x ?p ?f ?v*))", "k")) {
    GraphBuilder b("g");
    const Extent n = Extent::dynamic(b.symbol("n", 32, 512, 32));
    const auto input = [&](std::string name, DType dtype, std::vector<Extent> dims) {
      return b.input(std::move(name), dtype, std::move(dims), Role::kParam);
    };
    const ValueId x = input("x", DType::kF32, {n, Extent::fixed(4), Extent::fixed(64)});
    const ValueId freqs = input("f", DType::kF32, {Extent::fixed(16)});
    b.op("rope", {x, input("p", DType::kI32, {n}), freqs}, {{"n_rot", int64_t{32}}, {"mode", int64_t{1}}});
    graph = *b.finish();
    found = *match(graph, uses(graph), pattern, 0, nullptr);
  }
  bool holds(std::string_view text) {
    auto guard = Guard::parse(text, "kernel test", pattern);
    EXPECT_TRUE(guard.has_value()) << guard.error().message();
    return guard && guard->holds(graph, found, &why);
  }
  std::string parse_error(std::string_view text) {
    auto guard = Guard::parse(text, "kernel test", pattern);
    return guard ? "no error" : guard.error().message();
  }

  Pattern pattern;
  Graph graph;
  Match found;
  std::string why;
};

TEST_F(GuardTest, AnEmptyGuardHolds) {
  EXPECT_TRUE(holds(""));
  EXPECT_TRUE(holds(" ; "));
}

TEST_F(GuardTest, ChecksDtypesAndRanks) {
  EXPECT_TRUE(holds("dtype(x)=bf16|f32; rank(x)=2|3; dtype(y)=f32"));
  EXPECT_FALSE(holds("dtype(x)=bf16; rank(x)=3"));
  EXPECT_EQ(why, "dtype(x)=bf16 does not hold: it is f32[32..512, 4, 64]");
  EXPECT_TRUE(holds("rank(x)>=2"));
}

TEST_F(GuardTest, StaticDimsAreNumbers) {
  EXPECT_TRUE(holds("dim(x,-1)%32=0; dim(x,2)=64; dim(x,1)<8; dim(x,1)>=4; dim(x,-1)=32|64|128"));
  EXPECT_FALSE(holds("dim(x,-1)%48=0"));
  EXPECT_TRUE(holds("dim(x,-1)%48=16"));
  EXPECT_FALSE(holds("dim(x,3)=1"));
}

TEST_F(GuardTest, DynamicDimsCountByTheirBucket) {
  EXPECT_TRUE(holds("dim(x,0)>=32; dim(x,0)>31; dim(x,0)<=512; dim(x,0)%16=0"));
  EXPECT_FALSE(holds("dim(x,0)>=33"));
  EXPECT_FALSE(holds("dim(x,0)<512"));
  EXPECT_FALSE(holds("dim(x,0)%64=0"));
  EXPECT_FALSE(holds("dim(x,0)=32"));
  graph.symbols[0].max = 32;
  EXPECT_TRUE(holds("dim(x,0)=32; dim(x,0)%5=2"));
}

TEST_F(GuardTest, ReadsAttributes) {
  EXPECT_TRUE(holds("attr(rope.mode)=0|1; attr(rope.n_rot)>=32; attr(rope.scale)=1"));
  EXPECT_FALSE(holds("attr(rope.mode)=0"));
}

TEST_F(GuardTest, AbsentSlotsSatisfyAllButHas) {
  EXPECT_TRUE(holds("has(v)=0; has(x)=1; dtype(v)=f16; dim(v,0)=7"));
  EXPECT_FALSE(holds("has(v)=1"));
}

TEST_F(GuardTest, OnlyTheFileLayoutExists) {
  EXPECT_TRUE(holds("layout(f)=cpu.tile16@1|file"));
  EXPECT_FALSE(holds("layout(f)=cpu.tile16@1"));
}

TEST_F(GuardTest, UnknownNamesAreParseErrors) {
  EXPECT_THAT(parse_error("dtype(q)=f32"), HasSubstr("the pattern has no slot q"));
  EXPECT_THAT(parse_error("attr(matmul.mode)=1"), HasSubstr("the pattern has no op matmul"));
  EXPECT_THAT(parse_error("attr(rope.speed)=1"), HasSubstr("rope has no number or text speed"));
  EXPECT_THAT(parse_error("dtype(x)=f33"), HasSubstr("no dtype f33"));
  EXPECT_THAT(parse_error("page=16"), HasSubstr("no term page"));
  EXPECT_THAT(parse_error("dim(x,-1)%0=0"), HasSubstr("positive number"));
  EXPECT_THAT(parse_error("dim(x)=1"), HasSubstr("dim needs an axis"));
  EXPECT_THAT(parse_error("dim(x,0)>=1|2"), HasSubstr("take one number"));
  EXPECT_THAT(parse_error("dtype(x)>f32"), HasSubstr("take one number"));
  EXPECT_THAT(parse_error("dtype(x)=f32 rank(x)=1"), HasSubstr("expected ;"));
  EXPECT_THAT(parse_error(std::string(5000, ';')), HasSubstr("longer than 4096"));
}

}  // namespace
}  // namespace bp
