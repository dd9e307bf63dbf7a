#include "model/arch/decoder.h"

#include <fmt/format.h>

#include <utility>

#include "model/arch/architecture.h"
#include "quant/quant.h"

namespace bp {

DecoderBuilder::DecoderBuilder(const ModelSource& source) : source_(source), graph_(source.config.architecture) {
  declare_inputs();
}

void DecoderBuilder::declare_inputs() {
  const GraphOptions& options = source_.options;
  const SymbolId n_tokens = graph_.symbol("n_tokens", 0, options.max_tokens);
  const SymbolId n_seqs = graph_.symbol("n_seqs", 0, options.max_seqs);
  const SymbolId n_seqs_1 = graph_.derived_symbol("n_seqs_1", n_seqs, 1, 1);
  if (config().pooling != Pooling::kOff) {
    tokens_ = Extent::dynamic(n_tokens);
    token_ids_ = param("token_ids", {tokens_});
    positions_ = param("positions", {tokens_});
    seq_start_ = param("seq_start", {Extent::dynamic(n_seqs_1)});
    if (config().pooling != Pooling::kMean) pooled_rows_ = param("pooled_rows", {Extent::dynamic(n_seqs)});
    return;
  }
  const SymbolId n_outputs = graph_.symbol("n_outputs", 0, options.max_outputs);
  tokens_ = Extent::dynamic(n_tokens);
  token_ids_ = param("token_ids", {tokens_});
  positions_ = param("positions", {tokens_});
  slots_ = param("slots", {tokens_});
  page_table_ = param("page_table", {Extent::dynamic(n_seqs), Extent::fixed(options.max_pages_per_seq)});
  seq_start_ = param("seq_start", {Extent::dynamic(n_seqs_1)});
  seq_len_ = param("seq_len", {Extent::dynamic(n_seqs)});
  output_rows_ = param("output_rows", {Extent::dynamic(n_outputs)});
  if (source_.rope.global.n_variants > 1) rope_variant_ = param("rope_variant", {tokens_});
  if (config().positions != Positions::kRope) return;
  if (config().rope.type == RopeType::kDynamic) {
    // A row for each token: how far its text reaches decides. Its variant is its own number.
    freqs_ = graph_.input("rope_freqs", DType::kF32,
                          {Extent::fixed(options.max_tokens), Extent::fixed(config().rope.n_rot / 2)}, Role::kParam);
    rope_variant_ = graph_.op("iota", {token_ids_});
    return;
  }
  freqs_ = rope_table("rope.freqs", source_.rope.global);
  if (config().has_local_rope) local_freqs_ = rope_table("rope.local_freqs", source_.rope.local);
}

ValueId DecoderBuilder::param(std::string name, std::vector<Extent> dims) {
  return graph_.input(std::move(name), DType::kI32, std::move(dims), Role::kParam);
}

ValueId DecoderBuilder::rope_table(std::string name, const RopeTable& table) {
  const auto n = static_cast<int64_t>(table.inv_freq.size());
  std::vector<int64_t> dims = {n};
  if (table.n_variants > 1) dims = {table.n_variants, n / table.n_variants};
  return graph_.weight({std::move(name), DType::kF32, std::move(dims), std::as_bytes(std::span(table.inv_freq))});
}

void DecoderBuilder::begin_layer(int64_t layer_idx) {
  layer_ = layer_idx;
  graph_.push_scope(fmt::format("blk.{}", layer_idx));
}

void DecoderBuilder::end_layer() {
  graph_.pop_scope();
  layer_ = kNone;
}

Extent DecoderBuilder::slots() {
  if (n_slots_ == kNone) n_slots_ = graph_.derived_symbol("n_slots", tokens_.symbol, config().experts.n_used, 0);
  return Extent::dynamic(n_slots_);
}

void DecoderBuilder::set_error(Status status) {
  if (status_.has_value()) status_ = std::move(status);
}

int64_t DecoderBuilder::width(ValueId x) const {
  return x == kNone || graph_.failed() ? 1 : graph_.graph().value(x).dims.back().value;
}

std::string DecoderBuilder::full_name(std::string_view name) const {
  return layer_ == kNone ? std::string(name) : fmt::format("blk.{}.{}", layer_, name);
}

bool DecoderBuilder::has(std::string_view name) { return source_.weights.find(full_name(name)) != nullptr; }

// Null, and an error, where there is no such tensor of that shape.
const WeightView* DecoderBuilder::find(std::string_view name, const std::vector<int64_t>& dims) {
  const std::string full = full_name(name);
  const WeightView* view = source_.weights.find(full);
  const auto shown = [&] {
    return source_.weights.gguf() != nullptr ? full : hf_name_of(architecture_of(config()).names, full);
  };
  if (view == nullptr) {
    set_error(fail(ErrorCode::kRefused, source_.where, fmt::format("tensor {} is missing", shown()),
                   "the model is incomplete, download it again"));
    return nullptr;
  }
  if (view->dims != dims) {
    set_error(
        fail(ErrorCode::kRefused, source_.where,
             fmt::format("tensor {} is {}, the configuration says {}", shown(), dims_text(view->dims), dims_text(dims)),
             "weights and configuration are of different models, download both again"));
    return nullptr;
  }
  used_.insert(view);
  return view;
}

ValueId DecoderBuilder::add_weight(const WeightView& view) {
  return graph_.weight({view.name, view.dtype, view.dims, view.bytes});
}

ValueId DecoderBuilder::weight(std::string_view name, std::vector<int64_t> dims) {
  const WeightView* view = find(name, dims);
  if (view == nullptr) return kNone;
  const bool readable = can_decode(view->dtype) && (dims.size() > 1 || is_float(view->dtype));
  if (!readable) {
    set_error(fail(ErrorCode::kUnsupported, source_.where,
                   fmt::format("tensor {} is {}, which is not supported there", view->name, dtype_name(view->dtype)),
                   "take the model in another weight type; docs/models.md lists them"));
    return kNone;
  }
  return add_weight(*view);
}

ValueId DecoderBuilder::matrix(std::string_view stem, int64_t n, int64_t k) {
  if (has(fmt::format("{}.scales", stem))) return dequantized(stem, {n, k});
  return weight(fmt::format("{}.weight", stem), {n, k});
}

ValueId DecoderBuilder::expert_matrices(std::string_view stem, int64_t n, int64_t k) {
  const std::vector<int64_t> dims = {config().experts.n_experts, n, k};
  if (has(fmt::format("{}.scales", stem))) return dequantized(stem, dims);
  return weight(fmt::format("{}.weight", stem), dims);
}

// The op knows no stacks: the matrices of one lie below each other.
ValueId DecoderBuilder::flat(std::string_view name, std::vector<int64_t> dims) {
  const WeightView* view = find(name, dims);
  if (view == nullptr) return kNone;
  if (dims.size() > 2) dims = {dims[0] * dims[1], dims[2]};
  return graph_.weight({view->name, view->dtype, std::move(dims), view->bytes});
}

// `stem`.weight [.., n, k] with what quantized_folder.h puts beside it.
ValueId DecoderBuilder::dequantized(std::string_view stem, const std::vector<int64_t>& dims) {
  const auto name = [&](std::string_view part) { return fmt::format("{}.{}", stem, part); };
  const auto [block_n, block_k] = source_.weights.find(full_name(name("scales")))->block;
  if (block_n < 1 || block_k < 1) {  // a tensor of that name that is something else
    set_error(fail(ErrorCode::kUnsupported, source_.where,
                   fmt::format("tensor {} is not known", full_name(name("scales"))),
                   "this variant of the architecture is not supported"));
    return kNone;
  }
  std::vector<int64_t> scale_dims = dims;
  scale_dims.back() = (dims.back() + block_k - 1) / block_k;
  int64_t& n_rows = scale_dims[dims.size() - 2];
  n_rows = (n_rows + block_n - 1) / block_n;
  const ValueId w = flat(name("weight"), dims);
  const ValueId scales = flat(name("scales"), scale_dims);
  const ValueId zeros = has(name("zeros")) ? flat(name("zeros"), scale_dims) : kNone;
  const ValueId perm = has(name("perm")) ? flat(name("perm"), {dims.back()}) : kNone;
  const ValueId y = graph_.op(
      "dequant", {w, scales, zeros, perm},
      {{"block_n", block_n}, {"block_k", block_k}, {"dtype", static_cast<int64_t>(source_.options.act_dtype)}});
  if (dims.size() == 2) return y;
  return graph_.reshape(y, {Extent::fixed(dims[0]), Extent::fixed(dims[1]), Extent::fixed(dims[2])});
}

ValueId DecoderBuilder::linear(ValueId x, std::string_view stem, int64_t n, Bias bias) {
  const ValueId y = graph_.matmul(x, matrix(stem, n, width(x)));
  const std::string name = fmt::format("{}.bias", stem);
  if (bias == Bias::kAbsent || (bias == Bias::kIfPresent && !has(name))) return y;
  return graph_.add(y, weight(name, {n}));
}

ValueId DecoderBuilder::rms_norm(ValueId x, std::string_view stem) {
  return graph_.rms_norm(x, weight(fmt::format("{}.weight", stem), {width(x)}), config().norm_eps);
}

ValueId DecoderBuilder::layer_norm(ValueId x, std::string_view stem, Bias bias) {
  const std::string bias_name = fmt::format("{}.bias", stem);
  const bool biased = bias == Bias::kRequired || (bias == Bias::kIfPresent && has(bias_name));
  const ValueId w = weight(fmt::format("{}.weight", stem), {width(x)});
  return graph_.layer_norm(x, w, biased ? weight(bias_name, {width(x)}) : kNone, config().norm_eps);
}

ValueId DecoderBuilder::activate(ValueId x) {
  switch (config().activation) {
    case Activation::kSilu:
      return graph_.silu(x);
    case Activation::kGelu:
      return graph_.gelu(x, false);
    case Activation::kGeluTanh:
      return graph_.gelu(x, true);
    case Activation::kRelu:
      return graph_.op("relu", {x});
  }
  return x;
}

ValueId DecoderBuilder::scale(ValueId x, double factor) { return factor == 1 ? x : graph_.scale(x, factor); }

ValueId DecoderBuilder::softcap(ValueId x, double cap) {
  return cap == 0 ? x : graph_.scale(graph_.op("tanh", {graph_.scale(x, 1 / cap)}), cap);
}

ValueId DecoderBuilder::split_heads(ValueId x, int64_t n, int64_t dim) {
  return graph_.reshape(x, {tokens_, Extent::fixed(n), Extent::fixed(dim)});
}

ValueId DecoderBuilder::join_heads(ValueId x) {
  if (x == kNone || graph_.failed()) return kNone;
  const std::vector<Extent>& dims = graph_.graph().value(x).dims;
  return graph_.reshape(x, {tokens_, Extent::fixed(dims[1].value * dims[2].value)});
}

ValueId DecoderBuilder::columns(ValueId x, int64_t start, int64_t length) {
  return graph_.op("slice", {x}, {{"axis", int64_t{-1}}, {"start", start}, {"length", length}});
}

ValueId DecoderBuilder::rope(ValueId x, int64_t offset) {
  const bool local = config().has_local_rope && window() > 0;
  const RopeConfig& rope = local ? config().local_rope : config().rope;
  const RopeTable& table = local ? source_.rope.local : source_.rope.global;
  return graph_.op("rope", {x, positions_, local ? local_freqs_ : freqs_, local ? kNone : rope_variant_},
                   {{"mode", int64_t{rope.interleaved}},
                    {"n_rot", rope.n_rot},
                    {"offset", offset},
                    {"scale", table.attention_factor}});
}

int64_t DecoderBuilder::window() const { return layer_ == kNone ? 0 : config().windows[static_cast<size_t>(layer_)]; }

ValueId DecoderBuilder::cache(std::string_view kind, int64_t n_heads, int64_t dim) {
  const GraphOptions& options = source_.options;
  return graph_.input(
      fmt::format("{}.{}", kind, layer_), options.kv_dtype,
      {Extent::fixed(options.n_pages), Extent::fixed(n_heads), Extent::fixed(options.page_size), Extent::fixed(dim)},
      Role::kKv);
}

ValueId DecoderBuilder::attention(ValueId q, ValueId k, ValueId v, const AttentionOptions& options) {
  const ValueId keys = graph_.op("kv_write", {cache("k", config().n_kv_heads, width(k)), k, slots_});
  const ValueId values = graph_.op("kv_write", {cache("v", config().n_kv_heads, width(v)), v, slots_});
  std::vector<ValueId> operands = {q, keys, values, page_table_, seq_start_, seq_len_};
  if (options.sinks != kNone) operands.insert(operands.end(), {kNone, options.sinks});
  return graph_.op(
      "attention", std::move(operands),
      {{"scale", config().attention_scale}, {"softcap", config().attention_softcap}, {"window", options.window}});
}

ValueId DecoderBuilder::latent_attention(ValueId q, ValueId kv, int64_t v_dim) {
  const ValueId cached = graph_.op("kv_write", {cache("kv", 1, width(kv)), kv, slots_});
  return graph_.op("attention", {q, cached, cached, page_table_, seq_start_, seq_len_},
                   {{"scale", config().attention_scale}, {"v_dim", v_dim}});
}

ValueId DecoderBuilder::embed() {
  const ValueId table = weight("token_embd.weight", {config().vocab, config().hidden});
  return graph_.op("gather_rows", {table, token_ids_}, {{"dtype", static_cast<int64_t>(source_.options.act_dtype)}});
}

ValueId DecoderBuilder::rows_at_positions(std::string_view name, int64_t width) {
  const ValueId table = weight(name, {config().context, width});
  return graph_.op("gather_rows", {table, positions_}, {{"dtype", static_cast<int64_t>(source_.options.act_dtype)}});
}

ValueId DecoderBuilder::gated_ffn(ValueId x, int64_t ffn, std::string_view suffix, Bias bias) {
  const auto name = [&](std::string_view stem) { return fmt::format("{}{}", stem, suffix); };
  const ValueId gate = activate(linear(x, name("ffn_gate"), ffn, bias));
  const ValueId up = linear(x, name("ffn_up"), ffn, bias);
  return linear(graph_.mul(gate, up), name("ffn_down"), config().hidden, bias);
}

ValueId DecoderBuilder::plain_ffn(ValueId x, int64_t ffn, Bias bias) {
  return linear(activate(linear(x, "ffn_up", ffn, bias)), "ffn_down", config().hidden, bias);
}

ValueId DecoderBuilder::output_rows(ValueId x) { return graph_.gather_rows(x, output_rows_); }

ValueId DecoderBuilder::head(ValueId x) {
  graph_.push_scope("head");
  ValueId y = graph_.matmul(x, matrix(config().tied_head ? "token_embd" : "output", config().vocab, config().hidden));
  if (source_.options.act_dtype != DType::kF32) {
    y = graph_.op("cast", {y}, {{"dtype", static_cast<int64_t>(DType::kF32)}});
  }
  y = softcap(scale(y, config().logit_scale), config().logit_softcap);
  graph_.pop_scope();
  return y;
}

// A layer's weight that the graph leaves out would make the answers wrong without a word.
Status DecoderBuilder::refuse_unknown() const {
  for (const auto& [name, view] : source_.weights.all()) {
    if (!name.starts_with("blk.") || used_.contains(&view)) continue;
    const bool is_gguf = source_.weights.gguf() != nullptr;
    return fail(ErrorCode::kUnsupported, source_.where,
                fmt::format("tensor {} is no part of a {} model of {} layers",
                            is_gguf ? name : hf_name_of(architecture_of(config()).names, name), config().architecture,
                            config().n_layers),
                "this variant of the architecture is not supported");
  }
  return {};
}

Result<Graph> DecoderBuilder::finish(ValueId output) {
  BP_TRY_VOID(status_);
  BP_TRY_VOID(refuse_unknown());
  graph_.output(output, config().pooling == Pooling::kOff ? "logits" : "embedding");
  return graph_.finish();
}

}  // namespace bp
