// What the Gemma family has in common.
#pragma once

#include "model/arch/decoder.h"
#include "model/arch/tensor_names.h"
#include "model/gguf_keys.h"
#include "model/hf_fields.h"
#include "model/weights.h"

namespace bp {

// Folders keep w of norms that multiply by 1 + w; GGUF has the sum.
Status add_one_to_norms(const ModelConfig& config, Weights& weights);

// Layers of Gemma 2 and 3: a norm before and after both attention and feed-forward.
//   x += post_attention_norm(attention(attn_norm(x)));  x += post_ffw_norm(ffn(ffn_norm(x)))
ValueId sandwich_layer(DecoderBuilder& b, ValueId x);

// attention_bias, softcaps, query_pre_attn_scalar, hidden_activation and the embedding's scale √hidden.
Status read_gemma_switches(const JsonFields& fields, ModelConfig& config);
// The same of a GGUF file. The largest model of a generation, known by its layers, has another attention scale.
Status read_gemma_gguf(const GgufKeys& keys, int64_t layers_of_largest, ModelConfig& config);

// The names of those layers; the norms of q and k are Gemma 3's alone.
inline constexpr TensorName kSandwichNames[] = {
    {"token_embd", "embed_tokens"},
    {"output_norm", "norm"},
    {"output", "lm_head"},
    {"blk.{}.attn_norm", "layers.{}.input_layernorm"},
    {"blk.{}.attn_q", "layers.{}.self_attn.q_proj"},
    {"blk.{}.attn_k", "layers.{}.self_attn.k_proj"},
    {"blk.{}.attn_v", "layers.{}.self_attn.v_proj"},
    {"blk.{}.attn_q_norm", "layers.{}.self_attn.q_norm"},
    {"blk.{}.attn_k_norm", "layers.{}.self_attn.k_norm"},
    {"blk.{}.attn_output", "layers.{}.self_attn.o_proj"},
    {"blk.{}.post_attention_norm", "layers.{}.post_attention_layernorm"},
    {"blk.{}.ffn_norm", "layers.{}.pre_feedforward_layernorm"},
    {"blk.{}.ffn_gate", "layers.{}.mlp.gate_proj"},
    {"blk.{}.ffn_up", "layers.{}.mlp.up_proj"},
    {"blk.{}.ffn_down", "layers.{}.mlp.down_proj"},
    {"blk.{}.post_ffw_norm", "layers.{}.post_feedforward_layernorm"},
};

}  // namespace bp
