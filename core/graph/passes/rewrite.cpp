#include "graph/passes/rewrite.h"

#include <numeric>
#include <utility>

#include "base/check.h"
#include "graph/opset.h"

namespace bp {
namespace {

// The values that the new graph has, given numbers in the order of the old ones.
class Renumbering {
 public:
  explicit Renumbering(size_t n_values) : new_id_(n_values, kNone), wanted_(n_values, false) {}

  void want(ValueId id) {
    if (id != kNone) wanted_[static_cast<size_t>(id)] = true;
  }
  bool wanted(ValueId id) const { return wanted_[static_cast<size_t>(id)]; }
  void set(ValueId id, ValueId new_id) { new_id_[static_cast<size_t>(id)] = new_id; }
  ValueId operator()(ValueId id) const { return id == kNone ? kNone : new_id_[static_cast<size_t>(id)]; }

 private:
  std::vector<ValueId> new_id_;
  std::vector<bool> wanted_;
};

}  // namespace

Rewrite::Rewrite(const Graph& graph) : graph_(graph), by_(graph.values.size()), removed_(graph.nodes.size(), false) {
  std::iota(by_.begin(), by_.end(), 0);
}

void Rewrite::replace(ValueId old, ValueId by) {
  by_[static_cast<size_t>(old)] = by;
  changed_ = true;
}

ValueId Rewrite::current(ValueId id) const {
  while (id != kNone && by_[static_cast<size_t>(id)] != id) id = by_[static_cast<size_t>(id)];
  return id;
}

void Rewrite::remove(NodeId id) {
  removed_[static_cast<size_t>(id)] = true;
  changed_ = true;
}

void Rewrite::make_weight(NodeId id, HostTensor tensor) {
  const Node& node = graph_.node(id);
  BP_CHECK(node.out.size() == 1, "{} has {} results", node.op->name, node.out.size());
  made_.emplace_back(node.out.front(), std::move(tensor));
  remove(id);
}

Graph Rewrite::finish() const {
  Renumbering ids(graph_.values.size());
  for (const ValueId id : graph_.inputs) ids.want(id);
  for (const ValueId id : graph_.outputs) ids.want(current(id));
  for (const Symbol& symbol : graph_.symbols) ids.want(current(symbol.len_value));
  for (NodeId n = 0; n < static_cast<NodeId>(graph_.nodes.size()); ++n) {
    if (removed_[static_cast<size_t>(n)]) continue;
    for (const ValueId id : graph_.node(n).in) ids.want(current(id));
    for (const ValueId id : graph_.node(n).out) {
      ids.want(id);
      ids.want(current(graph_.value(id).updates));
    }
  }

  Graph out;
  out.name = graph_.name;
  out.symbols = graph_.symbols;
  for (ValueId id = 0; id < static_cast<ValueId>(graph_.values.size()); ++id) {
    if (!ids.wanted(id)) continue;
    ids.set(id, static_cast<ValueId>(out.values.size()));
    Value value = graph_.value(id);
    value.producer = kNone;
    if (value.host_tensor != kNone) {
      out.host_tensors.push_back(graph_.host_tensors[static_cast<size_t>(value.host_tensor)]);
      value.host_tensor = static_cast<int32_t>(out.host_tensors.size()) - 1;
    }
    out.values.push_back(std::move(value));
  }
  for (const auto& [id, tensor] : made_) {
    if (!ids.wanted(id)) continue;
    Value& value = out.value(ids(id));
    value.role = Role::kWeight;
    if (value.name.empty()) value.name = tensor.name;
    out.host_tensors.push_back(tensor);
    value.host_tensor = static_cast<int32_t>(out.host_tensors.size()) - 1;
  }
  for (NodeId n = 0; n < static_cast<NodeId>(graph_.nodes.size()); ++n) {
    if (removed_[static_cast<size_t>(n)]) continue;
    Node node = graph_.node(n);
    for (ValueId& id : node.in) id = ids(current(id));
    for (ValueId& id : node.out) {
      const ValueId old = id;
      id = ids(old);
      out.value(id).producer = static_cast<NodeId>(out.nodes.size());
      out.value(id).updates = ids(current(graph_.value(old).updates));
    }
    out.nodes.push_back(std::move(node));
  }
  for (const ValueId id : graph_.inputs) out.inputs.push_back(ids(id));
  for (size_t i = 0; i < graph_.outputs.size(); ++i) {
    const ValueId id = ids(current(graph_.outputs[i]));
    // A value that takes an output's place takes its name, too, unless it has one by which it is known already.
    const std::string& name = graph_.value(graph_.outputs[i]).name;
    if (out.value(id).name.empty()) out.value(id).name = name;
    out.outputs.push_back(id);
  }
  for (Symbol& symbol : out.symbols) symbol.len_value = ids(current(symbol.len_value));
  return out;
}

}  // namespace bp
