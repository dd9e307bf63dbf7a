#include <algorithm>
#include <map>

#include "base/check.h"
#include "graph/opset.h"
#include "graph/passes/passes.h"
#include "graph/passes/rewrite.h"
#include "graph/pattern.h"

namespace bp {
namespace {

// Makes the graph anew with the joined nodes in place of the first of each set. What nobody reads any more is left to
// Rewrite.
class Joiner {
 public:
  explicit Joiner(const Graph& graph)
      : readers_(uses(graph)), out_(graph), instead_(graph.nodes.size()), gone_(graph.nodes.size(), false) {}

  void join(const JoinableProducts& set) {
    const Node first = out_.node(set.nodes.front());
    std::vector<NodeId> biased = biases_of(set.nodes);
    std::vector<Node>& made = instead_[static_cast<size_t>(set.nodes.front())];
    std::vector<ValueId> matrices;
    for (const NodeId id : set.nodes) matrices.push_back(out_.node(id).in[1]);
    const ValueId w = join_matrices(matrices, made);
    const int64_t n = out_.value(w).dims[0].value;
    ValueId all = add(made, {first.op, {first.in[0], w}, {}, first.attrs, first.scope}, set.nodes.front(), n);
    if (!biased.empty()) {
      std::vector<ValueId> weights;
      for (const NodeId id : biased) weights.push_back(bias_of(id));
      const Node& bias = out_.node(biased.front());
      all = add(made, {bias.op, {all, join_weights(weights)}, {}, bias.attrs, bias.scope}, biased.front(), n);
    }
    int64_t start = 0;
    for (size_t i = 0; i < set.nodes.size(); ++i) {
      const NodeId whole = biased.empty() ? set.nodes[i] : biased[i];
      const ValueId part = out_.node(whole).out[0];
      const int64_t length = out_.value(part).dims.back().value;
      made.push_back(slice(all, part, start, length));
      made.back().scope = out_.node(whole).scope;
      start += length;
      gone_[static_cast<size_t>(set.nodes[i])] = gone_[static_cast<size_t>(whole)] = true;
    }
  }

  Graph finish() && {
    std::vector<Node> nodes;
    for (size_t i = 0; i < gone_.size(); ++i) {
      for (Node& node : instead_[i]) nodes.push_back(std::move(node));
      if (!gone_[i]) nodes.push_back(std::move(out_.nodes[i]));
    }
    out_.nodes = std::move(nodes);
    for (size_t i = 0; i < out_.nodes.size(); ++i) {
      for (const ValueId id : out_.nodes[i].out) out_.value(id).producer = static_cast<NodeId>(i);
    }
    return Rewrite(out_).finish();
  }

 private:
  // The bias weight that a node adds to a product, kNone: it adds none.
  ValueId bias_of(NodeId id) const {
    const Node& node = out_.node(id);
    for (const ValueId in : node.in) {
      if (in != kNone && out_.value(in).role == Role::kWeight) return in;
    }
    return kNone;
  }

  // The nodes that add biases, where each product has one that is its alone; else none.
  std::vector<NodeId> biases_of(std::span<const NodeId> products) const {
    std::vector<NodeId> nodes;
    for (const NodeId id : products) {
      const ValueId y = out_.node(id).out[0];
      const auto& readers = readers_[static_cast<size_t>(y)];
      const bool is_output = std::ranges::find(out_.outputs, y) != out_.outputs.end();
      if (readers.size() != 1 || is_output || out_.node(readers[0]).op->name != "add") return {};
      const ValueId bias = bias_of(readers[0]);
      if (bias == kNone || out_.value(bias).dims != std::vector{out_.value(y).dims.back()} ||
          out_.value(bias).host_tensor == kNone || readers_[static_cast<size_t>(bias)].size() != 1)
        return {};
      const bool same = nodes.empty() || out_.value(bias).dtype == out_.value(bias_of(nodes[0])).dtype;
      if (!same || !out_.host_tensors[static_cast<size_t>(out_.value(bias).host_tensor)].parts.empty()) return {};
      nodes.push_back(readers[0]);
    }
    return nodes;
  }

  // Of weights, or of what dequant makes of them.
  ValueId join_matrices(std::span<const ValueId> matrices, std::vector<Node>& made) {
    if (out_.value(matrices[0]).role == Role::kWeight) return join_weights(matrices);
    const Node first = out_.node(out_.value(matrices[0]).producer);
    Node joined{first.op, {}, {}, first.attrs, first.scope};
    for (size_t i = 0; i < first.in.size(); ++i) {
      if (first.in[i] == kNone || i == 3) {  // perm is the same for all
        joined.in.push_back(first.in[i]);
        continue;
      }
      std::vector<ValueId> operands;
      for (const ValueId id : matrices) operands.push_back(out_.node(out_.value(id).producer).in[i]);
      joined.in.push_back(join_weights(operands));
    }
    int64_t rows = 0;
    for (const ValueId id : matrices) {
      rows += out_.value(id).dims[0].value;
      gone_[static_cast<size_t>(out_.value(id).producer)] = true;
    }
    Value value = out_.value(matrices[0]);
    value.dims[0] = Extent::fixed(rows);
    joined.out = {new_value(std::move(value))};
    made.push_back(std::move(joined));
    return made.back().out[0];
  }

  ValueId join_weights(std::span<const ValueId> weights) {
    Value value = out_.value(weights[0]);
    HostTensor tensor;
    tensor.dtype = value.dtype;
    int64_t rows = 0;
    for (const ValueId id : weights) {
      const HostTensor& part = out_.host_tensors[static_cast<size_t>(out_.value(id).host_tensor)];
      tensor.name += (tensor.name.empty() ? "" : "+") + part.name;
      rows += part.dims[0];
      tensor.parts.push_back(part);
    }
    tensor.dims = tensor.parts[0].dims;
    tensor.dims[0] = rows;
    value.dims[0] = Extent::fixed(rows);
    value.host_tensor = static_cast<int32_t>(out_.host_tensors.size());
    const std::string name = tensor.name;
    out_.host_tensors.push_back(std::move(tensor));
    const ValueId id = new_value(std::move(value));
    if (out_.find(name) == kNone) out_.value(id).name = name;
    return id;
  }

  // A node like `model`, whose result has n columns.
  ValueId add(std::vector<Node>& made, Node node, NodeId model, int64_t n) {
    Value value = out_.value(out_.node(model).out[0]);
    value.dims.back() = Extent::fixed(n);
    node.out = {new_value(std::move(value))};
    made.push_back(std::move(node));
    return made.back().out[0];
  }

  static Node slice(ValueId from, ValueId to, int64_t start, int64_t length) {
    return {find_op("slice"),
            {from},
            {to},
            {{"axis", int64_t{-1}}, {"start", start}, {"length", length}, {"step", int64_t{1}}},
            {}};
  }

  ValueId new_value(Value value) {
    value.name.clear();
    value.producer = kNone;
    out_.values.push_back(std::move(value));
    return static_cast<ValueId>(out_.values.size()) - 1;
  }

  const Uses readers_;
  Graph out_;
  std::vector<std::vector<Node>> instead_;  // made at the place of each old node
  std::vector<bool> gone_;
};

}  // namespace

Graph join_products(const Graph& graph, std::span<const JoinableProducts> products) {
  Joiner joiner(graph);
  for (const JoinableProducts& set : products) joiner.join(set);
  return std::move(joiner).finish();
}

}  // namespace bp
