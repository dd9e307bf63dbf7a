// Latent attention (DeepSeek V2, https://arxiv.org/abs/2405.04434): of each token the cache keeps one latent vector,
// which all heads' keys and values are products of, and one rotated key.
//   c = rms_norm(a(n))          kv = a(n): [kv_rank] latent, then [rope_dim] key to be rotated
//   k_h = [k_b_h c, rope(key)]  v_h = v_b_h c
// Neither k_h nor v_h is ever made. As q_h · k_b_h c = (k_b_h^T q_h) · c, each query is brought into the latent space
// (absorbed), where the cached vectors themselves are keys and, their first kv_rank columns, values.
#pragma once

#include "base/result.h"
#include "model/arch/decoder.h"

namespace bp {

// n, result [T, hidden]. Tensors attn_q or attn_q_a, attn_q_a_norm and attn_q_b; attn_kv_a_mqa, attn_kv_a_norm;
// attn_k_b [n_heads, kv_rank, nope_dim], attn_v_b [n_heads, v_head_dim, kv_rank]; attn_output.
ValueId latent_attention(DecoderBuilder& b, ValueId n);

// attn_kv_b [n_heads * (nope_dim + v_head_dim), kv_rank] of folders and old GGUF files becomes attn_k_b, transposed,
// and attn_v_b; where those are there already, as matrices, they become stacks. What is quantised becomes f32: rounding
// it to 16 bits shows in the logits. Errors: kRefused for other shapes, kUnsupported for a type that cannot be read.
Status split_latent_weights(const ModelConfig& config, Weights& weights);

}  // namespace bp
