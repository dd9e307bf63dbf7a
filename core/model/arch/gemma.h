// What the Gemma family has in common.
#pragma once

#include "model/arch/decoder.h"
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

}  // namespace bp
