// Parts that several architectures' layers share. Shapes: x, n and results [T, hidden].
#pragma once

#include <array>
#include <span>

#include "model/arch/decoder.h"
#include "model/arch/tensor_names.h"

namespace bp {

struct Qkv {
  ValueId q = kNone;  // [T, n_heads * head_dim]
  ValueId k = kNone;  // [T, n_kv_heads * head_dim]
  ValueId v = kNone;  // [T, n_kv_heads * v_head_dim]
};
// attn_q, attn_k and attn_v of n, or the three in one, attn_qkv.
Qkv project_qkv(DecoderBuilder& b, ValueId n);

// o(attention(rope(q(n)), rope(k(n)), v(n))): grouped queries, with the biases, head norms, window and scale that the
// configuration gives. Tensors attn_q, attn_k, attn_v, attn_output, attn_q_norm and attn_k_norm.
ValueId grouped_attention(DecoderBuilder& b, ValueId n, AttentionOptions options = {});

// The feed-forward block: of experts in the layers that have such, else gated.
ValueId feed_forward(DecoderBuilder& b, ValueId n);

// Llama's layer: x + attention(norm(x)), then x + ffn(norm(x)); the ffn is of experts in the layers that have such.
ValueId prenorm_layer(DecoderBuilder& b, ValueId x);

// embed, layers, norm, head: a decoder whose layers are `layer`, which maps [T, hidden] to [T, hidden].
Result<Graph> build_decoder(const ModelSource& source, ValueId (*layer)(DecoderBuilder& b, ValueId x));

// The names of Llama, and of all who kept them: those around the feed-forward block, and all.
inline constexpr std::array<TensorName, 8> kAttentionNames = {{
    {"token_embd", "embed_tokens"},
    {"output_norm", "norm"},
    {"output", "lm_head"},
    {"blk.{}.attn_norm", "layers.{}.input_layernorm"},
    {"blk.{}.attn_q", "layers.{}.self_attn.q_proj"},
    {"blk.{}.attn_k", "layers.{}.self_attn.k_proj"},
    {"blk.{}.attn_v", "layers.{}.self_attn.v_proj"},
    {"blk.{}.attn_output", "layers.{}.self_attn.o_proj"},
}};
inline constexpr TensorName kNormAndFfnNames[] = {
    {"blk.{}.attn_q_norm", "layers.{}.self_attn.q_norm"},
    {"blk.{}.attn_k_norm", "layers.{}.self_attn.k_norm"},
    {"blk.{}.ffn_norm", "layers.{}.post_attention_layernorm"},
    {"blk.{}.ffn_gate", "layers.{}.mlp.gate_proj"},
    {"blk.{}.ffn_up", "layers.{}.mlp.up_proj"},
    {"blk.{}.ffn_down", "layers.{}.mlp.down_proj"},
};
inline constexpr auto kLlamaNames = joined(kAttentionNames, kNormAndFfnNames);
inline constexpr std::string_view kModelPrefix[] = {"model."};

}  // namespace bp
