// The rows of this plugin, by family, and how a row is made from an Op class.
#pragma once

#include <backplane/plugin.h>

#include <span>

#include "ops/op.h"
#include "ops/op_plan.h"

namespace bp::cuda {

struct RowText {
  const char* id;
  const char* pattern;
  const char* where = "";
  const char* alias = "";
  const void* user = nullptr;
  int32_t priority = 0;
  const char* numerics = "cuda.f32/1";  // f32, in an order that depends on the row of the batch alone
};

// All rows take true sizes from device memory where the region has them there.
template <class T>
constexpr bp_kernel row(const RowText& text) {
  bp_kernel out{};
  out.struct_size = sizeof(bp_kernel);
  out.flags = BP_K_CAPTURE_SAFE;
  out.priority = text.priority;
  out.user = text.user;
  out.id = text.id;
  out.pattern = text.pattern;
  out.where = text.where;
  out.layouts = "";
  out.alias = text.alias;
  out.numerics = text.numerics;
  out.query = op_query<T>;
  out.plan = op_plan<T>;
  return out;
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
