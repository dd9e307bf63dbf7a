// The passes: each takes a graph and gives one that computes the same, bit for bit on one device. Thread-safe: pure
// functions. What a pass does is shown by its test: the printed graph before and after.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "graph/graph.h"

namespace bp {

//   before:  a = silu(x);  b = neg(x);  output a
//   after:   a = silu(x);  output a
// Nodes stay that an output needs, or that write to memory which outlives the step (KV, parameters).
Graph remove_dead_code(const Graph& graph);

//   before:  a = silu(x);  b = silu(x);  c = mul(a, b)
//   after:   a = silu(x);  c = mul(a, a)
// The same op, attributes and operands (either way round where it commutes), and no write between that changes them.
Graph merge_common_subexpressions(const Graph& graph);

// Runs one node on operands that are all weights: bytes of its only result. Errors: the node stays.
using EvaluateFn = std::function<Result<std::vector<std::byte>>(const Graph& graph, const Node& node)>;

//   before:  s = scale(w) {mul=2};  y = add(x, s)        w a weight
//   after:   y = add(x, s)                               s a weight
// Results of static shape, of no more bytes than their operands have (a quantised weight stays one) and no more than
// `max_bytes`: what is larger costs more memory than it saves time.
Result<Graph> fold_constants(const Graph& graph, const EvaluateFn& evaluate, uint64_t max_bytes);

}  // namespace bp
