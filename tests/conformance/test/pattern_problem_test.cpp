// Graphs out of patterns that nobody has told the suite of: they are made, match, and the reference computes them.
#include "pattern_problem.h"

#include <gtest/gtest.h>

#include <cctype>
#include <ostream>

#include "runner.h"

namespace bp::conformance {
namespace {

struct Row {
  const char* pattern;
  const char* where = "";
};

// A name for ctest.
void PrintTo(const Row& row, std::ostream* out) {
  for (const char* text : {row.pattern, row.where}) {
    for (; *text != '\0'; ++text) *out << (std::isalnum(static_cast<unsigned char>(*text)) != 0 ? *text : '_');
  }
}

class PatternProblemOf : public testing::TestWithParam<Row> {};

TEST_P(PatternProblemOf, IsMadeForEachDtypeOfTheGuard) {
  bp_kernel kernel{};
  kernel.struct_size = sizeof(kernel);
  kernel.id = "test.row";
  kernel.pattern = GetParam().pattern;
  kernel.where = GetParam().where;
  const PatternProblem maker(kernel);
  for (size_t dtype = 0; dtype < maker.n_dtypes(); ++dtype) {
    bool found = false;
    for (const PatternChoice& choice : maker.choices(dtype)) {
      Problem problem("test");
      if (!maker.make(problem, choice) || !maker.matches(problem)) continue;
      const auto graph = problem.finish();
      ASSERT_TRUE(graph.has_value()) << graph.error().message();
      const auto reference = Runner::create(problem, *graph, {});
      ASSERT_TRUE(reference.has_value()) << reference.error().message();
      for (const Sizes& sizes : problem.runs) {
        const auto outputs = (*reference)->run(sizes);
        ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
      }
      found = true;
      break;
    }
    EXPECT_TRUE(found) << "dtype " << dtype;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Row, PatternProblemOf,
    testing::Values(
        Row{"(mul (sigmoid ?g) ?x)"}, Row{"(tanh (add ?a ?b))", "dtype(a)=f32|f16|bf16"},
        Row{"(add (mul ?x ?a) ?b)", "rank(a)=1; rank(b)=1"}, Row{"(softmax (scale ?x))", "dim(x,-1)%128=0"},
        Row{"(matmul (rms_norm ?x ?g) ?w)", "dtype(w)=q8_0|q4_k|bf16; dim(x,0)>=32"},
        Row{"(mul (gelu (matmul ?x ?a)) (matmul ?x ?b))", "attr(gelu.tanh)=1; dtype(a)=q4_0; dtype(b)=q4_0"},
        Row{"(tuple (= ?s (add ?r ?x)) (layer_norm ?s ?w ?b))"}, Row{"(tuple (rms_norm ?x ?w) (rms_norm ?x ?v))"},
        Row{"(kv_write ?cache (rope (rms_norm ?k ?w) ?pos ?f) ?slots)", "dtype(cache)=f16|bf16"},
        Row{"(rope (rms_norm ?x ?w) ?pos ?f)", "attr(rope.mode)=1"},
        Row{"(matmul (reshape (attention ?q ?k ?v ?t ?s ?l)) ?w)", "dtype(k)=f16"}, Row{"attention", "dtype(k)=f32"},
        Row{"attention", "dtype(k)=i8|fp8_e4m3; dtype(v)=i8|fp8_e4m3; has(k_scales)=1; has(v_scales)=1"},
        Row{"kv_write", "dtype(cache)=i8; has(scales)=1"}, Row{"(gather_rows ?table (argmax ?x))"},
        Row{"(matmul_indexed ?x (reshape (dequant ?w ?s ?z*)) ?idx)", "dtype(w)=u4|fp8_e4m3"},
        Row{"(matmul_grouped ?x ?w ?offsets)"}, Row{"(topk (softmax ?x))"}, Row{"(cast (layer_norm ?x ?w ?b))"},
        Row{"(moe_combine ?y ?order ?weights)"}, Row{"(sample (scale ?l) ?t ?k ?p ?m ?s ?pos)"}, Row{"(concat ?a ?b)"},
        Row{"(slice (add ?a ?b))"}, Row{"(transpose (mul ?a ?b))"}, Row{"(segment_mean (rms_norm ?x ?w) ?start)"},
        Row{"(attention_ragged (scale ?q) ?k ?v ?a ?b)"}, Row{"(where ?c (neg ?a) ?b)"},
        Row{"(scatter_rows ?t ?rows (add ?a ?b))"}));

}  // namespace
}  // namespace bp::conformance
