// The rows of this plugin, by family, and how a row is made from an Op class.
#pragma once

#include <span>

#include "ops/op.h"

namespace bp::cuda {

// All rows take true sizes from device memory where the region has them there. Numerics are, where nothing else is
// said, f32 in an order that depends on the row of the batch alone.
template <class T>
constexpr bp_kernel row(plugin::RowText text) {
  text.flags |= BP_K_CAPTURE_SAFE;
  if (text.numerics == nullptr) text.numerics = "cuda.f32/1";
  return plugin::op_row<T>(text);
}

std::span<const bp_kernel> attention_rows();
std::span<const bp_kernel> along_rows();
std::span<const bp_kernel> elementwise_rows();
std::span<const bp_kernel> expert_rows();
std::span<const bp_kernel> index_rows();
std::span<const bp_kernel> matmul_rows();
std::span<const bp_kernel> sample_rows();
std::span<const bp_kernel> shape_rows();

}  // namespace bp::cuda
