#include "graph/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "graph/infer.h"

namespace bp {
namespace {

// How many elements a node's operands may number: concat of all layers at most.
constexpr size_t kMaxOperands = 4096;

Result<uint64_t> tensor_bytes(const HostTensor& tensor, const std::string& where) {
  uint64_t rows = 1;
  for (size_t i = 0; i + 1 < tensor.dims.size(); ++i) {
    if (tensor.dims[i] < 0 || __builtin_mul_overflow(rows, static_cast<uint64_t>(tensor.dims[i]), &rows)) {
      return fail(ErrorCode::kRefused, where, "its dims overflow", "the file is damaged");
    }
  }
  const int64_t last = tensor.dims.empty() ? 1 : tensor.dims.back();
  const auto row = last < 0 ? std::nullopt : row_bytes(tensor.dtype, static_cast<uint64_t>(last));
  uint64_t total = 0;
  if (!row || __builtin_mul_overflow(*row, rows, &total)) {
    return fail(ErrorCode::kRefused, where,
                fmt::format("rows of {} elements do not fill {} blocks", last, dtype_name(tensor.dtype)),
                "the file is damaged");
  }
  return total;
}

Status check_tensor(const HostTensor& tensor, const std::string& where) {
  if (tensor.name.empty() || tensor.dtype == DType::kInvalid) {
    return fail(ErrorCode::kFailed, where, "a tensor needs a name and a dtype");
  }
  BP_TRY(const uint64_t expected, tensor_bytes(tensor, where));
  if (tensor.bytes.empty() || tensor.bytes.size() == expected) return {};
  return fail(ErrorCode::kRefused, where, fmt::format("{} bytes where its dims need {}", tensor.bytes.size(), expected),
              "the file is damaged");
}

}  // namespace

GraphBuilder::GraphBuilder(std::string name) { graph_.name = std::move(name); }

bool GraphBuilder::check(Status status) {
  if (!failed() && !status) status_ = std::move(status);
  return !failed();
}

Status GraphBuilder::check_symbol(const std::string& name, const Symbol& symbol) const {
  const auto same = std::any_of(graph_.symbols.begin(), graph_.symbols.end(),
                                [&](const Symbol& other) { return other.name == name; });
  if (!name.empty() && !same && symbol.min >= 0 && symbol.min <= symbol.max && symbol.multiple_of >= 1) return {};
  return fail(ErrorCode::kFailed, fmt::format("graph {}: symbol {}", graph_.name, name),
              fmt::format("{} (min {}, max {}, multiple of {})", same ? "is declared twice" : "has no valid range",
                          symbol.min, symbol.max, symbol.multiple_of));
}

SymbolId GraphBuilder::add_symbol(Symbol symbol) {
  if (!check(check_symbol(symbol.name, symbol))) return kNone;
  graph_.symbols.push_back(std::move(symbol));
  return static_cast<SymbolId>(graph_.symbols.size() - 1);
}

SymbolId GraphBuilder::symbol(std::string name, int64_t min, int64_t max, int64_t multiple_of) {
  Symbol symbol;
  symbol.name = std::move(name);
  symbol.min = min;
  symbol.max = max;
  symbol.multiple_of = multiple_of;
  return add_symbol(std::move(symbol));
}

SymbolId GraphBuilder::derived_symbol(std::string name, SymbolId base, int64_t mul, int64_t add) {
  if (failed()) return kNone;
  const bool known = base >= 0 && static_cast<size_t>(base) < graph_.symbols.size();
  const Symbol from = known ? graph_.symbols[static_cast<size_t>(base)] : Symbol{};
  Symbol symbol;
  const auto apply = [&](int64_t size, int64_t* out) {
    return !__builtin_mul_overflow(size, mul, out) && !__builtin_add_overflow(*out, add, out);
  };
  if (!known || mul < 1 || !apply(from.min, &symbol.min) || !apply(from.max, &symbol.max)) {
    check(fail(ErrorCode::kFailed, fmt::format("graph {}: symbol {}", graph_.name, name),
               fmt::format("{} * {} + {} is no size", mul, from.name, add)));
    return kNone;
  }
  symbol.name = std::move(name);
  symbol.base = base;
  symbol.mul = mul;
  symbol.add = add;
  int64_t step = 1;
  if (!__builtin_mul_overflow(mul, from.multiple_of, &step)) symbol.multiple_of = std::gcd(step, add);
  return add_symbol(std::move(symbol));
}

Status GraphBuilder::check_value(const Value& value) const {
  const std::string where = fmt::format("graph {}: {}", graph_.name, value.name);
  if (graph_.find(value.name) != kNone) return fail(ErrorCode::kFailed, where, "the name is taken", "choose another");
  const auto count = max_elements(graph_, value.dims);
  if (value.dtype != DType::kInvalid && value.dims.size() <= kMaxRank && count && *count <= int64_t{1} << 56) return {};
  return fail(ErrorCode::kFailed, where,
              fmt::format("{} {} is no shape", dtype_name(value.dtype), dims_text(graph_, value.dims)),
              fmt::format("give at most {} dims of valid size", kMaxRank));
}

ValueId GraphBuilder::add_value(Value value) {
  if (!check(check_value(value))) return kNone;
  graph_.values.push_back(std::move(value));
  return static_cast<ValueId>(graph_.values.size() - 1);
}

ValueId GraphBuilder::input(std::string name, DType dtype, std::vector<Extent> dims, Role role) {
  Value value;
  value.name = std::move(name);
  value.dtype = dtype;
  value.dims = std::move(dims);
  value.role = role;
  const ValueId id = add_value(std::move(value));
  if (id != kNone) graph_.inputs.push_back(id);
  return id;
}

ValueId GraphBuilder::weight(HostTensor tensor) {
  if (failed()) return kNone;
  const std::string where = fmt::format("graph {}: {}", graph_.name, tensor.name);
  if (const auto it = weights_.find(tensor.name); it != weights_.end()) {
    const HostTensor& known = graph_.host_tensors[static_cast<size_t>(graph_.value(it->second).host_tensor)];
    if (known.dtype == tensor.dtype && known.dims == tensor.dims) return it->second;
    check(fail(ErrorCode::kFailed, where, "two tensors of this name differ"));
    return kNone;
  }
  if (!check(check_tensor(tensor, where))) return kNone;
  Value value;
  value.name = tensor.name;
  value.dtype = tensor.dtype;
  for (const int64_t dim : tensor.dims) value.dims.push_back(Extent::fixed(dim));
  value.role = Role::kWeight;
  value.host_tensor = static_cast<int32_t>(graph_.host_tensors.size());
  const ValueId id = add_value(std::move(value));
  if (id == kNone) return kNone;
  weights_.emplace(tensor.name, id);
  graph_.host_tensors.push_back(std::move(tensor));
  return id;
}

Result<Node> GraphBuilder::make_node(std::string_view name, std::vector<ValueId> operands,
                                     std::vector<Attr> attrs) const {
  Node node;
  for (const std::string& scope : scopes_) node.scope += (node.scope.empty() ? "" : ".") + scope;
  const std::string where =
      fmt::format("graph {}: {}{}{}", graph_.name, node.scope, node.scope.empty() ? "" : " ", name);
  node.op = find_op(name);
  if (node.op == nullptr) return fail(ErrorCode::kUnsupported, where, "no such op", "see docs/opset.md");
  const std::vector<OperandDef>& defs = node.op->operands;
  const size_t limit = !defs.empty() && defs.back().variadic ? kMaxOperands : defs.size();
  while (operands.size() > 1 && operands.back() == kNone) operands.pop_back();
  for (size_t i = 0; i < std::max(operands.size(), defs.size()); ++i) {
    const ValueId id = i < operands.size() ? operands[i] : kNone;
    const bool optional = i < defs.size() ? defs[i].optional : false;
    if (i < limit && (id == kNone ? optional : id >= 0 && static_cast<size_t>(id) < graph_.values.size())) continue;
    return fail(ErrorCode::kFailed, where,
                i < defs.size() ? fmt::format("operand {} is missing", defs[i].name)
                                : fmt::format("{} operands are too many", operands.size()),
                "see docs/opset.md");
  }
  node.in = std::move(operands);
  BP_TRY(node.attrs, complete_attrs(*node.op, std::move(attrs), where));
  return node;
}

void GraphBuilder::add_results(Node& node, std::vector<ResultType> types) {
  for (size_t i = 0; i < types.size(); ++i) {
    Value value;
    value.dtype = types[i].dtype;
    value.dims = std::move(types[i].dims);
    value.producer = static_cast<NodeId>(graph_.nodes.size());
    const int updates = node.op->results[i].updates;
    if (updates >= 0) {
      value.updates = node.in[static_cast<size_t>(updates)];
      value.role = graph_.value(value.updates).role;
    }
    graph_.values.push_back(std::move(value));
    node.out.push_back(static_cast<ValueId>(graph_.values.size() - 1));
  }
}

Status GraphBuilder::add_node(Node node) {
  Inference call = inference_of(graph_, node);
  BP_TRY_VOID(infer(call));
  add_results(node, std::move(call.out));
  results_ = node.out;
  graph_.nodes.push_back(std::move(node));
  return {};
}

ValueId GraphBuilder::op(std::string_view name, std::vector<ValueId> operands, std::vector<Attr> attrs) {
  results_.clear();
  if (failed()) return kNone;
  Result<Node> node = make_node(name, std::move(operands), std::move(attrs));
  if (!node) {
    check(std::unexpected(std::move(node.error())));
    return kNone;
  }
  return check(add_node(std::move(*node))) ? results_.front() : kNone;
}

void GraphBuilder::push_scope(std::string_view name) { scopes_.emplace_back(name); }

void GraphBuilder::pop_scope() {
  BP_CHECK(!scopes_.empty(), "graph {}: no scope to pop", graph_.name);
  scopes_.pop_back();
}

void GraphBuilder::name(ValueId value, std::string name) {
  if (failed()) return;
  const std::string where = fmt::format("graph {}: {}", graph_.name, name);
  const bool made = value >= 0 && static_cast<size_t>(value) < graph_.values.size();
  if (!made || graph_.value(value).producer == kNone) {
    check(fail(ErrorCode::kFailed, where, "only the result of a node can be named"));
    return;
  }
  const ValueId known = graph_.find(name);
  if (known != kNone && known != value) {
    check(fail(ErrorCode::kFailed, where, "the name is taken", "choose another"));
    return;
  }
  graph_.value(value).name = std::move(name);
}

void GraphBuilder::output(ValueId value, std::string output_name) {
  name(value, std::move(output_name));
  if (!failed()) graph_.outputs.push_back(value);
}

Result<Graph> GraphBuilder::finish() {
  Graph graph = std::move(graph_);
  Status status = std::move(status_);
  *this = GraphBuilder(graph.name);
  BP_TRY_VOID(std::move(status));
  BP_TRY_VOID(verify(graph));
  return graph;
}

ValueId GraphBuilder::add(ValueId a, ValueId b) { return op("add", {a, b}); }
ValueId GraphBuilder::mul(ValueId a, ValueId b) { return op("mul", {a, b}); }
ValueId GraphBuilder::scale(ValueId x, double mul, double add) {
  return op("scale", {x}, {{"mul", mul}, {"add", add}});
}
ValueId GraphBuilder::silu(ValueId x) { return op("silu", {x}); }
ValueId GraphBuilder::gelu(ValueId x, bool tanh_approximation) {
  return op("gelu", {x}, {{"tanh", int64_t{tanh_approximation}}});
}
ValueId GraphBuilder::matmul(ValueId x, ValueId w) { return op("matmul", {x, w}); }
ValueId GraphBuilder::rms_norm(ValueId x, ValueId w, double eps) { return op("rms_norm", {x, w}, {{"eps", eps}}); }
ValueId GraphBuilder::layer_norm(ValueId x, ValueId w, ValueId b, double eps) {
  return op("layer_norm", {x, w, b}, {{"eps", eps}});
}
ValueId GraphBuilder::gather_rows(ValueId table, ValueId rows) { return op("gather_rows", {table, rows}); }

ValueId GraphBuilder::reshape(ValueId x, std::vector<Extent> dims) {
  std::vector<int64_t> codes;
  for (const Extent& dim : dims) codes.push_back(encode_extent(dim));
  return op("reshape", {x}, {{"dims", std::move(codes)}});
}

}  // namespace bp
