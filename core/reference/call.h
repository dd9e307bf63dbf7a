// One call of an op, as the reference functions see it, and the functions themselves. Internal to the module.
// Thread-safety: as reference.h.
#pragma once

#include <string_view>

#include "reference/element.h"

namespace bp {

struct RefCall {
  const OpDef& op;
  std::span<const Attr> attrs;
  std::span<const RefTensor> in;  // as many as the op has operands, or more with a variadic one
  std::span<RefTensor> out;

  bool has(size_t operand) const { return operand < in.size() && in[operand].dtype != DType::kInvalid; }
  int64_t attr_int(std::string_view key) const;
  float attr_float(std::string_view key) const;
  const std::vector<int64_t>& attr_ints(std::string_view key) const;
  std::unexpected<Error> error(std::string what) const;
};

int64_t n_elements(const RefTensor& tensor);
// The last dim (1 of a scalar), and the product of the others.
int64_t row_size(const RefTensor& tensor);
int64_t n_rows(const RefTensor& tensor);
// Elements from one index of the first dim to the next.
int64_t slab_size(const RefTensor& tensor);
int64_t tensor_bytes(const RefTensor& tensor);
// A negative axis counts from the end.
size_t axis_of(const RefCall& call, const RefTensor& tensor);

std::vector<float> read_all(const RefTensor& tensor);
std::vector<float> read_row(const RefTensor& tensor, int64_t row);
void write_row(const RefTensor& tensor, int64_t row, std::span<const float> values);
void copy_bytes(const RefTensor& from, const RefTensor& to);

// Σ a b with 8 partial sums: the same order everywhere, and a loop that compilers vectorise.
float dot(const float* a, const float* b, int64_t n);

// [S+1] ascending offsets within [0, limit], or an error naming `what`.
Result<std::vector<int64_t>> read_offsets(const RefCall& call, const RefTensor& tensor, int64_t limit);

// Steps (in elements, 0 where repeated) of an operand along the dims of a result that it broadcasts to.
std::vector<int64_t> broadcast_steps(const std::vector<int64_t>& from, const std::vector<int64_t>& to);
// Offset of row `row` (all dims of `to` but the last).
int64_t broadcast_offset(const std::vector<int64_t>& steps, const std::vector<int64_t>& to, int64_t row);

using RefFunction = Status (*)(const RefCall& call);
Status ref_unary(const RefCall& call);  // elementwise.cpp
Status ref_scale(const RefCall& call);
Status ref_clamp(const RefCall& call);
Status ref_cast(const RefCall& call);
Status ref_binary(const RefCall& call);  // binary.cpp
Status ref_where(const RefCall& call);
Status ref_reduce(const RefCall& call);  // reduce.cpp
Status ref_argmax(const RefCall& call);
Status ref_cumsum(const RefCall& call);
Status ref_softmax(const RefCall& call);
Status ref_topk(const RefCall& call);
Status ref_rms_norm(const RefCall& call);  // norm.cpp
Status ref_layer_norm(const RefCall& call);
Status ref_copy(const RefCall& call);  // shape.cpp
Status ref_transpose(const RefCall& call);
Status ref_slice(const RefCall& call);
Status ref_concat(const RefCall& call);
Status ref_broadcast(const RefCall& call);
Status ref_iota(const RefCall& call);
Status ref_gather_rows(const RefCall& call);  // index.cpp
Status ref_scatter_rows(const RefCall& call);
Status ref_gather_last(const RefCall& call);
Status ref_scatter_last(const RefCall& call);
Status ref_matmul(const RefCall& call);  // matmul.cpp
Status ref_matmul_batched(const RefCall& call);
Status ref_matmul_indexed(const RefCall& call);
Status ref_expert_sort(const RefCall& call);  // experts.cpp
Status ref_matmul_grouped(const RefCall& call);
Status ref_moe_combine(const RefCall& call);
Status ref_dequant(const RefCall& call);  // dequant.cpp
Status ref_quantize(const RefCall& call);
Status ref_rope(const RefCall& call);      // rope.cpp
Status ref_kv_write(const RefCall& call);  // kv.cpp
Status ref_kv_gather(const RefCall& call);
Status ref_attention(const RefCall& call);  // attention.cpp
Status ref_attention_ragged(const RefCall& call);
Status ref_segment_mean(const RefCall& call);
Status ref_sample(const RefCall& call);  // sample.cpp
Status ref_verify_draft(const RefCall& call);
Status ref_collective(const RefCall& call);  // collective.cpp

}  // namespace bp
