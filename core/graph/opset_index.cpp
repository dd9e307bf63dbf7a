#include <fmt/format.h>

#include "graph/opset_families.h"

namespace bp {
namespace {

Status infer_gather_rows(Inference& call) {
  const Value& table = call.operand(0);
  const bool quantised = !accepts(TypeRule::kNumber, table.dtype) && table.dtype != DType::kBool;
  DType dtype = quantised ? DType::kF32 : table.dtype;
  if (call.attr_int("dtype") != 0) dtype = call.attr_dtype("dtype");
  if (dtype != table.dtype && !is_float(dtype)) {
    return call.error(
        fmt::format("cannot gather {} as dtype number {}", dtype_name(table.dtype), call.attr_int("dtype")),
        "use a float dtype");
  }
  if (quantised && call.rest.empty()) return call.error(call.show(0) + " has no rows", "give it a second dim");
  BP_TRY(auto dims, result_dims(call, call.op.results[0]));
  call.out.push_back({dtype, std::move(dims)});
  return {};
}

Status infer_scatter_rows(Inference& call) {
  const DType target = call.operand(0).dtype, src = call.operand(2).dtype;
  if (target == src || (is_float(target) && is_float(src))) return {};
  return call.error(fmt::format("src is {} and target {}", dtype_name(src), dtype_name(target)), "cast src");
}

Status infer_scatter_last(Inference& call) {
  if (call.operand(0).dtype == call.operand(2).dtype) return {};
  return call.error("src and x differ in dtype", "cast src");
}

}  // namespace

void add_index_ops(Opset& ops) {
  ops.push_back(
      {.name = "gather_rows",
       .operands = {{"table", "[R, ..]", TypeRule::kAny}, {"rows", "[n]", TypeRule::kI32}},
       .results = {{"y", "[n, ..]"}},
       .attrs = {optional_int("dtype", 0, "number of the result's dtype; 0: the table's, f32 where quantised")},
       .doc = "y[i] = table[rows[i]]; an index outside [0, R) gives a row of zeros.",
       .infer = infer_gather_rows});
  ops.push_back({.name = "scatter_rows",
                 .operands = {{"target", "[R, ..]", TypeRule::kNumber},
                              {"rows", "[n]", TypeRule::kI32},
                              {"src", "[n, ..]", TypeRule::kNumber}},
                 .results = {{.name = "target'", .shape = "[R, ..]", .updates = 0}},
                 .doc = "target[rows[i]] = src[i], in order of i; rows outside [0, R) are skipped.",
                 .infer = infer_scatter_rows});
  ops.push_back({.name = "gather_last",
                 .operands = {{"x", "[.., N]", TypeRule::kNumber}, {"idx", "[.., k]", TypeRule::kI32}},
                 .results = {{"y", "[.., k]"}},
                 .doc = "y[.., j] = x[.., idx[.., j]]; an index outside [0, N) gives 0."});
  ops.push_back(
      {.name = "scatter_last",
       .operands = {{"x", "[.., N]", TypeRule::kNumber},
                    {"idx", "[.., k]", TypeRule::kI32},
                    {"src", "[.., k]", TypeRule::kNumber}},
       .results = {{"y", "[.., N]"}},
       .doc = "x with src[.., j] at idx[.., j], in order of j; a new value. Indices outside [0, N) are skipped.",
       .infer = infer_scatter_last});
}

}  // namespace bp
