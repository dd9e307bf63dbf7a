#include "kernel_table.h"

#include <span>

#include "ops/rows.h"

namespace bp::cpu {

std::vector<const bp_kernel*> kernel_table(IsaLevel isa) {
  std::vector<const bp_kernel*> table;
  if (isa == IsaLevel::kNone) return table;
  for (const std::span<const bp_kernel> rows :
       {matmul_rows(), matmul_many_rows(), matmul_stack_rows(), dequant_rows(), elementwise_rows(), norm_rows(),
        softmax_rows(), gather_rows_rows(), cast_rows(), rope_rows(), kv_write_rows(), attention_rows(), sample_rows(),
        shape_rows(), scalar_rows(), index_rows(), expert_rows(), segment_rows()}) {
    for (const bp_kernel& row : rows) table.push_back(&row);
  }
  return table;
}

}  // namespace bp::cpu
