// The graph of one op, as a session runs it, and the text that tells two such graphs apart. Thread-safety: pure
// functions.
#pragma once

#include <string>

#include "api/session_state.h"
#include "graph/graph.h"

namespace bp::api {

// Equal keys: the same op on operands of the same types, and the same weights.
std::string key_of(const EagerCall& call);
// Inputs "in0", "in1", … for operands that are no weights, in order; those that are one tensor are one input, unless
// the op updates an operand. Outputs "out0", "out1", ….
struct EagerGraph {
  Graph graph;
  std::vector<size_t> inputs;  // operand of each input
};
Result<EagerGraph> graph_of(const EagerCall& call);
std::vector<size_t> inputs_of(const EagerCall& call);

}  // namespace bp::api
