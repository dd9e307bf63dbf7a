#include "api/trace.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/derived_size.h"
#include "api/scope.h"
#include "api/session_state.h"
#include "graph/extent.h"
#include "graph/opset.h"

namespace bp::api {

Trace*& Trace::current() {
  thread_local Trace* trace = nullptr;
  return trace;
}

std::unexpected<bp::Error> Trace::builder_error() {
  auto graph = builder_.finish();
  finished_ = true;
  if (graph.has_value()) return fail(bp::ErrorCode::kFailed, "trace", "the builder failed without an error");
  return std::unexpected(std::move(graph.error()));
}

Result<Extent> Trace::extent_of(const Dim& dim, int64_t max_size, const std::string& where) {
  if (!dim.is_dynamic()) {
    BP_TRY_VOID(check_dim(dim, where));
    return Extent::fixed(dim.size());
  }
  BP_TRY(const SymbolId base, base_of(dim, max_size, where));
  const auto known = to_extent(builder_.graph(), {base, dim.factor(), dim.summand()});
  if (known.has_value()) return *known;
  const std::string name = dim.text();
  const SymbolId id = builder_.derived_symbol(name, base, dim.factor(), dim.summand());
  if (builder_.failed()) return builder_error();
  return Extent::dynamic(id);
}

Result<SymbolId> Trace::base_of(const Dim& dim, int64_t max_size, const std::string& where) {
  const std::vector<Symbol>& symbols = builder_.graph().symbols;
  const int64_t most = dim.max_size() > 0 ? dim.max_size() : max_size;
  const auto known = dim.name().empty() ? symbols.end() : std::ranges::find(symbols, dim.name(), &Symbol::name);
  if (known != symbols.end()) {
    if (dim.max_size() <= 0 || known->max == dim.max_size()) return static_cast<SymbolId>(known - symbols.begin());
    return fail(bp::ErrorCode::kUsage, where,
                fmt::format("{} has the maxima {} and {}", dim.name(), known->max, dim.max_size()),
                "give one, where the name stands first");
  }
  if (max_size < 1 || dim.max_size() < 0) {
    return fail(bp::ErrorCode::kUsage, where, fmt::format("{} is no size of this function", dim.text()),
                "take it from shape() of a tensor of the function");
  }
  std::string name = dim.name();
  while (name.empty() || (dim.name().empty() && std::ranges::find(symbols, name, &Symbol::name) != symbols.end()))
    name = fmt::format("d{}", n_anonymous_++);
  const SymbolId id = builder_.symbol(name, 0, most);
  if (builder_.failed()) return builder_error();
  return id;
}

Result<std::vector<Tensor>> Trace::add_inputs(const std::vector<TensorSpec>& specs, int64_t max_size) {
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < specs.size(); ++i) {
    const std::string name = specs[i].name.empty() ? fmt::format("in{}", i) : specs[i].name;
    std::vector<Extent> dims;
    for (const Dim& dim : specs[i].dims) {
      if (!dim.is_dynamic() && dim.size() < 0) {
        return fail(bp::ErrorCode::kUsage, "input " + name, fmt::format("{} is no shape", text(specs[i].dims)));
      }
      BP_TRY(const Extent extent, extent_of(dim, max_size, "input " + name));
      dims.push_back(extent);
    }
    const auto dtype = dtype_of_number(static_cast<int64_t>(specs[i].dtype));
    if (!dtype.has_value() || *dtype == bp::DType::kInvalid || is_block(*dtype)) {
      return fail(bp::ErrorCode::kUsage, "input " + name,
                  fmt::format("dtype {} is none that an input has", static_cast<int>(specs[i].dtype)),
                  "capture quantised tensors as weights");
    }
    const ValueId id = builder_.input(name, *dtype, std::move(dims), Role::kActivation);
    if (builder_.failed()) return builder_error();
    inputs.push_back(tensor_of(id));
  }
  return inputs;
}

