#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "graph/infer.h"

namespace bp {
namespace {

// One pass over the nodes, in order. `stale_` marks values whose storage a later value has taken over.
class Verifier {
 public:
  explicit Verifier(const Graph& graph) : graph_(graph), defined_(graph.values.size(), false) {}

  Status run() {
    BP_TRY_VOID(check_symbols());
    BP_TRY_VOID(check_values());
    root_.resize(graph_.values.size());
    stale_.assign(graph_.values.size(), kNone);
    for (size_t v = 0; v < root_.size(); ++v) root_[v] = static_cast<ValueId>(v);
    for (size_t n = 0; n < graph_.nodes.size(); ++n) BP_TRY_VOID(check_node(static_cast<NodeId>(n)));
    return check_outputs();
  }

 private:
  std::unexpected<Error> error(std::string_view at, std::string what, std::string fix = {}) const {
    return fail(ErrorCode::kFailed, fmt::format("graph {}: {}", graph_.name, at), std::move(what), std::move(fix));
  }
  bool is_value(ValueId id) const { return id >= 0 && static_cast<size_t>(id) < graph_.values.size(); }
  std::string text(ValueId id) const {
    const std::string& name = graph_.value(id).name;
    return name.empty() ? fmt::format("%{}", id) : "%" + name;
  }

  Status check_symbols() const {
    for (size_t i = 0; i < graph_.symbols.size(); ++i) {
      const Symbol& s = graph_.symbols[i];
      const bool based = s.base == kNone || (s.base >= 0 && static_cast<size_t>(s.base) < i && s.mul >= 1);
      const bool len = s.len_value == kNone || is_value(s.len_value);
      if (!based || !len || s.min < 0 || s.min > s.max || s.multiple_of < 1) {
        return error("symbol " + s.name, fmt::format("is malformed (min {}, max {}, base {})", s.min, s.max, s.base));
      }
    }
    return {};
  }

  Status check_values() {
    std::unordered_set<std::string_view> names;
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      const Value& v = graph_.values[i];
      const std::string at = text(static_cast<ValueId>(i));
      if (!v.name.empty() && !names.insert(v.name).second) return error(at, "two values have this name");
      BP_TRY_VOID(check_shape(v, at));
      if (v.producer == kNone) defined_[i] = v.role == Role::kWeight;
      if (v.role != Role::kWeight) continue;
      const bool known = v.host_tensor >= 0 && static_cast<size_t>(v.host_tensor) < graph_.host_tensors.size();
      if (!known || v.producer != kNone) return error(at, "is a weight without a host tensor");
    }
    return check_inputs();
  }

  Status check_shape(const Value& v, const std::string& at) const {
    const auto count = max_elements(graph_, v.dims);
    if (v.dtype == DType::kInvalid || v.dims.size() > kMaxRank || !count) {
      return error(at, fmt::format("{} {} is no shape", dtype_name(v.dtype), dims_text(graph_, v.dims)));
    }
    if (!is_block(v.dtype)) return {};
    const int64_t last = v.dims.empty() ? 1 : v.dims.back().value;
    const bool whole = v.dims.empty() || !v.dims.back().is_static();
    if (!whole && row_bytes(v.dtype, static_cast<uint64_t>(last))) return {};
    return error(at, fmt::format("rows of {} do not fill {} blocks", dims_text(graph_, v.dims), dtype_name(v.dtype)));
  }

  Status check_inputs() {
    for (const ValueId id : graph_.inputs) {
      if (!is_value(id) || graph_.value(id).producer != kNone || graph_.value(id).role == Role::kWeight ||
          defined_[static_cast<size_t>(id)]) {
        return error(fmt::format("input {}", id), "is no input value, or given twice");
      }
      defined_[static_cast<size_t>(id)] = true;
    }
    return {};
  }

  Status check_node(NodeId n) {
    const Node& node = graph_.node(n);
    if (node.op == nullptr) return error(fmt::format("node {}", n), "has no op");
    const std::string at = fmt::format("{}{}{}", node.scope, node.scope.empty() ? "" : " ", node.op->name);
    BP_TRY_VOID(check_operands(node, at));
    BP_TRY(const auto attrs, complete_attrs(*node.op, node.attrs, fmt::format("graph {}: {}", graph_.name, at)));
    for (size_t i = 0; i < attrs.size(); ++i) {
      if (i >= node.attrs.size() || attrs[i].key != node.attrs[i].key)
        return error(at, "its attributes are incomplete");
    }
    Inference call = inference_of(graph_, node);
    BP_TRY_VOID(infer(call));
    return check_results(n, call, at);
  }

