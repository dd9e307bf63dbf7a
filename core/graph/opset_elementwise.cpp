#include <fmt/format.h>

#include <algorithm>

#include "graph/opset_families.h"

namespace bp {
namespace {

OpDef unary(std::string_view name, std::string_view doc, std::vector<AttrDef> attrs = {}) {
  return {.name = name, .operands = {{"x", "[..]"}}, .results = {{"y", "[..]"}}, .attrs = std::move(attrs), .doc = doc};
}

Status infer_binary(Inference& call) {
  if (is_float(call.operand(0).dtype) != is_float(call.operand(1).dtype) ||
      (!is_float(call.operand(0).dtype) && call.operand(0).dtype != call.operand(1).dtype)) {
    return call.error(
        fmt::format("a is {} and b is {}", dtype_name(call.operand(0).dtype), dtype_name(call.operand(1).dtype)),
        "cast one of them");
  }
  BP_TRY(auto dims, broadcast_dims(call, 0, 1));
  const DType fixed = call.op.results[0].dtype;
  call.out.push_back({fixed == DType::kInvalid ? call.operand(0).dtype : fixed, std::move(dims)});
  return {};
}

OpDef binary(std::string_view name, std::string_view doc, bool commutative = false) {
  return {.name = name,
          .operands = {{"a", "any", TypeRule::kNumber}, {"b", "any", TypeRule::kNumber}},
          .results = {{"y", "broadcast of a and b"}},
          .doc = doc,
          .commutative = commutative,
          .infer = infer_binary};
}

OpDef comparison(std::string_view name, std::string_view doc) {
  OpDef op = binary(name, doc);
  op.results[0].dtype = DType::kBool;
  return op;
}

OpDef logical(std::string_view name, std::string_view doc) {
  OpDef op = comparison(name, doc);
  op.operands[0].type = op.operands[1].type = TypeRule::kBool;
  op.commutative = true;
  return op;
}

Status infer_clamp(Inference& call) {
  const double low = std::get<double>(call.attrs[0].value);
  const double high = std::get<double>(call.attrs[1].value);
  return low <= high ? Status() : call.error(fmt::format("min {} is not below max {}", low, high), "swap them");
}

Status infer_cast(Inference& call) {
  const DType dtype = call.attr_dtype("dtype");
  if (dtype == DType::kInvalid || dtype_info(dtype).block_elements > 1) {
    return call.error(fmt::format("cannot cast to dtype number {}", call.attr_int("dtype")), "use a plain dtype");
  }
  call.out.push_back({dtype, call.operand(0).dims});
  return {};
}

Status infer_where(Inference& call) {
  if (call.operand(1).dtype != call.operand(2).dtype) return call.error("a and b differ in dtype", "cast one of them");
  if (is_block(call.operand(1).dtype)) return call.error("a and b have a block dtype", "dequantise them first");
  BP_TRY(auto dims, broadcast_dims(call, 1, 2));
  Value joined = call.operand(1);
  joined.dims = std::move(dims);
  Inference with_cond = call;
  with_cond.in[1] = &joined;
  BP_TRY(auto all, broadcast_dims(with_cond, 0, 1));
  call.out.push_back({joined.dtype, std::move(all)});
  return {};
}

void add_unary_ops(Opset& ops) {
  ops.push_back(unary("neg", "y = -x"));
  ops.push_back(unary("abs", "y = |x|"));
  ops.push_back(unary("exp", "y = e^x"));
  ops.push_back(unary("log", "y = ln x"));
  ops.push_back(unary("sqrt", "y = √x"));
  ops.push_back(unary("rsqrt", "y = 1 / √x"));
  ops.push_back(unary("sin", "y = sin x"));
  ops.push_back(unary("cos", "y = cos x"));
  ops.push_back(unary("tanh", "y = tanh x"));
  ops.push_back(unary("sigmoid", "y = 1 / (1 + e^-x)"));
  ops.push_back(unary("silu", "y = x / (1 + e^-x)"));
  ops.push_back(unary("relu", "y = max(x, 0)"));
  ops.push_back(unary("softplus", "y = ln(1 + e^x)"));
  ops.push_back(unary("gelu", "y = x Φ(x) = x/2 (1 + erf(x/√2)); with tanh, x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))",
                      {optional_int("tanh", 0, "1: the approximation by tanh")}));
  ops.push_back(unary("scale", "y = x * mul + add",
                      {required_float("mul", "the factor"), optional_float("add", 0, "the summand")}));
  ops.push_back(unary("clamp", "y = min(max(x, min), max)",
                      {required_float("min", "lower bound"), required_float("max", "upper bound")}));
  ops.back().infer = infer_clamp;
  ops.push_back({.name = "cast",
                 .operands = {{"x", "[..]", TypeRule::kAny}},
                 .results = {{"y", "[..]"}},
                 .attrs = {required_int("dtype", "number of the result's dtype, a plain one")},
                 .doc =
                     "y = x in another dtype. To a float: rounded to nearest even; to an integer: rounded to nearest "
                     "even and clamped to its range, NaN gives 0; to bool: x ≠ 0.",
                 .infer = infer_cast});
}

}  // namespace

Result<std::vector<Extent>> broadcast_dims(const Inference& call, size_t a, size_t b) {
  const auto& x = call.operand(a).dims;
  const auto& y = call.operand(b).dims;
  std::vector<Extent> dims = x.size() >= y.size() ? x : y;
  const std::vector<Extent>& other = x.size() >= y.size() ? y : x;
  for (size_t i = 0; i < other.size(); ++i) {
    Extent& dim = dims[dims.size() - 1 - i];
    const Extent& with = other[other.size() - 1 - i];
    if (same_extent(call.graph, dim, with) || with == Extent::fixed(1)) continue;
    if (dim != Extent::fixed(1)) {
      return call.error(fmt::format("{} and {} do not broadcast", call.show(a), call.show(b)),
                        "dims must be equal or 1, counted from the last");
    }
    dim = with;
  }
  return dims;
}

void add_elementwise_ops(Opset& ops) {
  add_unary_ops(ops);
  ops.push_back(binary("add", "y = a + b", true));
  ops.push_back(binary("sub", "y = a - b"));
  ops.push_back(binary("mul", "y = a b", true));
  ops.push_back(binary("div", "y = a / b; of integers: rounded towards zero, and 0 where b is 0"));
  ops.push_back(binary("min", "y = the smaller of a and b"));
  ops.push_back(binary("max", "y = the larger of a and b"));
  ops.push_back(binary("pow", "y = a^b"));
  ops.back().operands[0].type = ops.back().operands[1].type = TypeRule::kFloat;
  ops.push_back(comparison("lt", "y = a < b"));
  ops.push_back(comparison("le", "y = a ≤ b"));
  ops.push_back(comparison("eq", "y = (a = b)"));
  ops.push_back(logical("logical_and", "y = a and b"));
  ops.push_back(logical("logical_or", "y = a or b"));
  ops.push_back({.name = "logical_not",
                 .operands = {{"x", "[..]", TypeRule::kBool}},
                 .results = {{"y", "[..]"}},
                 .doc = "y = not x"});
  ops.push_back(
      {.name = "where",
       .operands = {{"cond", "any", TypeRule::kBool}, {"a", "any", TypeRule::kAny}, {"b", "any", TypeRule::kAny}},
       .results = {{"y", "broadcast of all three"}},
       .doc = "y = a where cond, else b; a and b have one dtype",
       .infer = infer_where});
}

}  // namespace bp
