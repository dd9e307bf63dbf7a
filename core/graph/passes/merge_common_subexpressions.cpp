#include <algorithm>
#include <map>
#include <tuple>

#include "graph/opset.h"
#include "graph/passes/passes.h"
#include "graph/passes/rewrite.h"

namespace bp {
namespace {

// What makes two nodes compute the same.
struct Key {
  const OpDef* op;
  std::vector<ValueId> in;
  const std::vector<Attr>* attrs;

  friend bool operator<(const Key& a, const Key& b) {
    if (std::tie(a.op, a.in) != std::tie(b.op, b.in)) return std::tie(a.op, a.in) < std::tie(b.op, b.in);
    return std::ranges::lexicographical_compare(*a.attrs, *b.attrs, [](const Attr& x, const Attr& y) {
      return std::tie(x.key, x.value) < std::tie(y.key, y.value);
    });
  }
};

bool writes(const Graph& graph, const Node& node) {
  return std::ranges::any_of(node.out, [&](ValueId out) { return graph.value(out).updates != kNone; });
}

// A result that is written over later is not the value that another node would have made.
std::vector<bool> overwritten_values(const Graph& graph) {
  std::vector<bool> overwritten(graph.values.size(), false);
  for (const Value& value : graph.values) {
    if (value.updates != kNone) overwritten[static_cast<size_t>(value.updates)] = true;
  }
  return overwritten;
}

bool is_written_over(const std::vector<bool>& overwritten, const Node& node) {
  return std::ranges::any_of(node.out, [&](ValueId out) { return overwritten[static_cast<size_t>(out)]; });
}

// An op between ranks does something each time it runs.
bool talks_to_others(const OpDef& op) { return op.name.starts_with("coll."); }

}  // namespace

Graph merge_common_subexpressions(const Graph& graph) {
  Rewrite rewrite(graph);
  const std::vector<bool> overwritten = overwritten_values(graph);
  std::map<Key, NodeId> known;
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
    const Node& node = graph.node(id);
    if (writes(graph, node) || is_written_over(overwritten, node) || talks_to_others(*node.op)) continue;
    const bool is_output = std::ranges::any_of(
        node.out, [&](ValueId out) { return std::ranges::find(graph.outputs, out) != graph.outputs.end(); });
    Key key{node.op, node.in, &node.attrs};
    for (ValueId& in : key.in) in = rewrite.current(in);
    if (node.op->commutative && key.in.size() >= 2 && key.in[1] < key.in[0]) std::swap(key.in[0], key.in[1]);
    const auto [found, is_new] = known.emplace(std::move(key), id);
    if (is_new || is_output) continue;  // outputs have memory and names of their own
    const Node& first = graph.node(found->second);
    for (size_t i = 0; i < node.out.size(); ++i) rewrite.replace(node.out[i], first.out[i]);
    rewrite.remove(id);
  }
  return rewrite.changed() ? rewrite.finish() : graph;
}

}  // namespace bp
