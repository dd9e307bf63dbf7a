// The text of a graph, for people and tests: stable, one line per symbol, input, weight, node and output.
//
//   graph llama
//   symbol n_tokens in 0..512
//   input %token_ids : i32[n_tokens] param
//   weight %w.blk.0.attn_norm : f32[64]
//   %3 : f32[n_tokens, 64] = rms_norm(%1, %w.blk.0.attn_norm) {eps=1e-05}  # blk.0.attn
//   output %logits
//
// Values without a name are numbered by their id; an absent operand is "_"; attributes at their default are left out; a
// result that updates a value says so: "%k' : f16[…] updates %k.0". Thread-safety: pure functions.
#pragma once

#include <string>

#include "graph/graph.h"

namespace bp {

std::string print(const Graph& graph);
std::string value_text(const Graph& graph, ValueId id);  // "%3", "%token_ids", "_" of kNone
std::string type_text(const Graph& graph, ValueId id);   // "f32[n_tokens, 64]"
std::string node_text(const Graph& graph, NodeId id);    // its line, without the line's end

}  // namespace bp
