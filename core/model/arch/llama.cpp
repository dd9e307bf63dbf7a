#include "model/arch/llama.h"

#include <fmt/format.h>

#include "graph/builder.h"

namespace bp {
namespace {

class LlamaBuilder {
 public:
  explicit LlamaBuilder(const LlamaSource& source)
      : config_(source.config),
        weights_(source.weights),
        rope_(source.rope),
        options_(source.options),
        builder_(source.config.architecture) {}

  Result<Graph> build() {
    declare_inputs();
    ValueId x = embed();
    for (int64_t i = 0; i < config_.n_layers; ++i) {
      const LlamaLayer& layer = weights_.layers[static_cast<size_t>(i)];
      builder_.push_scope(fmt::format("blk.{}", i));
      x = builder_.add(x, attention_block(x, layer, i));
      x = builder_.add(x, ffn_block(x, layer));
      builder_.pop_scope();
    }
    builder_.output(logits(x), "logits");
    return builder_.finish();
  }

 private:
  void declare_inputs() {
    const SymbolId n_tokens = builder_.symbol("n_tokens", 0, options_.max_tokens);
    const SymbolId n_seqs = builder_.symbol("n_seqs", 0, options_.max_seqs);
    const SymbolId n_seqs_1 = builder_.derived_symbol("n_seqs_1", n_seqs, 1, 1);
    const SymbolId n_outputs = builder_.symbol("n_outputs", 0, options_.max_outputs);
    tokens_ = Extent::dynamic(n_tokens);
    token_ids_ = param("token_ids", {tokens_});
    positions_ = param("positions", {tokens_});
    slots_ = param("slots", {tokens_});
    page_table_ = param("page_table", {Extent::dynamic(n_seqs), Extent::fixed(options_.max_pages_per_seq)});
    seq_start_ = param("seq_start", {Extent::dynamic(n_seqs_1)});
    seq_len_ = param("seq_len", {Extent::dynamic(n_seqs)});
    output_rows_ = param("output_rows", {Extent::dynamic(n_outputs)});
    freqs_ = builder_.weight({.name = "rope.freqs",
                              .dtype = DType::kF32,
                              .dims = {static_cast<int64_t>(rope_.inv_freq.size())},
                              .bytes = std::as_bytes(std::span(rope_.inv_freq))});
  }

  ValueId param(std::string name, std::vector<Extent> dims) {
    return builder_.input(std::move(name), DType::kI32, std::move(dims), Role::kParam);
  }

  ValueId weight(const WeightView* view) {
    return builder_.weight({.name = view->name, .dtype = view->dtype, .dims = view->dims, .bytes = view->bytes});
  }

  ValueId linear(ValueId x, const WeightView* w, const WeightView* bias) {
    const ValueId y = builder_.matmul(x, weight(w));
    return bias == nullptr ? y : builder_.add(y, weight(bias));
  }

  ValueId norm(ValueId x, const WeightView* w) { return builder_.rms_norm(x, weight(w), config_.norm_eps); }

  // x [n_tokens] → [n_tokens, hidden]
  ValueId embed() {
    return builder_.op("gather_rows", {weight(weights_.embedding), token_ids_},
                       {{"dtype", static_cast<int64_t>(options_.act_dtype)}});
  }

  // x [n_tokens, n * dim] → [n_tokens, n, dim]
  ValueId split_heads(ValueId x, int64_t n, int64_t dim) {
    return builder_.reshape(x, {tokens_, Extent::fixed(n), Extent::fixed(dim)});
  }

  // x [n_tokens, n, head_dim], normalised per head where the model does that, and rotated.
  ValueId place(ValueId x, const WeightView* head_norm) {
    if (head_norm != nullptr) x = norm(x, head_norm);
    return builder_.op("rope", {x, positions_, freqs_},
                       {{"mode", int64_t{config_.rope.interleaved}},
                        {"n_rot", config_.rope.n_rot},
                        {"scale", rope_.attention_factor}});
  }

