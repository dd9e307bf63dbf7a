// The program that turns logits into tokens: one op, with its parameters beside the logits in device memory.
#pragma once

#include "graph/graph.h"

namespace bp {

// Inputs: logits [n_outputs, vocab] f32 and, each [n_outputs], temperature, top_k, top_p, min_p, seed, position (op
// sample). Output: next_tokens [n_outputs] i32. One symbol, n_outputs in [0, max_outputs].
Result<Graph> sample_graph(int64_t max_outputs, int64_t vocab);

}  // namespace bp
