// The weights of a Llama-family model, found by the names either format gives them and checked against the config.
// Thread-safe: reads only. Valid as long as the Weights.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/model_config.h"
#include "model/weights.h"

namespace bp {

// Null: this model has none.
struct LlamaLayer {
  const WeightView* attn_norm = nullptr;  // [hidden]
  const WeightView* q = nullptr;          // [n_heads * head_dim, hidden]
  const WeightView* k = nullptr;          // [n_kv_heads * head_dim, hidden]
  const WeightView* v = nullptr;          // [n_kv_heads * v_head_dim, hidden]
  const WeightView* o = nullptr;          // [hidden, n_heads * v_head_dim]
  const WeightView* q_bias = nullptr;     // as many as the matrix has rows
  const WeightView* k_bias = nullptr;
  const WeightView* v_bias = nullptr;
  const WeightView* o_bias = nullptr;
  const WeightView* q_norm = nullptr;    // [head_dim]
  const WeightView* k_norm = nullptr;    // [head_dim]
  const WeightView* ffn_norm = nullptr;  // [hidden]
  const WeightView* gate = nullptr;      // [ffn, hidden]
  const WeightView* up = nullptr;        // [ffn, hidden]
  const WeightView* down = nullptr;      // [hidden, ffn]
  const WeightView* gate_bias = nullptr;
  const WeightView* up_bias = nullptr;
  const WeightView* down_bias = nullptr;
};

struct LlamaWeights {
  const WeightView* embedding = nullptr;    // [vocab, hidden]
  const WeightView* output_norm = nullptr;  // [hidden]
  const WeightView* head = nullptr;         // [vocab, hidden]; the embedding where tied
  std::vector<LlamaLayer> layers;
};

// Errors: kRefused for a weight that is missing or has another shape, kUnsupported for a weight type this build cannot
// read and for a weight of a layer that no model of the family has.
Result<LlamaWeights> find_llama_weights(const ModelConfig& config, const Weights& weights, const std::string& where);

}  // namespace bp