  // x [n_tokens, n_kv_heads, dim] goes into the layer's cache, whose new content is returned.
  ValueId cached(std::string_view kind, int64_t layer_idx, ValueId x, int64_t dim) {
    const ValueId cache = builder_.input(fmt::format("{}.{}", kind, layer_idx), options_.kv_dtype,
                                         {Extent::fixed(options_.n_pages), Extent::fixed(config_.n_kv_heads),
                                          Extent::fixed(options_.page_size), Extent::fixed(dim)},
                                         Role::kKv);
    return builder_.op("kv_write", {cache, x, slots_});
  }

  // x, result [n_tokens, hidden]
  ValueId attention_block(ValueId x, const LlamaLayer& layer, int64_t layer_idx) {
    builder_.push_scope("attn");
    const ValueId n = norm(x, layer.attn_norm);
    const ValueId q = split_heads(linear(n, layer.q, layer.q_bias), config_.n_heads, config_.head_dim);
    const ValueId k = split_heads(linear(n, layer.k, layer.k_bias), config_.n_kv_heads, config_.head_dim);
    const ValueId v = split_heads(linear(n, layer.v, layer.v_bias), config_.n_kv_heads, config_.v_head_dim);
    const ValueId k_cache = cached("k", layer_idx, place(k, layer.k_norm), config_.head_dim);
    const ValueId v_cache = cached("v", layer_idx, v, config_.v_head_dim);
    const ValueId heads =
        builder_.op("attention", {place(q, layer.q_norm), k_cache, v_cache, page_table_, seq_start_, seq_len_},
                    {{"scale", config_.attention_scale}, {"window", config_.windows[static_cast<size_t>(layer_idx)]}});
    const ValueId joined = builder_.reshape(heads, {tokens_, Extent::fixed(config_.n_heads * config_.v_head_dim)});
    const ValueId y = linear(joined, layer.o, layer.o_bias);
    builder_.pop_scope();
    return y;
  }

  ValueId activate(ValueId x) {
    switch (config_.activation) {
      case Activation::kSilu:
        return builder_.silu(x);
      case Activation::kGelu:
        return builder_.gelu(x, false);
      case Activation::kGeluTanh:
        return builder_.gelu(x, true);
      case Activation::kRelu:
        return builder_.op("relu", {x});
    }
    return x;
  }

  // x, result [n_tokens, hidden]
  ValueId ffn_block(ValueId x, const LlamaLayer& layer) {
    builder_.push_scope("ffn");
    const ValueId n = norm(x, layer.ffn_norm);
    const ValueId gate = activate(linear(n, layer.gate, layer.gate_bias));
    const ValueId up = linear(n, layer.up, layer.up_bias);
    const ValueId y = linear(builder_.mul(gate, up), layer.down, layer.down_bias);
    builder_.pop_scope();
    return y;
  }

  // x [n_tokens, hidden] → [n_outputs, vocab] f32. Rows nobody asked for never reach the head.
  ValueId logits(ValueId x) {
    builder_.push_scope("head");
    const ValueId rows = norm(builder_.gather_rows(x, output_rows_), weights_.output_norm);
    ValueId y = builder_.matmul(rows, weight(weights_.head));
    if (options_.act_dtype != DType::kF32) {
      y = builder_.op("cast", {y}, {{"dtype", static_cast<int64_t>(DType::kF32)}});
    }
    builder_.pop_scope();
    return y;
  }

  const ModelConfig& config_;
  const LlamaWeights& weights_;
  const RopeTable& rope_;
  const GraphOptions& options_;
  GraphBuilder builder_;
  Extent tokens_;
  ValueId token_ids_ = kNone, positions_ = kNone, slots_ = kNone, page_table_ = kNone;
  ValueId seq_start_ = kNone, seq_len_ = kNone, output_rows_ = kNone, freqs_ = kNone;
};

}  // namespace

Result<Graph> build_llama(const LlamaSource& source) { return LlamaBuilder(source).build(); }

}  // namespace bp
