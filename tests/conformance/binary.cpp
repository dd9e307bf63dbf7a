#include "cases.h"

namespace bp::conformance {
namespace {

enum class Shape { kSame, kTrailing, kScalar, kColumn, kMiddle, kLeftTrailing, kLeftColumn, kOuter };

Case binary(const std::string& op, const std::string& suffix, Shape shape, DType b_dtype = DType::kF32) {
  return {op + "_" + suffix, [=](Problem& p) {
            const Extent n = p.symbol("n", 257);
            const std::vector<Extent> whole = {n, Problem::fixed(5), Problem::fixed(21)};
            ValueId a = p.activation("a", whole);
            ValueId b = kNone;
            switch (shape) {
              case Shape::kSame:
                b = p.activation("b", whole);
                break;
              case Shape::kTrailing:
              case Shape::kLeftTrailing:
                b = p.weight("b", b_dtype, {21});
                break;
              case Shape::kScalar:
                b = p.weight("b", b_dtype, {1});
                break;
              case Shape::kColumn:
              case Shape::kLeftColumn:
                b = p.activation("b", {n, Problem::fixed(1), Problem::fixed(1)});
                break;
              case Shape::kMiddle:
                b = p.weight("b", b_dtype, {5, 1});
                break;
              case Shape::kOuter:  // both are repeated
                a = p.activation("a2", {n, Problem::fixed(5), Problem::fixed(1)});
                b = p.activation("b", {n, Problem::fixed(1), Problem::fixed(21)});
                break;
            }
            const bool left = shape == Shape::kLeftTrailing || shape == Shape::kLeftColumn;
            p.output(p.builder().op(op, {left ? b : a, left ? a : b}));
            p.runs = runs_over("n");
          }};
}

}  // namespace

Cases binary_cases() {
  Cases cases = {
      binary("add", "trailing_bf16", Shape::kTrailing, DType::kBF16),
      binary("sub", "left", Shape::kLeftTrailing),
      binary("min", "same", Shape::kSame),
      binary("max", "same", Shape::kSame),
      binary("mul", "middle_f16", Shape::kMiddle, DType::kF16),
  };
  for (const std::string op : {"add", "mul", "sub", "div"}) {
    cases.push_back(binary(op, "same", Shape::kSame));
    cases.push_back(binary(op, "trailing", Shape::kTrailing));
    cases.push_back(binary(op, "scalar", Shape::kScalar));
    cases.push_back(binary(op, "column", Shape::kColumn));
    cases.push_back(binary(op, "middle", Shape::kMiddle));
    cases.push_back(binary(op, "left_column", Shape::kLeftColumn));
    cases.push_back(binary(op, "outer", Shape::kOuter));
  }
  return cases;
}

}  // namespace bp::conformance
