// What the passes are made with: a copy of a graph in which nodes are left out and their results replaced.
// Not thread-safe. Nodes keep their order; inputs stay, whether they are read or not; weights that nobody reads go.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace bp {

class Rewrite {
 public:
  // `graph` outlives it.
  explicit Rewrite(const Graph& graph);

  // Later readers of `old` read `by` instead. REQUIRES: by comes before them, and has the same dtype and dims.
  void replace(ValueId old, ValueId by);
  // The value that stands for `id` now.
  ValueId current(ValueId id) const;
  // Leaves the node out. REQUIRES: each of its results is replaced, or read by no node that stays.
  void remove(NodeId id);
  // The node's only result becomes a weight.
  void make_weight(NodeId id, HostTensor tensor);

  bool changed() const { return changed_; }
  Graph finish() const;

 private:
  const Graph& graph_;
  std::vector<ValueId> by_;    // by value
  std::vector<bool> removed_;  // by node
  std::vector<std::pair<ValueId, HostTensor>> made_;
  bool changed_ = false;
};

}  // namespace bp
