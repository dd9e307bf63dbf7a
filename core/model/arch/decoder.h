// What the graphs of decoders are written with: the step's inputs, and the layers' parts over the model's tensors by
// GGUF's names. Names are relative to the layer between begin_layer() and end_layer(): "attn_q" is blk.3.attn_q there.
// The first error sticks (a missing tensor, a wrong shape), as in GraphBuilder; finish() returns it.
// Shapes: T rows of the step (n_tokens). Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "graph/builder.h"
#include "model/arch/model_source.h"

namespace bp {

enum class Bias : uint8_t { kAbsent, kIfPresent, kRequired };

struct AttentionOptions {
  int64_t window = 0;     // 0: all keys
  ValueId sinks = kNone;  // [n_heads]
};

class DecoderBuilder {
 public:
  explicit DecoderBuilder(const ModelSource& source);

  const ModelConfig& config() const { return source_.config; }
  GraphBuilder& graph() { return graph_; }
  DType act_dtype() const { return source_.options.act_dtype; }
  int64_t layer() const { return layer_; }
  void begin_layer(int64_t layer_idx);
  void end_layer();
  Extent tokens() const { return tokens_; }
  // T × the experts that each token goes through.
  Extent slots();
  // [T] i32
  ValueId token_ids() const { return token_ids_; }
  ValueId positions() const { return positions_; }
  // [S + 1] i32: where each sequence's rows begin.
  ValueId seq_start() const { return seq_start_; }
  // [S] i32, of encoders that pool by one row: which.
  ValueId pooled_rows() const { return pooled_rows_; }

  // The last extent of x.
  int64_t width(ValueId x) const;

  // Tensors. has() also counts as use: what a layer has and nobody uses is refused by finish().
  bool has(std::string_view name);
  ValueId weight(std::string_view name, std::vector<int64_t> dims);
  // [n, k]: `stem`.weight, with the scales it may have.
  ValueId matrix(std::string_view stem, int64_t n, int64_t k);
  // [n_experts, n, k]
  ValueId expert_matrices(std::string_view stem, int64_t n, int64_t k);

  // x [.., k] → [.., n]
  ValueId linear(ValueId x, std::string_view stem, int64_t n, Bias bias = Bias::kIfPresent);
  ValueId rms_norm(ValueId x, std::string_view stem);
  ValueId layer_norm(ValueId x, std::string_view stem, Bias bias = Bias::kRequired);
  ValueId activate(ValueId x);
  ValueId scale(ValueId x, double factor);  // x itself where the factor is 1
  // cap tanh(x / cap); x itself where cap is 0
  ValueId softcap(ValueId x, double cap);
  // x [T, n * dim] ↔ [T, n, dim]
  ValueId split_heads(ValueId x, int64_t n, int64_t dim);
  ValueId join_heads(ValueId x);
  // Columns [start, start + length) of the last axis.
  ValueId columns(ValueId x, int64_t start, int64_t length);
  // x [T, n, dim] rotated by the layer's frequencies: the local ones where it has a window and the model has such.
  ValueId rope(ValueId x, int64_t offset = 0);
  // Writes k [T, n_kv_heads, dim] and v [T, n_kv_heads, v_dim] into the layer's cache and attends to all of it:
  // q [T, n_heads, dim] → [T, n_heads, v_dim].
  ValueId attention(ValueId q, ValueId k, ValueId v, const AttentionOptions& options);
  // The same over one vector a token, kv [T, 1, dim], whose first v_dim columns are the value: [T, n_heads, v_dim].
  ValueId latent_attention(ValueId q, ValueId kv, int64_t v_dim);

  // [T, hidden]
  ValueId embed();
  // [T, width]: rows of the table `name`, which has one for each position of the context.
  ValueId rows_at_positions(std::string_view name, int64_t width);
  // The window of this layer.
  int64_t window() const;
  // act(gate(x)) * up(x), then down: "ffn_gate", "ffn_up", "ffn_down" and `suffix` ("_shexp").
  ValueId gated_ffn(ValueId x, int64_t ffn, std::string_view suffix = {}, Bias bias = Bias::kIfPresent);
  // down(act(up(x)))
  ValueId plain_ffn(ValueId x, int64_t ffn, Bias bias = Bias::kIfPresent);

  // Rows whose logits are asked for.
  ValueId output_rows(ValueId x);
  // x [n_outputs, hidden] → logits [n_outputs, vocab] f32, scaled and capped as the model does.
  ValueId head(ValueId x);

  // `output`: the logits, or an encoder's embeddings.
  Result<Graph> finish(ValueId output);

 private:
  void declare_inputs();
  ValueId param(std::string name, std::vector<Extent> dims);
  ValueId rope_table(std::string name, const RopeTable& table);
  ValueId cache(std::string_view kind, int64_t n_heads, int64_t dim);
  std::string full_name(std::string_view name) const;
  const WeightView* find(std::string_view name, const std::vector<int64_t>& dims);
  ValueId add_weight(const WeightView& view);
  ValueId flat(std::string_view name, std::vector<int64_t> dims);
  ValueId dequantized(std::string_view stem, const std::vector<int64_t>& dims);
  void set_error(Status status);
  Status refuse_unknown() const;

  const ModelSource source_;
  GraphBuilder graph_;
  Status status_;
  std::unordered_set<const WeightView*> used_;
  int64_t layer_ = kNone;
  Extent tokens_;
  SymbolId n_slots_ = kNone;
  ValueId token_ids_ = kNone, positions_ = kNone, slots_ = kNone, page_table_ = kNone;
  ValueId seq_start_ = kNone, seq_len_ = kNone, output_rows_ = kNone, rope_variant_ = kNone, pooled_rows_ = kNone;
  ValueId freqs_ = kNone, local_freqs_ = kNone;
};

}  // namespace bp
