// The rows of this plugin, by family, and how a row is made from an Op class.
#pragma once

#include <span>

#include "ops/op.h"

namespace bp::cpu {

// Numerics are, where nothing else is said, f32 in an order that depends on the row of the batch alone.
template <class T>
constexpr bp_kernel row(plugin::RowText text) {
  if (text.numerics == nullptr) text.numerics = "cpu.f32/1";
  return plugin::op_row<T>(text);
}

std::span<const bp_kernel> matmul_rows();
std::span<const bp_kernel> matmul_many_rows();
std::span<const bp_kernel> matmul_stack_rows();
std::span<const bp_kernel> dequant_rows();
std::span<const bp_kernel> elementwise_rows();
std::span<const bp_kernel> norm_rows();
std::span<const bp_kernel> softmax_rows();
std::span<const bp_kernel> gather_rows_rows();
std::span<const bp_kernel> cast_rows();
std::span<const bp_kernel> rope_rows();
std::span<const bp_kernel> kv_write_rows();
std::span<const bp_kernel> attention_rows();
std::span<const bp_kernel> sample_rows();
std::span<const bp_kernel> scalar_rows();
std::span<const bp_kernel> index_rows();
std::span<const bp_kernel> expert_rows();
std::span<const bp_kernel> segment_rows();
std::span<const bp_kernel> shape_rows();

}  // namespace bp::cpu
