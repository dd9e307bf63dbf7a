// Feed-forward blocks that are mixtures of experts: a router picks some for each token.
// Shapes: E experts, k used of them, T rows; n and results [T, hidden].
#pragma once

#include <string_view>

#include "model/arch/decoder.h"

namespace bp {

struct Routing {
  ValueId experts = kNone;  // [T, k] i32
  ValueId weights = kNone;  // [T, k] f32
};

// Does this layer have experts?
bool has_experts(const DecoderBuilder& b);

// The router of the configuration's kind: softmax or sigmoid of ffn_gate_inp, perhaps within the best groups, perhaps
// chosen by scores that exp_probs_b corrects (DeepSeek V3, https://arxiv.org/abs/2412.19437), perhaps normalised.
Routing route(DecoderBuilder& b, ValueId n);

// x [T, k] or [T, n_used, k] times each token's chosen matrices of `stem`, and their bias where there is one:
// [T, n_used, n].
ValueId expert_linear(DecoderBuilder& b, ValueId x, std::string_view stem, int64_t n, const Routing& routing);

// Σ over the chosen experts of weight × expert(n), where `inner` [T, k, ffn] is what goes into ffn_down_exps.
ValueId combine_experts(DecoderBuilder& b, const Routing& routing, ValueId inner);

// Gated experts ffn_gate_exps and ffn_up_exps (or ffn_gate_up_exps), ffn_down_exps, and the shared ones (…_shexp) where
// the model has them.
ValueId expert_ffn(DecoderBuilder& b, ValueId n);

}  // namespace bp
