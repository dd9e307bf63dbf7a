// What the graphs of encoders are written with, beside decoder.h: all tokens of a text see each other, nothing is kept
// between steps, and the output is one vector a text. Shapes: T rows of the step, S texts.
#pragma once

#include "model/arch/decoder.h"

namespace bp {

// q [T, n_heads, head_dim], k [T, n_kv_heads, head_dim], v [T, n_kv_heads, v_head_dim] → [T, n_heads, v_head_dim]
ValueId attention_both_ways(DecoderBuilder& b, ValueId q, ValueId k, ValueId v);

// x [T, hidden] → [S, hidden] f32, as the configuration pools: the mean of a text's rows, its first row or its last;
// then, where it says so, divided by its length.
ValueId pool(DecoderBuilder& b, ValueId x);

// The tensor that pool() divides by lengths with. For Architecture::adapt.
Status make_normalizer(const ModelConfig& config, Weights& weights);

}  // namespace bp
