#include <algorithm>

#include "graph/passes/passes.h"
#include "graph/passes/rewrite.h"

namespace bp {
namespace {

bool outlives_the_step(Role role) { return role == Role::kKv || role == Role::kParam; }

}  // namespace

Graph remove_dead_code(const Graph& graph) {
  std::vector<bool> live(graph.values.size(), false);
  for (const ValueId id : graph.outputs) live[static_cast<size_t>(id)] = true;
  for (const Symbol& symbol : graph.symbols) {
    if (symbol.len_value != kNone) live[static_cast<size_t>(symbol.len_value)] = true;
  }
  Rewrite rewrite(graph);
  for (auto id = static_cast<NodeId>(graph.nodes.size()); id-- > 0;) {
    const Node& node = graph.node(id);
    const bool needed = std::ranges::any_of(node.out, [&](ValueId out) {
      const Value& value = graph.value(out);
      return live[static_cast<size_t>(out)] || (value.updates != kNone && outlives_the_step(value.role));
    });
    if (!needed) {
      rewrite.remove(id);
      continue;
    }
    for (const ValueId in : node.in) {
      if (in != kNone) live[static_cast<size_t>(in)] = true;
    }
  }
  return rewrite.changed() ? rewrite.finish() : graph;
}

}  // namespace bp
