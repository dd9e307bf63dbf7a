// The experts of a gpt-oss folder in GGUF's form. Thread-safe: a pure function.
//   ffn_pairs.weight          [E, hidden, 2 ffn]         columns gate 0, up 0, gate 1, up 1, …, as transformers saves
//   it ffn_pairs.blocks, .scales [E, 2 ffn, hidden / 32 (, 16)]  rows in that order, mxfp4, as the hub has it
//   ffn_pairs.bias            [E, 2 ffn]
//     → ffn_gate_exps and ffn_up_exps .weight [E, ffn, hidden], .bias [E, ffn]
//   ffn_down_exps.transposed  [E, ffn, hidden], or .blocks and .scales [E, hidden, ffn / 32 (, 16)]
//     → ffn_down_exps.weight  [E, hidden, ffn]
// Biases and sinks become f32, which the graph's ops take.
#pragma once

#include "base/result.h"
#include "model/model_config.h"
#include "model/weights.h"

namespace bp {

// Errors: kRefused where shapes contradict each other, kUnsupported for other types than f32, f16, bf16 and mxfp4.
Status adapt_gpt_oss(const ModelConfig& config, Weights& weights);

}  // namespace bp
