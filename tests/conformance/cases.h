// Every case of the suite, one list for each op's file. A case is a function that makes its problem.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "problem.h"

namespace bp::conformance {

struct Case {
  std::string name;
  std::function<void(Problem&)> make;
};

using Cases = std::vector<Case>;

Cases activation_cases();
Cases attention_cases();
Cases binary_cases();
Cases cast_cases();
Cases dequant_cases();
Cases draft_cases();
Cases expert_cases();
Cases gather_rows_cases();
Cases half_cases();
Cases index_cases();
Cases kv_write_cases();
Cases matmul_cases();
Cases matmul_stack_cases();
Cases norm_cases();
Cases ragged_cases();
Cases reduce_cases();
Cases rope_cases();
Cases sample_cases();
Cases scalar_cases();
Cases segment_cases();
Cases shape_cases();
Cases softmax_cases();

Cases all_cases();

// The sizes that break kernels: nothing, one, below, at and past a vector, many.
inline const std::vector<int64_t> kSizes = {0, 1, 3, 31, 33, 257};
// One run for each of them as the size of `symbol`.
std::vector<Sizes> runs_over(const std::string& symbol);

}  // namespace bp::conformance
