#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "graph/opset.h"
#include "graph/passes/passes.h"
#include "graph/pattern.h"
#include "graph/printer.h"

namespace bp {
namespace {

// A matrix with bytes of its own that only `reader` reads.
bool is_own_weight(const Graph& graph, const Uses& readers, ValueId id) {
  const Value& value = graph.value(id);
  if (value.role != Role::kWeight || value.host_tensor == kNone || value.dims.size() != 2) return false;
  const bool is_output = std::ranges::find(graph.outputs, id) != graph.outputs.end();
  return !is_output && readers[static_cast<size_t>(id)].size() == 1 &&
         std::ranges::all_of(value.dims, &Extent::is_static) &&
         graph.host_tensors[static_cast<size_t>(value.host_tensor)].parts.empty();
}

// What has to be equal of products that are joined; empty: this one cannot be.
std::string joint_of(const Graph& graph, const Uses& readers, const Node& product) {
  const Value& w = graph.value(product.in[1]);
  if (is_own_weight(graph, readers, product.in[1])) return fmt::format("{} {}", dtype_name(w.dtype), w.dims[1].value);
  if (w.producer == kNone || graph.node(w.producer).op->name != "dequant") return {};
  if (readers[static_cast<size_t>(product.in[1])].size() != 1) return {};
  const Node& dequant = graph.node(w.producer);
  std::string text = fmt::format("dequant {}", dtype_name(w.dtype));
  for (size_t i = 0; i < 4; ++i) {
    const ValueId id = i < dequant.in.size() ? dequant.in[i] : kNone;
    if (i == 3) {
      text += fmt::format(" perm {}", id);  // one for all
    } else if (id == kNone) {
      text += " none";
    } else if (is_own_weight(graph, readers, id)) {
      text += fmt::format(" {} {}", dtype_name(graph.value(id).dtype), graph.value(id).dims[1].value);
    } else {
      return {};
    }
  }
  const int64_t block_n = dequant.attr_int("block_n");
  if (w.dims.size() != 2 || !w.dims[0].is_static() || w.dims[0].value % block_n != 0) return {};
  return text + fmt::format(" {} {} {}", block_n, dequant.attr_int("block_k"), dequant.attr_int("dtype"));
}

}  // namespace

std::vector<JoinableProducts> find_joinable_products(const Graph& graph) {
  const Uses readers = uses(graph);
  std::map<std::pair<ValueId, std::string>, std::vector<NodeId>> sets;
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
    const Node& node = graph.node(id);
    if (node.op->name != "matmul" || graph.value(node.out[0]).updates != kNone) continue;
    const std::string joint = joint_of(graph, readers, node);
    if (!joint.empty()) sets[{node.in[0], joint}].push_back(id);
  }
  std::vector<JoinableProducts> found;
  for (auto& [key, nodes] : sets) {
    if (nodes.size() < 2) continue;
    // Perms are told apart by their ids, which are those of one layer alone.
    std::string kind = key.second.substr(0, key.second.find(" perm "));
    for (const NodeId id : nodes) {
      kind += " " + type_text(graph, graph.node(id).out[0]);
      for (const NodeId reader : readers[static_cast<size_t>(graph.node(id).out[0])])
        kind += fmt::format("/{}", graph.node(reader).op->name);
    }
    found.push_back({std::move(nodes), std::move(kind)});
  }
  std::ranges::sort(found, {}, [](const JoinableProducts& set) { return set.nodes.front(); });
  return found;
}

}  // namespace bp
