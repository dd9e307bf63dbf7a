#include "model/arch/blocks.h"

#include "model/arch/experts.h"

namespace bp {

Qkv project_qkv(DecoderBuilder& b, ValueId n) {
  const ModelConfig& c = b.config();
  const Bias bias = c.qkv_bias ? Bias::kRequired : Bias::kIfPresent;
  const int64_t n_q = c.n_heads * c.head_dim, n_k = c.n_kv_heads * c.head_dim, n_v = c.n_kv_heads * c.v_head_dim;
  if (!b.has("attn_qkv.weight")) {
    return {b.linear(n, "attn_q", n_q, bias), b.linear(n, "attn_k", n_k, bias), b.linear(n, "attn_v", n_v, bias)};
  }
  const ValueId all = b.linear(n, "attn_qkv", n_q + n_k + n_v, bias);
  return {b.columns(all, 0, n_q), b.columns(all, n_q, n_k), b.columns(all, n_q + n_k, n_v)};
}

ValueId grouped_attention(DecoderBuilder& b, ValueId n, AttentionOptions options) {
  const ModelConfig& c = b.config();
  b.graph().push_scope("attn");
  const Qkv all = project_qkv(b, n);
  ValueId q = b.split_heads(all.q, c.n_heads, c.head_dim);
  ValueId k = b.split_heads(all.k, c.n_kv_heads, c.head_dim);
  const ValueId v = b.split_heads(all.v, c.n_kv_heads, c.v_head_dim);
  if (c.qk_norm) {
    q = b.rms_norm(q, "attn_q_norm");
    k = b.rms_norm(k, "attn_k_norm");
  }
  options.window = b.window();
  const ValueId heads = b.attention(b.rope(q), b.rope(k), v, options);
  const ValueId y =
      b.linear(b.join_heads(heads), "attn_output", c.hidden, c.o_bias ? Bias::kRequired : Bias::kIfPresent);
  b.graph().pop_scope();
  return y;
}

ValueId feed_forward(DecoderBuilder& b, ValueId n) {
  if (has_experts(b)) return expert_ffn(b, n);
  return b.gated_ffn(n, b.config().ffn, "", b.config().mlp_bias ? Bias::kRequired : Bias::kIfPresent);
}

ValueId prenorm_layer(DecoderBuilder& b, ValueId x) {
  const ModelConfig& c = b.config();
  x = b.graph().add(x, b.scale(grouped_attention(b, b.rms_norm(x, "attn_norm")), c.residual_scale));
  return b.graph().add(x, b.scale(feed_forward(b, b.rms_norm(x, "ffn_norm")), c.residual_scale));
}

Result<Graph> build_decoder(const ModelSource& source, ValueId (*layer)(DecoderBuilder& b, ValueId x)) {
  DecoderBuilder b(source);
  ValueId x = b.scale(b.embed(), source.config.embedding_scale);
  for (int64_t i = 0; i < source.config.n_layers; ++i) {
    b.begin_layer(i);
    x = layer(b, x);
    b.end_layer();
  }
  return b.finish(b.head(b.rms_norm(b.output_rows(x), "output_norm")));
}

}  // namespace bp
