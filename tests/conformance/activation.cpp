#include "cases.h"

namespace bp::conformance {
namespace {

using Make = std::function<ValueId(GraphBuilder&, ValueId)>;

Case unary(const std::string& name, const Make& make, float spread = 3) {
  return {name, [=](Problem& p) {
            const ValueId x = p.activation("x", {p.symbol("n", 257), Problem::fixed(37)}, spread);
            p.output(make(p.builder(), x));
            p.tolerance = ulps(16);
            p.runs = runs_over("n");
          }};
}

Make op(const std::string& name, std::vector<Attr> attrs = {}) {
  return [=](GraphBuilder& b, ValueId x) { return b.op(name, {x}, attrs); };
}

Case gated(const std::string& name, bool silu, bool tanh) {
  return {name, [=](Problem& p) {
            GraphBuilder& b = p.builder();
            const std::vector<Extent> dims = {p.symbol("n", 257), Problem::fixed(97)};
            const ValueId gate = p.activation("gate", dims, 3);
            const ValueId up = p.activation("up", dims);
            p.output(b.mul(silu ? b.silu(gate) : b.gelu(gate, tanh), up));
            p.tolerance = ulps(32);
            p.runs = runs_over("n");
          }};
}

}  // namespace

Cases activation_cases() {
  return {
      unary("scale", [](GraphBuilder& b, ValueId x) { return b.scale(x, 1.7, -0.3); }),
      unary("silu", op("silu"), 20),
      unary("gelu", op("gelu", {{"tanh", int64_t{0}}})),
      unary("gelu_tanh", op("gelu", {{"tanh", int64_t{1}}})),
      unary("sigmoid", op("sigmoid"), 30),
      unary("tanh", op("tanh")),
      unary("relu", op("relu")),
      unary("clamp", op("clamp", {{"min", -1.25}, {"max", 0.5}})),
      unary("neg", op("neg")),
      unary("abs", op("abs")),
      unary("exp", op("exp"), 10),
      {"sqrt",
       [](Problem& p) {
         const ValueId x = p.activation("x", {p.symbol("n", 257)});
         p.output(p.builder().op("sqrt", {p.builder().op("abs", {x})}));
         p.runs = runs_over("n");
       }},
      {"rsqrt",
       [](Problem& p) {
         const ValueId x = p.activation("x", {p.symbol("n", 257)});
         p.output(p.builder().op("rsqrt", {p.builder().scale(p.builder().op("abs", {x}), 1, 0.01)}));
         p.runs = runs_over("n");
       }},
      gated("silu_mul", true, false),
      gated("gelu_mul", false, false),
      gated("gelu_tanh_mul", false, true),
  };
}

}  // namespace bp::conformance
