#include "cases.h"

namespace bp::conformance {

Cases all_cases() {
  Cases all;
  for (const auto& cases :
       {activation_cases(),   attention_cases(),   binary_cases(), cast_cases(),   dequant_cases(),  draft_cases(),
        expert_cases(),       gather_rows_cases(), half_cases(),   index_cases(),  kv_write_cases(), matmul_cases(),
        matmul_stack_cases(), norm_cases(),        ragged_cases(), reduce_cases(), rope_cases(),     sample_cases(),
        scalar_cases(),       segment_cases(),     shape_cases(),  softmax_cases()}) {
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

std::vector<Sizes> runs_over(const std::string& symbol) {
  std::vector<Sizes> runs;
  for (const int64_t size : kSizes) runs.push_back({{symbol, size}});
  return runs;
}

}  // namespace bp::conformance
