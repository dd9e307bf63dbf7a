#include <fmt/format.h>

#include "graph/opset_families.h"

namespace bp {
namespace {

Status infer_reduction(Inference& call) {
  std::vector<Extent> dims = call.rest;
  if (call.attr_int("keep") != 0) dims.push_back(Extent::fixed(1));
  const DType fixed = call.op.results[0].dtype;
  call.out.push_back({fixed == DType::kInvalid ? call.operand(0).dtype : fixed, std::move(dims)});
  return {};
}

OpDef reduction(std::string_view name, std::string_view doc, DType dtype = DType::kInvalid) {
  return {.name = name,
          .operands = {{"x", "[.., N]"}},
          .results = {{"y", "[..], or [.., 1] with keep", dtype}},
          .attrs = {optional_int("keep", 0, "1: the reduced dim stays, as 1")},
          .doc = doc,
          .infer = infer_reduction};
}

OpDef along_rows(std::string_view name, std::string_view doc) {
  return {.name = name, .operands = {{"x", "[.., N]"}}, .results = {{"y", "[.., N]"}}, .doc = doc};
}

Status infer_topk(Inference& call) {
  const int64_t k = call.attr_int("k");
  const int64_t n = call.graph.min_size(call.operand(0).dims.back());
  if (k >= 1 && k <= n) return {};
  return call.error(fmt::format("k = {} of {}", k, call.show(0)), "k must lie in 1..N");
}

}  // namespace

void add_reduce_ops(Opset& ops) {
  ops.push_back(reduction("reduce_sum", "y = Σ over the last axis"));
  ops.push_back(reduction("reduce_mean", "y = the mean over the last axis"));
  ops.push_back(reduction("reduce_max", "y = the maximum over the last axis; -inf of an empty one"));
  ops.push_back(reduction("argmax", "index of the maximum over the last axis; the lowest of equals; NaN counts as -inf",
                          DType::kI32));
  ops.push_back(along_rows("cumsum", "y[.., i] = Σ of x[.., 0..i]"));
  ops.back().operands[0].type = TypeRule::kNumber;
  ops.push_back(along_rows("softmax", "y = e^(x - max) / Σ e^(x - max) over the last axis; a row of -inf gives zeros"));
  ops.push_back(along_rows("log_softmax", "y = x - max - ln Σ e^(x - max) over the last axis"));
  ops.push_back(
      {.name = "topk",
       .operands = {{"x", "[.., N]"}},
       .results = {{"values", "[.., k]"}, {"indices", "[.., k]", DType::kI32}},
       .attrs = {required_int("k", "how many")},
       .doc = "The k largest of the last axis, descending; of equals the lower index first; NaN counts as -inf.",
       .infer = infer_topk});
  ops.push_back({.name = "rms_norm",
                 .operands = {{"x", "[.., H]"}, {"w", "[H]", TypeRule::kFloat, true}},
                 .results = {{"y", "[.., H]"}},
                 .attrs = {required_float("eps", "added to the mean square")},
                 .doc = "y = x / √(mean of x² over the last axis + eps) * w"});
  ops.push_back(
      {.name = "layer_norm",
       .operands = {{"x", "[.., H]"}, {"w", "[H]", TypeRule::kFloat, true}, {"b", "[H]", TypeRule::kFloat, true}},
       .results = {{"y", "[.., H]"}},
       .attrs = {required_float("eps", "added to the variance")},
       .doc = "y = (x - mean) / √(variance + eps) * w + b over the last axis"});
}

}  // namespace bp