  Status check_operands(const Node& node, const std::string& at) const {
    const std::vector<OperandDef>& defs = node.op->operands;
    if (node.in.size() > defs.size() && !defs.back().variadic) return error(at, "has too many operands");
    for (size_t i = 0; i < std::max(node.in.size(), defs.size()); ++i) {
      const ValueId id = i < node.in.size() ? node.in[i] : kNone;
      const OperandDef& def = defs[std::min(i, defs.size() - 1)];
      if (id == kNone && def.optional) continue;
      if (!is_value(id)) return error(at, fmt::format("operand {} is missing", def.name));
      if (!defined_[static_cast<size_t>(id)]) {
        return error(at, fmt::format("operand {} = {} is not defined before it", def.name, text(id)));
      }
      if (const ValueId by = stale_[static_cast<size_t>(id)]; by != kNone) {
        return error(at, fmt::format("operand {} = {} was replaced by {}", def.name, text(id), text(by)),
                     "read the updated value");
      }
    }
    return {};
  }

  Status check_results(NodeId n, const Inference& call, const std::string& at) {
    const Node& node = graph_.node(n);
    if (node.out.size() != call.out.size()) {
      return error(at, fmt::format("{} results where {} are inferred", node.out.size(), call.out.size()));
    }
    for (size_t i = 0; i < node.out.size(); ++i) {
      const ValueId id = node.out[i];
      if (!is_value(id) || graph_.value(id).producer != n || defined_[static_cast<size_t>(id)]) {
        return error(at, fmt::format("result {} is no value of its own", i));
      }
      const Value& value = graph_.value(id);
      if (value.dtype != call.out[i].dtype || !same_dims(graph_, value.dims, call.out[i].dims)) {
        return error(at, fmt::format("result {} is {} {} where {} {} is inferred", text(id), dtype_name(value.dtype),
                                     dims_text(graph_, value.dims), dtype_name(call.out[i].dtype),
                                     dims_text(graph_, call.out[i].dims)));
      }
      BP_TRY_VOID(check_storage(node, i, at));
    }
    for (const ValueId id : node.out) defined_[static_cast<size_t>(id)] = true;
    return {};
  }

  Status check_storage(const Node& node, size_t result, const std::string& at) {
    const ValueId id = node.out[result];
    const int operand = node.op->results[result].updates;
    const ValueId target = operand < 0 ? kNone : node.in[static_cast<size_t>(operand)];
    if (graph_.value(id).updates != target)
      return error(at, fmt::format("{} does not declare what it updates", text(id)));
    if (node.op->view) root_[static_cast<size_t>(id)] = root_[static_cast<size_t>(node.in[0])];
    if (target == kNone) return {};
    const ValueId root = root_[static_cast<size_t>(target)];
    if (graph_.value(root).role == Role::kWeight) return error(at, fmt::format("{} is a weight", text(target)));
    for (size_t v = 0; v < root_.size(); ++v) {
      // Views count too: they show the storage's new content.
      if (root_[v] == root && static_cast<ValueId>(v) != id) stale_[v] = id;
    }
    root_[static_cast<size_t>(id)] = root;
    return {};
  }

  Status check_outputs() const {
    for (const ValueId id : graph_.outputs) {
      if (!is_value(id) || !defined_[static_cast<size_t>(id)])
        return error(fmt::format("output {}", id), "is not defined");
      if (stale_[static_cast<size_t>(id)] != kNone) {
        return error("output " + text(id), "was replaced by " + text(stale_[static_cast<size_t>(id)]));
      }
    }
    return {};
  }

  const Graph& graph_;
  std::vector<bool> defined_;
  std::vector<ValueId> root_;   // the value whose storage each one lives in
  std::vector<ValueId> stale_;  // the value that replaced it
};

}  // namespace

Status verify(const Graph& graph) { return Verifier(graph).run(); }

}  // namespace bp
