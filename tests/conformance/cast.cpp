#include <cmath>

#include "cases.h"

namespace bp::conformance {
namespace {

constexpr DType kTypes[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kI32, DType::kI64,
                            DType::kI16, DType::kI8,  DType::kU8,   DType::kBool};

// Values of every size and sign as f32 make the input, cast by the op itself; halves and what no integer holds too.
Case any_cast(DType from, DType to) {
  const std::string name = "cast_" + std::string(dtype_name(from)) + "_to_" + std::string(dtype_name(to)) + "_all";
  return {name, [=](Problem& p) {
            const auto fill = [](const Sizes& sizes) {
              std::vector<float> x;
              for (int64_t i = 0; i < sizes.at("n") * 19; ++i) {
                const auto place = static_cast<float>(i * 7919 % 1013 - 500);
                x.push_back(i % 3 == 0 ? place * 0.5f : i % 3 == 1 ? place * 1e7f : place * 0.01f);
                if (i % 101 == 7) x.back() = NAN;
                if (i % 103 == 9) x.back() = INFINITY;
              }
              return bytes_of(x);
            };
            GraphBuilder& b = p.builder();
            ValueId x = p.param("x", DType::kF32, {p.symbol("n", 257), Problem::fixed(19)}, fill);
            if (from != DType::kF32) x = b.op("cast", {x}, {{"dtype", static_cast<int64_t>(from)}});
            p.output(b.op("cast", {x}, {{"dtype", static_cast<int64_t>(to)}}));
            p.tolerance = exact();
            p.runs = runs_over("n");
          }};
}

}  // namespace

Cases cast_cases() {
  Cases cases;
  for (const auto& [name, dtype] : {std::pair{"f16", DType::kF16}, std::pair{"bf16", DType::kBF16}}) {
    cases.push_back({std::string("cast_to_") + name, [=](Problem& p) {
                       const ValueId x = p.activation("x", {p.symbol("n", 257), Problem::fixed(19)}, 100);
                       p.output(p.builder().op("cast", {x}, {{"dtype", static_cast<int64_t>(dtype)}}));
                       p.tolerance = exact();
                       p.runs = runs_over("n");
                     }});
    cases.push_back({std::string("cast_from_") + name, [=](Problem& p) {
                       const Extent n = p.symbol("n", 257);
                       const auto fill = [=](const Sizes& sizes) {
                         return random_bytes(dtype, sizes.at("n"), 19, 10, 3);
                       };
                       const ValueId x = p.param("x", dtype, {n, Problem::fixed(19)}, fill);
                       p.output(p.builder().op("cast", {x}, {{"dtype", static_cast<int64_t>(DType::kF32)}}));
                       p.tolerance = exact();
                       p.runs = runs_over("n");
                     }});
  }
  for (const DType from : kTypes) {
    for (const DType to : kTypes) {
      if (from != to) cases.push_back(any_cast(from, to));
    }
  }
  return cases;
}

}  // namespace bp::conformance
