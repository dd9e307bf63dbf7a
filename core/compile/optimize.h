// What every graph goes through before kernels are chosen: the passes of graph/passes, constants computed by the
// reference. Thread-safe: a pure function.
#pragma once

#include "compile/compiler_options.h"
#include "graph/graph.h"

namespace bp {

// A graph that computes the same, bit for bit, with less. Products are joined later (divide.h), since kernels decide
// whether that gains. Errors: kFailed where a pass has broken an invariant.
Result<Graph> optimize(const Graph& graph, const CompilerOptions& options = {});

}  // namespace bp
