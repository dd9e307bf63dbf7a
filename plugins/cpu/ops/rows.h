// The rows of this plugin, by family, and how a row is made from an Op class.
#pragma once

#include <backplane/plugin.h>

#include <span>

#include "ops/op.h"
#include "ops/op_plan.h"

namespace bp::cpu {

struct RowText {
  const char* id;
  const char* pattern;
  const char* where = "";
  const char* alias = "";
  const void* user = nullptr;
  int32_t priority = 0;
  const char* layouts = "";
  const char* numerics = "cpu.f32/1";  // f32, in an order that depends on the row of the batch alone
};

template <class T>
constexpr bp_kernel row(const RowText& text) {
  bp_kernel out{};
  out.struct_size = sizeof(bp_kernel);
  out.priority = text.priority;
  out.user = text.user;
  out.id = text.id;
  out.pattern = text.pattern;
  out.where = text.where;
  out.layouts = text.layouts;
  out.alias = text.alias;
  out.numerics = text.numerics;
  out.query = op_query<T>;
  out.plan = op_plan<T>;
  return out;
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
