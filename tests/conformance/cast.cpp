#include "cases.h"

namespace bp::conformance {

Cases cast_cases() {
  Cases cases;
  for (const auto& [name, dtype] : {std::pair{"f16", DType::kF16}, std::pair{"bf16", DType::kBF16}}) {
    cases.push_back({std::string("cast_to_") + name, [=](Problem& p) {
                       const ValueId x = p.activation("x", {p.symbol("n", 257), Problem::fixed(19)}, 100);
                       p.output(p.builder().op("cast", {x}, {{"dtype", static_cast<int64_t>(dtype)}}));
                       p.tolerance = {0, 0};
                       p.runs = runs_over("n");
                     }});
    cases.push_back({std::string("cast_from_") + name, [=](Problem& p) {
                       const Extent n = p.symbol("n", 257);
                       const auto fill = [=](const Sizes& sizes) {
                         return random_bytes(dtype, sizes.at("n"), 19, 10, 3);
                       };
                       const ValueId x = p.param("x", dtype, {n, Problem::fixed(19)}, fill);
                       p.output(p.builder().op("cast", {x}, {{"dtype", static_cast<int64_t>(DType::kF32)}}));
                       p.tolerance = {0, 0};
                       p.runs = runs_over("n");
                     }});
  }
  return cases;
}

}  // namespace bp::conformance
