// The passes: each takes a graph and gives one that computes the same, bit for bit on one device. Thread-safe: pure
// functions. What a pass does is shown by its test: the printed graph before and after.
#pragma once

#include <functional>
#include <span>
#include <string>
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

// Products of one x with matrices that nothing else reads, in order of their nodes: matmul nodes of the graph, two or
// more. Their matrices are weights of one dtype, or all scaled apart (dequant) in the same way.
struct JoinableProducts {
  std::vector<NodeId> nodes;
  std::string kind;  // equal for what differs in names alone, such as the layers of a model
};
std::vector<JoinableProducts> find_joinable_products(const Graph& graph);

//   before:  q = matmul(x, wq);  k = matmul(x, wk)
//   after:   p = matmul(x, wq+wk);  q = slice(p) {axis=-1, length=nq};  k = slice(p) {axis=-1, start=nq, length=nk}
// The joined weight has the two as parts and no bytes of its own. Scales and zeros are joined likewise, and biases
// where each product has one: then it is the biased product that is sliced. Slices of a single row are no work.
// REQUIRES: `products` are of find_joinable_products(graph).
Graph join_products(const Graph& graph, std::span<const JoinableProducts> products);

}  // namespace bp