Tensor Trace::tensor_of(ValueId id) {
  auto state = std::make_shared<TensorState>();
  const Value& value = builder_.graph().value(id);
  state->trace = shared_from_this();
  state->value = id;
  state->dtype = value.dtype;
  for (const Extent& extent : value.dims) {
    if (extent.is_static()) {
      state->shape.emplace_back(extent.value);
    } else {
      const Affine size = affine(builder_.graph(), extent).value();  // verified when it was declared
      const Symbol& symbol = builder_.graph().symbols[static_cast<size_t>(size.base)];
      state->shape.push_back(Dim::dynamic(symbol.name, symbol.max) * size.mul + size.add);
    }
  }
  return Tensor(std::move(state));
}

Result<ValueId> Trace::constant(const Tensor& tensor) {
  const TensorState& state = *tensor.state();
  if (const auto known = constants_.find(&state); known != constants_.end()) return known->second;
  HostTensor host;
  if (state.content.weight != nullptr) {
    host = *state.content.weight;
  } else {
    BP_TRY(const auto bytes, state.session->read(state.content));
    host = *state.session->make_weight(bytes, state.content.dims, state.content.dtype, "").weight;
  }
  // Two tensors may have one name, and an input may have it, too.
  const Graph& graph = builder_.graph();
  std::string name = host.name.empty() ? fmt::format("const{}", constants_.size()) : host.name;
  for (int i = 1; graph.find(name) != kNone; ++i)
    name = fmt::format("{}.{}", host.name.empty() ? "const" : host.name, i);
  host.name = std::move(name);
  const ValueId id = builder_.weight(std::move(host));
  if (builder_.failed()) return builder_error();
  if (session_ == nullptr) session_ = state.session;
  constants_[&state] = id;
  held_.push_back(tensor);
  return id;
}

Result<ValueId> Trace::value_of(const Tensor& tensor) {
  if (tensor.is_absent()) return kNone;
  if (!tensor.is_traced()) return constant(tensor);
  if (tensor.state()->trace.get() == this) return tensor.state()->value;
  return fail(bp::ErrorCode::kUsage, "trace " + builder_.graph().name, "an operand belongs to another traced function",
              "capture tensors of a session, and none of another function");
}

Result<std::vector<bp::Attr>> Trace::attrs_of(std::string_view op, const std::vector<Attr>& attrs) {
  return core_attrs(op, attrs, [&](const Dim& dim) -> Result<int64_t> {
    BP_TRY(const Extent extent, extent_of(dim, 0, fmt::format("op {}", op)));
    return encode_extent(extent);
  });
}

Status Trace::declare_sizes(std::string_view op, const std::vector<Tensor>& operands, const std::vector<Attr>& attrs) {
  const std::optional<Dim> size = derived_size(op, operands, attrs);
  if (!size.has_value() || !size->is_dynamic()) return {};
  BP_TRY_VOID(extent_of(*size, 0, fmt::format("op {}", op)));
  return {};
}

Result<std::vector<Tensor>> Trace::add(std::string_view op, const std::vector<Tensor>& operands,
                                       const std::vector<Attr>& attrs) {
  if (finished_) {
    return fail(bp::ErrorCode::kUsage, fmt::format("op {}", op), "an operand belongs to a function whose trace is over",
                "use tensors of a trace inside the function only");
  }
  std::vector<ValueId> ids;
  for (const Tensor& operand : operands) {
    BP_TRY(const ValueId id, value_of(operand));
    ids.push_back(id);
  }
  BP_TRY_VOID(declare_sizes(op, operands, attrs));
  BP_TRY(auto core, attrs_of(op, attrs));
  const std::string scope = scope_text();
  if (!scope.empty()) builder_.push_scope(scope);
  builder_.op(op, std::move(ids), std::move(core));
  if (!scope.empty()) builder_.pop_scope();
  if (builder_.failed()) return builder_error();
  std::vector<Tensor> results;
  for (const ValueId id : builder_.results()) results.push_back(tensor_of(id));
  return results;
}

