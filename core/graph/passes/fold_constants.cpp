#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/dtype.h"
#include "graph/opset.h"
#include "graph/passes/passes.h"
#include "graph/passes/rewrite.h"

namespace bp {
namespace {

// Bytes of a value of static shape; nullopt where it is not, or does not fill its rows.
std::optional<uint64_t> static_bytes(const Value& value) {
  if (!std::ranges::all_of(value.dims, &Extent::is_static)) return std::nullopt;
  const int64_t last = value.dims.empty() ? 1 : value.dims.back().value;
  auto bytes = row_bytes(value.dtype, static_cast<uint64_t>(last));
  for (size_t i = 0; bytes && i + 1 < value.dims.size(); ++i) *bytes *= static_cast<uint64_t>(value.dims[i].value);
  return bytes;
}

// Weights with their bytes, and of fixed shape.
bool is_constant(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  return value.role == Role::kWeight && value.host_tensor != kNone &&
         !graph.host_tensors[static_cast<size_t>(value.host_tensor)].bytes.empty();
}

bool may_fold(const Graph& graph, const Node& node, uint64_t max_bytes) {
  if (node.op->view || node.out.size() != 1 || graph.value(node.out[0]).updates != kNone || node.in.empty())
    return false;
  if (std::ranges::find(graph.outputs, node.out[0]) != graph.outputs.end()) return false;
  const auto bytes = static_bytes(graph.value(node.out[0]));
  uint64_t operand_bytes = 0;
  for (const ValueId id : node.in) {
    if (id == kNone) continue;
    if (!is_constant(graph, id)) return false;
    operand_bytes += graph.host_tensors[static_cast<size_t>(graph.value(id).host_tensor)].bytes.size();
  }
  return bytes && *bytes <= max_bytes && *bytes <= operand_bytes;
}

HostTensor tensor_of(const Graph& graph, const Node& node, std::vector<std::byte> bytes) {
  const Value& value = graph.value(node.out[0]);
  HostTensor tensor;
  tensor.name = value.name.empty() ? fmt::format("{}.folded.{}", node.scope.empty() ? "graph" : node.scope, node.out[0])
                                   : value.name;
  tensor.dtype = value.dtype;
  for (const Extent& dim : value.dims) tensor.dims.push_back(dim.value);
  auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  tensor.bytes = *owner;
  tensor.owner = std::move(owner);
  return tensor;
}

}  // namespace

Result<Graph> fold_constants(const Graph& graph, const EvaluateFn& evaluate, uint64_t max_bytes) {
  Graph current = graph;
  // What is folded may make its readers foldable.
  for (bool again = true; again;) {
    Rewrite rewrite(current);
    for (NodeId id = 0; id < static_cast<NodeId>(current.nodes.size()); ++id) {
      const Node& node = current.node(id);
      if (!may_fold(current, node, max_bytes)) continue;
      auto bytes = evaluate(current, node);
      if (bytes.has_value()) rewrite.make_weight(id, tensor_of(current, node, std::move(*bytes)));
    }
    again = rewrite.changed();
    if (again) current = rewrite.finish();
  }
  return current;
}

}  // namespace bp
