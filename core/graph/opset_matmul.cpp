#include <fmt/format.h>

#include "graph/opset_families.h"

namespace bp {
namespace {

Status infer_indexed(Inference& call) {
  const std::vector<Extent>& x = call.operand(0).dims;
  std::vector<Extent> dims = call.operand(2).dims;
  if (x.size() > dims.size() + 1) {
    return call.error(fmt::format("{} has slots and {} has none", call.show(0), call.show(2)), "idx must be [T, k]");
  }
  dims.push_back(call.dim("N"));
  call.out.push_back({call.operand(0).dtype, std::move(dims)});
  return {};
}

Status infer_expert_sort(Inference& call) {
  const int64_t n = call.attr_int("n_experts");
  if (n >= 1 && n <= (1 << 20)) return {};
  return call.error(fmt::format("n_experts = {}", n), "use 1 to 1048576");
}

bool is_dequantisable(DType dtype) {
  return dtype == DType::kI4 || dtype == DType::kU4 || dtype == DType::kI8 || dtype == DType::kU8 ||
         dtype == DType::kFp8E4M3 || dtype == DType::kFp8E5M2 || dtype == DType::kFp4E2M1;
}

Status infer_dequant(Inference& call) {
  const int64_t block_n = call.attr_int("block_n"), block_k = call.attr_int("block_k");
  if (block_n < 1 || block_k < 1)
    return call.error(fmt::format("blocks of {} x {}", block_n, block_k), "use 1 or more");
  if (!is_dequantisable(call.operand(0).dtype)) {
    return call.error(fmt::format("w is {}", dtype_name(call.operand(0).dtype)),
                      "use i4 u4 i8 u8 fp8_e4m3 fp8_e5m2 fp4_e2m1");
  }
  const DType dtype = call.attr_dtype("dtype");
  if (!is_float(dtype)) return call.error("the result's dtype is no float", "use f32, f16 or bf16");
  call.out.push_back({dtype, call.operand(0).dims});
  return {};
}

Status infer_quantize(Inference& call) {
  const int64_t block = call.attr_int("block_k");
  const Extent& k = call.operand(0).dims.back();
  const DType dtype = call.attr_dtype("dtype");
  if (block < 1 || !k.is_static() || k.value % block != 0) {
    return call.error(fmt::format("blocks of {} in {}", block, call.show(0)), "block_k must divide K");
  }
  if (!is_dequantisable(dtype) || dtype == DType::kU8 || dtype == DType::kU4) {
    return call.error(fmt::format("cannot quantise to dtype number {}", call.attr_int("dtype")),
                      "use i4 i8 fp8_e4m3 fp8_e5m2 fp4_e2m1");
  }
  std::vector<Extent> scales = call.operand(0).dims;
  scales.back() = Extent::fixed(k.value / block);
  call.out.push_back({dtype, call.operand(0).dims});
  call.out.push_back({DType::kF32, std::move(scales)});
  return {};
}

void add_dense_ops(Opset& ops) {
  ops.push_back({.name = "matmul",
                 .operands = {{"x", "[.., K]"}, {"w", "[N, K]", TypeRule::kDecodable}},
                 .results = {{"y", "[.., N]"}},
                 .doc = "y[m, n] = Σ_k x[m, k] w[n, k]"});
  ops.push_back({.name = "matmul_batched",
                 .operands = {{"x", "[.., B, K]"}, {"w", "[B, N, K]", TypeRule::kDecodable}},
                 .results = {{"y", "[.., B, N]"}},
                 .doc = "y[m, b, n] = Σ_k x[m, b, k] w[b, n, k]: a matrix per head"});
  ops.push_back({.name = "matmul_indexed",
                 .operands = {{"x", "[T, K] or [T, k, K]"},
                              {"w", "[E, N, K]", TypeRule::kDecodable},
                              {"idx", "[T] or [T, k]", TypeRule::kI32}},
                 .results = {{"y", "idx's dims, then N"}},
                 .doc =
                     "y[t, j, n] = Σ_c x[t, j, c] w[idx[t, j], n, c]; an index outside [0, E) gives zeros. Experts by "
                     "id, LoRA adapters by row. x [T, K] with idx [T, k] serves each slot.",
                 .infer = infer_indexed});
}

void add_expert_ops(Opset& ops) {
  ops.push_back({.name = "expert_sort",
                 .operands = {{"idx", "[T, k]", TypeRule::kI32}},
                 .results = {{"order", "[T*k]", DType::kI32}, {"offsets", "[n_experts+1]", DType::kI32}},
                 .attrs = {required_int("n_experts", "experts are 0..n_experts-1")},
                 .doc = "order holds the flat slots t*k+j grouped by expert, in their order within one; those outside "
                        "[0, n_experts) come last. Expert e has order[offsets[e]..offsets[e+1]].",
                 .infer = infer_expert_sort});
  ops.push_back(
      {.name = "matmul_grouped",
       .operands = {{"x", "[R, K]"}, {"w", "[E, N, K]", TypeRule::kDecodable}, {"offsets", "[E+1]", TypeRule::kI32}},
       .results = {{"y", "[R, N]"}},
       .doc = "Row r with offsets[e] <= r < offsets[e+1] is x[r] times w[e]; rows past offsets[E] give zeros."});
  ops.push_back({.name = "moe_combine",
                 .operands = {{"y", "[T*k, N]"}, {"order", "[T*k]", TypeRule::kI32}, {"weights", "[T, k]"}},
                 .results = {{"z", "[T, N]"}},
                 .doc = "z[t] = Σ_j weights[t, j] y[r], where order[r] = t*k+j."});
}

}  // namespace

void add_matmul_ops(Opset& ops) {
  add_dense_ops(ops);
  add_expert_ops(ops);
  ops.push_back({.name = "dequant",
                 .operands = {{"w", "[N, K]", TypeRule::kDecodable},
                              {"scales", "[N/block_n, K/block_k]", TypeRule::kScale},
                              {"zeros", "[N/block_n, K/block_k]", TypeRule::kDecodable, true},
                              {"perm", "[K]", TypeRule::kI32, true}},
                 .results = {{"y", "[N, K]"}},
                 .attrs = {optional_int("block_n", 1, "rows that share a scale"),
                           required_int("block_k", "columns that share a scale"),
                           optional_int("dtype", 1, "number of the result's dtype, a float")},
                 .doc =
                     "y[n, k] = (w[n, p] - zeros[n/block_n, p/block_k]) scales[n/block_n, p/block_k] with p = perm[k], "
                     "or k without perm; zeros where p is outside [0, K). Kernels match it together with its matmul.",
                 .infer = infer_dequant});
  ops.push_back(
      {.name = "quantize",
       .operands = {{"x", "[.., K]"}},
       .results = {{"q", "[.., K]"}, {"scales", "[.., K/block_k]", DType::kF32}},
       .attrs = {required_int("block_k", "columns that share a scale; divides K"),
                 required_int("dtype", "number of q's dtype: i4 i8 fp8_e4m3 fp8_e5m2 fp4_e2m1")},
       .doc = "Symmetric: scale = absmax / qmax of each block (qmax 7, 127, 448, 57344, 6), q = x / scale rounded "
              "to nearest even; a block of zeros has scale 0.",
       .infer = infer_quantize});
}

}  // namespace bp
