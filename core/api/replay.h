// A traced graph run node by node on a session, as if its ops were called one by one. Thread-safety: the session's.
#pragma once

#include <backplane/api/session.h>

#include <span>
#include <vector>

#include "graph/graph.h"

namespace bp::api {

// The graph's outputs. `sizes` by symbol. REQUIRES: inputs are the session's and fit the graph. Errors: those of the
// ops, and of the session's debugging aids.
Result<std::vector<Tensor>> replay_nodes(const Graph& graph, const Session& session, const std::vector<Tensor>& inputs,
                                         std::span<const int64_t> sizes);

}  // namespace bp::api
