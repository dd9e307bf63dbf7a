// The Llama family as a graph: pre-normalised attention and SwiGLU blocks over a residual stream.
//   x = embedding[token_ids]
//   for each layer:  x += o(attention(rope(q(n)), rope(k(n)), v(n)))   with n = rms_norm(x)
//                    x += down(act(gate(n)) * up(n))                   with n = rms_norm(x)
//   logits = head(rms_norm(x[output_rows]))
// Qwen2 adds biases to q, k and v; Qwen3 normalises q and k of each head; Mistral and some Qwen layers see a window.
// Thread-safe: a pure function.
#pragma once

#include "base/result.h"
#include "graph/graph.h"
#include "model/arch/llama_weights.h"
#include "model/graph_options.h"
#include "model/model_config.h"
#include "model/rope.h"

namespace bp {

struct LlamaSource {
  const ModelConfig& config;
  const LlamaWeights& weights;
  const RopeTable& rope;  // outlives the graph, as the weights do
  const GraphOptions& options;
};

// Inputs and output as Model::build_graph() says.
Result<Graph> build_llama(const LlamaSource& source);

}  // namespace bp
