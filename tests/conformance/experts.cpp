#include <algorithm>

#include "cases.h"

namespace bp::conformance {
namespace {

// Slots of a few popular experts, some of none.
Problem::Fill chosen(int64_t k, int64_t n_experts) {
  return [=](const Sizes& sizes) {
    std::vector<int32_t> out;
    for (int64_t i = 0; i < sizes.at("n") * k; ++i) {
      out.push_back(static_cast<int32_t>(i * i * 31 % (n_experts + 2) - 1));
    }
    return bytes_of(out);
  };
}

Case expert_sort(int64_t k, int64_t n_experts) {
  return {"expert_sort_" + std::to_string(k) + "_of_" + std::to_string(n_experts), [=](Problem& p) {
            const std::vector<Extent> dims = {p.symbol("n", 257), Problem::fixed(k)};
            p.symbol_times("slots", "n", k);
            const ValueId idx = p.param("idx", DType::kI32, dims, chosen(k, n_experts));
            p.output(p.builder().op("expert_sort", {idx}, {{"n_experts", n_experts}}));
            p.output(p.builder().results()[1]);
            p.tolerance = exact();
            p.runs = runs_over("n");
          }};
}

Case moe_combine(int64_t k, int64_t columns) {
  return {"moe_combine_" + std::to_string(k) + "_" + std::to_string(columns), [=](Problem& p) {
            GraphBuilder& b = p.builder();
            const Extent n = p.symbol("n", 257);
            const Extent slots = p.symbol_times("slots", "n", k);
            const ValueId idx = p.param("idx", DType::kI32, {n, Problem::fixed(k)}, chosen(k, 8));
            const ValueId order = b.op("expert_sort", {idx}, {{"n_experts", int64_t{8}}});
            const ValueId y = p.activation("y", {n, Problem::fixed(k), Problem::fixed(columns)});
            p.output(b.op("moe_combine", {b.reshape(y, {slots, Problem::fixed(columns)}), order,
                                          p.activation("weights", {n, Problem::fixed(k)})}));
            p.runs = runs_over("n");
          }};
}

}  // namespace

Cases expert_cases() {
  return {expert_sort(1, 1),  expert_sort(2, 8),  expert_sort(8, 160), expert_sort(4, 3),
          moe_combine(1, 33), moe_combine(2, 64), moe_combine(8, 257)};
}

}  // namespace bp::conformance
