// Some nodes of a graph on the reference, operands and results in the host's memory: what a kernel is held against.
// Thread-safety: free functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"

namespace bp {

// Of a value, where symbols have these sizes. `sizes`: by symbol of the graph, derived ones included. Errors:
// kUnsupported where a value has no whole rows, or too many.
Result<uint64_t> bytes_at(const Value& value, std::span<const int64_t> sizes);

// Everything that the nodes make, by value. `operands`: what they read and do not make, dense at these sizes; weights
// are the graph's own. REQUIRES: nodes in an order in which they can run. Errors: kUnsupported where an operand is
// missing, and those of the reference, `where` naming the op.
Result<std::map<ValueId, std::vector<std::byte>>> run_nodes_on_reference(
    const Graph& graph, std::span<const NodeId> nodes, std::span<const int64_t> sizes,
    const std::map<ValueId, const std::byte*>& operands);

}  // namespace bp
