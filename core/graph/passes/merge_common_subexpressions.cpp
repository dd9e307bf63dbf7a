#include <algorithm>
#include <bit>
#include <map>
#include <tuple>

#include "graph/opset.h"
#include "graph/passes/passes.h"
#include "graph/passes/rewrite.h"

namespace bp {
namespace {

// By bits: 0 and -0 are two numbers, and NaN is one.
uint64_t order_of(double number) { return std::bit_cast<uint64_t>(number); }

bool before(const AttrValue& a, const AttrValue& b) {
  if (a.index() != b.index()) return a.index() < b.index();
  if (const auto* x = std::get_if<double>(&a)) return order_of(*x) < order_of(std::get<double>(b));
  if (const auto* x = std::get_if<std::vector<double>>(&a)) {
    return std::ranges::lexicographical_compare(*x, std::get<std::vector<double>>(b), {}, order_of, order_of);
  }
  return a < b;
}

// What makes two nodes compute the same.
struct Key {
  const OpDef* op;
  std::vector<ValueId> in;
  const std::vector<Attr>* attrs;

  friend bool operator<(const Key& a, const Key& b) {
    if (std::tie(a.op, a.in) != std::tie(b.op, b.in)) return std::tie(a.op, a.in) < std::tie(b.op, b.in);
    return std::ranges::lexicographical_compare(*a.attrs, *b.attrs, [](const Attr& x, const Attr& y) {
      return x.key != y.key ? x.key < y.key : before(x.value, y.value);
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

// An op between ranks does something each time it runs. Kernels take scaled weights together with the one product that
// reads them: merged, they would be scaled in memory, and then multiplied by whatever can.
bool stays_apart(const OpDef& op) { return op.name.starts_with("coll.") || op.name == "dequant"; }

}  // namespace

Graph merge_common_subexpressions(const Graph& graph) {
  Rewrite rewrite(graph);
  const std::vector<bool> overwritten = overwritten_values(graph);
  std::map<Key, NodeId> known;
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
    const Node& node = graph.node(id);
    if (writes(graph, node) || is_written_over(overwritten, node) || stays_apart(*node.op)) continue;
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
