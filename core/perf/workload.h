// What a model's graph makes a device read and multiply: the numerators of the limits (docs/performance.md).
#pragma once

#include "graph/graph.h"
#include "perf/limits.h"

namespace bp {

struct Workload {
  uint64_t weight_bytes = 0;        // read in a step: every matrix once, however many rows; the embedding is a gather
  uint64_t body_weights = 0;        // elements multiplied for every token
  uint64_t head_weights = 0;        // elements multiplied for every row of logits
  uint64_t kv_bytes_per_token = 0;  // of one token of context, all layers
  uint64_t attention_width =
      0;  // query elements (heads x head_dim), all layers: 4 x this FLOPs per token and token of context
  DType dtype = DType::kInvalid;  // of the largest matrix

  // Tokens/s that `limits` allow: `batch` sequences of `context` tokens, one token each per step.
  double decode_tps(const DeviceLimits& limits, int batch, double context) const;
  // Tokens/s of prompts of `n_tokens` after `depth` others.
  double prefill_tps(const DeviceLimits& limits, int n_tokens, int depth) const;
};

Workload workload_of(const Graph& graph);

}  // namespace bp
