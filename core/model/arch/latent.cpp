#include "model/arch/latent.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>
#include <vector>

#include "model/weight_rows.h"
#include "quant/quant.h"

namespace bp {
namespace {

// Not rms_norm_eps of the configuration: DeepSeek's code, and all after it, leave the default of the class.
constexpr double kLatentNormEps = 1e-6;

ValueId latent_norm(DecoderBuilder& b, ValueId x, std::string_view stem, int64_t width) {
  return b.graph().rms_norm(x, b.weight(fmt::format("{}.weight", stem), {width}), kLatentNormEps);
}

// [T, n_heads, nope_dim + rope_dim]
ValueId queries(DecoderBuilder& b, ValueId n, Bias bias) {
  const ModelConfig& c = b.config();
  const int64_t width = c.n_heads * c.head_dim;
  if (c.latent.q_rank == 0) return b.split_heads(b.linear(n, "attn_q", width), c.n_heads, c.head_dim);
  const ValueId latent =
      latent_norm(b, b.linear(n, "attn_q_a", c.latent.q_rank, bias), "attn_q_a_norm", c.latent.q_rank);
  return b.split_heads(b.linear(latent, "attn_q_b", width), c.n_heads, c.head_dim);
}

ValueId join(DecoderBuilder& b, ValueId latent, ValueId rotated) {
  return b.graph().op("concat", {latent, rotated}, {{"axis", int64_t{-1}}});
}

class Splitter {
 public:
  Splitter(const ModelConfig& config, Weights& weights, std::string layer)
      : weights_(weights),
        layer_(std::move(layer)),
        n_heads_(config.n_heads),
        nope_(config.latent.nope_dim),
        v_dim_(config.v_head_dim),
        rank_(config.latent.kv_rank) {}

  Status split() {
    stack("attn_k_b", rank_, nope_);
    stack("attn_v_b", v_dim_, rank_);
    const std::string stem = layer_ + "attn_kv_b";
    if (weights_.find(stem + ".weight") == nullptr) return {};
    if (weights_.find(layer_ + "attn_k_b.weight") == nullptr || weights_.find(layer_ + "attn_v_b.weight") == nullptr) {
      BP_TRY(auto rows, WeightRows::open(weights_, stem));
      if (rows.n_rows() != n_heads_ * (nope_ + v_dim_) || rows.n_columns() != rank_) {
        return fail(ErrorCode::kRefused, weights_.path(),
                    fmt::format("tensor {}.weight is [{}, {}], the configuration says [{}, {}]", stem, rows.n_rows(),
                                rows.n_columns(), n_heads_ * (nope_ + v_dim_), rank_),
                    "weights and configuration are of different models, download both again");
      }
      BP_TRY_VOID(make_keys(rows));
      BP_TRY_VOID(make_values(rows));
    }
    for (const char* part : {".weight", ".scales", ".zeros", ".perm"}) weights_.remove(stem + part);
    return {};
  }

 private:
  // Some files have the heads' matrices one below the other.
  void stack(std::string_view name, int64_t n, int64_t k) {
    const std::string full = fmt::format("{}{}.weight", layer_, name);
    const WeightView* found = weights_.find(full);
    if (found == nullptr || found->dims != std::vector<int64_t>{n_heads_ * n, k}) return;
    WeightView view = *weights_.take(full);
    view.dims = {n_heads_, n, k};
    weights_.add(std::move(view));
  }

  DType dtype_of(const WeightRows& rows) const { return rows.is_quantized() ? DType::kF32 : rows.dtype(); }

  // Of each head nope_dim rows of keys, then v_head_dim of values.
  Status make_keys(WeightRows& rows) {
    const DType dtype = dtype_of(rows);
    const auto row_size = static_cast<size_t>(*row_bytes(dtype, static_cast<uint64_t>(nope_)));
    BP_TRY(const auto out, weights_.make(layer_ + "attn_k_b.weight", dtype, {n_heads_, rank_, nope_}));
    std::vector<float> head(static_cast<size_t>(rank_ * nope_)), row(static_cast<size_t>(rank_));
    for (int64_t h = 0; h < n_heads_; ++h) {
      for (int64_t i = 0; i < nope_; ++i) {
        rows.read(h * (nope_ + v_dim_) + i, row.data());
        for (int64_t r = 0; r < rank_; ++r) head[static_cast<size_t>(r * nope_ + i)] = row[static_cast<size_t>(r)];
      }
      for (int64_t r = 0; r < rank_; ++r) {
        std::byte* dst = out.data() + static_cast<size_t>(h * rank_ + r) * row_size;
        BP_TRY_VOID(encode_row(dtype, head.data() + r * nope_, dst, nope_));
      }
    }
    return {};
  }

  Status make_values(WeightRows& rows) {
    const DType dtype = dtype_of(rows);
    const auto row_size = static_cast<size_t>(*row_bytes(dtype, static_cast<uint64_t>(rank_)));
    BP_TRY(const auto out, weights_.make(layer_ + "attn_v_b.weight", dtype, {n_heads_, v_dim_, rank_}));
    std::vector<float> row(static_cast<size_t>(rank_));
    for (int64_t i = 0; i < n_heads_ * v_dim_; ++i) {
      rows.read(i / v_dim_ * (nope_ + v_dim_) + nope_ + i % v_dim_, row.data());
      BP_TRY_VOID(encode_row(dtype, row.data(), out.data() + static_cast<size_t>(i) * row_size, rank_));
    }
    return {};
  }

  Weights& weights_;
  const std::string layer_;
  const int64_t n_heads_, nope_, v_dim_, rank_;
};

}  // namespace

ValueId latent_attention(DecoderBuilder& b, ValueId n) {
  const ModelConfig& c = b.config();
  const LatentConfig& l = c.latent;
  GraphBuilder& g = b.graph();
  const Bias bias = c.qkv_bias ? Bias::kRequired : Bias::kIfPresent;
  g.push_scope("attn");
  const ValueId q = queries(b, n, bias);
  const ValueId kv = b.linear(n, "attn_kv_a_mqa", l.kv_rank + l.rope_dim, bias);
  const ValueId latent = latent_norm(b, b.columns(kv, 0, l.kv_rank), "attn_kv_a_norm", l.kv_rank);
  const ValueId key = b.rope(b.split_heads(b.columns(kv, l.kv_rank, l.rope_dim), 1, l.rope_dim));

  const ValueId absorbed = g.op(
      "matmul_batched", {b.columns(q, 0, l.nope_dim), b.weight("attn_k_b.weight", {c.n_heads, l.kv_rank, l.nope_dim})});
  const ValueId heads = b.latent_attention(join(b, absorbed, b.rope(b.columns(q, l.nope_dim, l.rope_dim))),
                                           join(b, b.split_heads(latent, 1, l.kv_rank), key), l.kv_rank);
  const ValueId values =
      g.op("matmul_batched", {heads, b.weight("attn_v_b.weight", {c.n_heads, c.v_head_dim, l.kv_rank})});
  const ValueId y =
      b.linear(b.join_heads(values), "attn_output", c.hidden, c.o_bias ? Bias::kRequired : Bias::kIfPresent);
  g.pop_scope();
  return y;
}

Status split_latent_weights(const ModelConfig& config, Weights& weights) {
  for (int64_t layer = 0; layer < config.n_layers; ++layer) {
    BP_TRY_VOID(Splitter(config, weights, fmt::format("blk.{}.", layer)).split());
  }
  return {};
}

}  // namespace bp
