// What a model's graph makes a device read and multiply: the numerators of the limits (docs/performance.md).
// Thread-safe: plain values and pure functions.
#pragma once

#include <vector>

#include "graph/graph.h"
#include "perf/limits.h"

namespace bp {

// Matrices of which each token is multiplied with some: experts.
struct StackWork {
  uint64_t bytes = 0;     // of all of them
  uint64_t elements = 0;  // of all of them
  double share = 1;       // a token meets: those it is multiplied with, of all

  // The part that a step of `batch` tokens reads, where each chooses independently of the others.
  double read(int batch) const;
};

// The attention of one layer.
struct AttentionWork {
  uint64_t kv_bytes = 0;  // that a token of context has in the cache
  uint64_t width = 0;     // n_heads x (columns of a key + columns of a value): twice this FLOPs per token and key
  int64_t window = 0;     // keys a token sees; 0: all

  double keys(double context) const;
};

struct Workload {
  uint64_t weight_bytes =
      0;  // read in a step however many its rows: matrices with their scales. The embedding is a gather
  uint64_t body_weights = 0;  // elements multiplied for every token
  uint64_t head_weights = 0;  // elements multiplied for every row of logits
  std::vector<StackWork> stacks;
  std::vector<AttentionWork> attention;
  DType dtype = DType::kInvalid;  // of the largest matrix

  // Tokens/s that `limits` allow: `batch` sequences of `context` tokens, one token each per step.
  double decode_tps(const DeviceLimits& limits, int batch, double context) const;
  // Tokens/s of prompts of `n_tokens` after `depth` others.
  double prefill_tps(const DeviceLimits& limits, int n_tokens, int depth) const;

  // Bytes that a step of `batch` such sequences reads.
  double decode_bytes(int batch, double context) const;
  // Elements multiplied for a token, the head left out.
  double weights_per_token() const;
};

Workload workload_of(const Graph& graph);

}  // namespace bp
