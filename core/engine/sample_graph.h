// The programs around the model's: one turns logits into tokens, one hands these on to the next step. Each is one op,
// with its parameters beside the rest in device memory, so that the next step is enqueued before the host has seen the
// tokens of this one.
#pragma once

#include "graph/graph.h"

namespace bp {

// Inputs: logits [n_outputs, vocab] f32 and, each [n_outputs], temperature, top_k, top_p, min_p, seed, position (op
// sample). Output: next_tokens [n_outputs] i32. One symbol, n_outputs in [0, max_outputs].
Result<Graph> sample_graph(int64_t max_outputs, int64_t vocab);

// Inputs: token_ids [n_tokens] i32, where the host does not know all of them; id_rows [n_drawn] i32, by row of the last
// step's logits the number in token_ids that its token belongs at, -1: none; next_tokens [n_drawn] i32 of that step.
// token_ids are filled in in place. Symbols: n_tokens in [0, max_tokens], n_drawn in [0, max_outputs].
Result<Graph> next_ids_graph(int64_t max_tokens, int64_t max_outputs);

}  // namespace bp
