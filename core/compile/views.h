// Which nodes are no work, since their results lie in their first operands already: views, and slices that are one run
// of bytes (columns of a single row, whole rows). Immutable: any thread, while the graph is not changed.
#pragma once

#include <optional>
#include <vector>

#include "graph/graph.h"

namespace bp {

class Views {
 public:
  explicit Views(const Graph& graph);

  // Bytes from the start of the first operand to the result of such a node; nullopt: the node is work.
  std::optional<uint64_t> offset(NodeId id) const;

 private:
  std::optional<uint64_t> slice_offset(const Node& node) const;

  const Graph& graph_;
  std::vector<bool> pinned_;  // values that are outputs, or in whose storage something is written over
};

}  // namespace bp