// An output needs memory of its own: a view of an activation makes that an output, too, and what replaces an activation
// is copied.
Result<ValueId> Trace::outlasting(ValueId id) {
  const Graph& graph = builder_.graph();
  const ValueId root = storage_root(graph, id);
  if (root == id || graph.value(root).producer == kNone) return id;
  const bool updated = std::ranges::any_of(graph.values, [&](const Value& value) {
    return value.updates != kNone && storage_root(graph, value.updates) == root;
  });
  if (updated) {
    std::vector<int64_t> axes(graph.value(id).dims.size());
    for (size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<int64_t>(i);
    const ValueId copy = builder_.op("transpose", {id}, {{"perm", std::move(axes)}});
    if (builder_.failed()) return builder_error();
    return copy;
  }
  return id;
}

Result<TracedGraph> Trace::finish(const std::vector<Tensor>& results) {
  TracedGraph traced;
  std::vector<ValueId> outputs;
  const auto add_output = [&](ValueId id) {
    const auto known = std::ranges::find(outputs, id);
    if (known != outputs.end()) return static_cast<size_t>(known - outputs.begin());
    outputs.push_back(id);
    return outputs.size() - 1;
  };
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].is_absent()) {
      return fail(bp::ErrorCode::kUsage, builder_.graph().name, fmt::format("result {} of the function is absent", i));
    }
    if (!results[i].is_traced()) {
      traced.results.push_back({TracedResult::Kind::kConstant, 0, results[i]});
      if (session_ == nullptr) session_ = results[i].state()->session;
      continue;
    }
    BP_TRY(ValueId id, value_of(results[i]));
    if (builder_.graph().value(id).producer == kNone) {
      const auto& inputs = builder_.graph().inputs;
      const auto at = static_cast<size_t>(std::ranges::find(inputs, id) - inputs.begin());
      traced.results.push_back({TracedResult::Kind::kInput, at, {}});
      continue;
    }
    BP_TRY(id, outlasting(id));
    traced.results.push_back({TracedResult::Kind::kOutput, add_output(id), {}});
  }
  const size_t n_results = outputs.size();
  for (size_t i = 0; i < n_results; ++i) {
    const ValueId root = storage_root(builder_.graph(), outputs[i]);
    if (builder_.graph().value(root).producer != kNone) add_output(root);
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    std::string name = fmt::format("out{}", i);
    while (builder_.graph().find(name) != kNone) name += "'";
    builder_.output(outputs[i], name);
  }
  finished_ = true;
  BP_TRY(traced.graph, builder_.finish());
  traced.session = std::move(session_);
  held_.clear();
  return traced;
}

Status check_dim(const Dim& dim, const std::string& where) {
  if (dim.is_dynamic() || dim.size() >= -1) return {};
  return fail(bp::ErrorCode::kUsage, where, fmt::format("{} is no size", dim.size()),
              "give a size, or once -1 for what is left");
}

Result<std::vector<bp::Attr>> core_attrs(std::string_view op, const std::vector<Attr>& attrs,
                                         const ExtentCode& extent) {
  std::vector<bp::Attr> out;
  for (const Attr& attr : attrs) {
    bp::Attr made{attr.key, int64_t{0}};
    Status status;
    const auto set = [&](const auto& value) {
      using T = std::decay_t<decltype(value)>;
      if constexpr (std::is_same_v<T, DType>) {
        made.value = static_cast<int64_t>(value);
      } else if constexpr (std::is_same_v<T, Shape>) {
        std::vector<int64_t> codes;
        for (const Dim& dim : value) {
          auto code = extent(dim);
          if (!code.has_value()) {
            status = std::unexpected(std::move(code.error()));
            return;
          }
          codes.push_back(*code);
        }
        const OpDef* def = find_op(op);
        const bool single =
            def != nullptr && codes.size() == 1 && std::ranges::any_of(def->attrs, [&](const AttrDef& known) {
              return known.key == attr.key && known.kind == AttrKind::kInt;
            });
        if (single) {
          made.value = codes.front();
        } else {
          made.value = std::move(codes);
        }
      } else {
        made.value = value;
      }
    };
    std::visit(set, attr.value);
    BP_TRY_VOID(std::move(status));
    out.push_back(std::move(made));
  }
  return out;
}

}  // namespace bp::api
