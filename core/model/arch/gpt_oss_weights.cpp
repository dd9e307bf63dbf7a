#include "model/arch/gpt_oss_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "quant/mxfp4_repack.h"
#include "quant/quant.h"

namespace bp {
namespace {

constexpr int64_t kTile = 32;  // rows and columns that stay in the first cache

quant::TensorBytes bytes_of(const WeightView& view) { return {view.dtype, view.dims, view.bytes}; }

class Adapter {
 public:
  Adapter(const ModelConfig& config, Weights& weights, std::string layer)
      : config_(config), weights_(weights), layer_(std::move(layer)) {}

  Status adapt() {
    BP_TRY_VOID(split_blocks());
    BP_TRY_VOID(split_weight());
    BP_TRY_VOID(split_bias());
    BP_TRY_VOID(take_down());
    for (const char* name : {"attn_sinks.weight", "ffn_gate_exps.bias", "ffn_up_exps.bias", "ffn_down_exps.bias"}) {
      BP_TRY_VOID(make_f32(name));
    }
    return {};
  }

 private:
  const WeightView* find(std::string_view name) const { return weights_.find(layer_ + std::string(name)); }
  std::string where() const { return fmt::format("{}: {}experts", weights_.path(), layer_); }
  int64_t hidden() const { return config_.hidden; }
  int64_t ffn() const { return config_.experts.ffn; }
  int64_t n_experts() const { return config_.experts.n_experts; }

  Status expect(const WeightView& view, const std::vector<int64_t>& dims) const {
    if (view.dims == dims) return {};
    return fail(
        ErrorCode::kRefused, weights_.path(),
        fmt::format("tensor {} is {}, the configuration says {}", view.name, dims_text(view.dims), dims_text(dims)),
        "weights and configuration are of different models, download both again");
  }

  // Every other row of `from`, whose rows have `row_size` bytes, starting with `first`.
  Status take_rows(std::string_view name, DType dtype, std::span<const std::byte> from, size_t row_size, size_t first,
                   std::vector<int64_t> dims) {
    BP_TRY(const auto to, weights_.make(layer_ + std::string(name), dtype, std::move(dims)));
    for (size_t i = 0; i < to.size() / row_size; ++i) {
      std::memcpy(to.data() + i * row_size, from.data() + (2 * i + first) * row_size, row_size);
    }
    return {};
  }

  Status split_blocks() {
    const WeightView* blocks = find("ffn_pairs.blocks");
    const WeightView* scales = find("ffn_pairs.scales");
    if (blocks == nullptr || scales == nullptr) return {};
    BP_TRY_VOID(expect(*scales, {n_experts(), 2 * ffn(), hidden() / 32}));
    BP_TRY(const auto packed, quant::repack_mxfp4(bytes_of(*blocks), bytes_of(*scales), where()));
    const size_t row_size = packed.size() / static_cast<size_t>(n_experts() * 2 * ffn());
    const std::vector<int64_t> dims = {n_experts(), ffn(), scales->dims[2] * 32};
    BP_TRY_VOID(take_rows("ffn_gate_exps.weight", DType::kMXFP4, packed, row_size, 0, dims));
    BP_TRY_VOID(take_rows("ffn_up_exps.weight", DType::kMXFP4, packed, row_size, 1, dims));
    weights_.remove(layer_ + "ffn_pairs.blocks");
    weights_.remove(layer_ + "ffn_pairs.scales");
    return {};
  }

  // to [E, n, k] = from [E, k, columns], transposed: column first + i * step becomes row i.
  Status transpose(std::string_view name, const WeightView& from, int64_t first, int64_t step) {
    const int64_t k = from.dims[1], columns = from.dims[2], n = columns / step;
    if (from.dtype != DType::kF32 && from.dtype != DType::kF16 && from.dtype != DType::kBF16) {
      return fail(ErrorCode::kUnsupported, weights_.path(),
                  fmt::format("tensor {} is {}, which is not supported there", from.name, dtype_name(from.dtype)),
                  "take the model in bf16 or mxfp4");
    }
    BP_TRY(const auto to, weights_.make(layer_ + std::string(name), from.dtype, {from.dims[0], n, k}));
    const auto size = static_cast<int64_t>(dtype_info(from.dtype).block_bytes);
    for (int64_t e = 0; e < from.dims[0]; ++e) {
      const std::byte* src = from.bytes.data() + e * k * columns * size;
      std::byte* dst = to.data() + e * n * k * size;
      for (int64_t row = 0; row < k; row += kTile) {
        for (int64_t i = 0; i < n; ++i) {
          for (int64_t r = row; r < std::min(row + kTile, k); ++r) {
            std::memcpy(dst + (i * k + r) * size, src + (r * columns + first + i * step) * size,
                        static_cast<size_t>(size));
          }
        }
      }
    }
    return {};
  }

  Status split_weight() {
    const WeightView* pairs = find("ffn_pairs.weight");
    if (pairs == nullptr) return {};
    BP_TRY_VOID(expect(*pairs, {n_experts(), hidden(), 2 * ffn()}));
    BP_TRY_VOID(transpose("ffn_gate_exps.weight", *pairs, 0, 2));
    BP_TRY_VOID(transpose("ffn_up_exps.weight", *pairs, 1, 2));
    weights_.remove(layer_ + "ffn_pairs.weight");
    return {};
  }

  Status split_bias() {
    const WeightView* pairs = find("ffn_pairs.bias");
    if (pairs == nullptr) return {};
    BP_TRY_VOID(expect(*pairs, {n_experts(), 2 * ffn()}));
    const size_t size = dtype_info(pairs->dtype).block_bytes;
    const std::vector<int64_t> dims = {n_experts(), ffn()};
    BP_TRY_VOID(take_rows("ffn_gate_exps.bias", pairs->dtype, pairs->bytes, size, 0, dims));
    BP_TRY_VOID(take_rows("ffn_up_exps.bias", pairs->dtype, pairs->bytes, size, 1, dims));
    weights_.remove(layer_ + "ffn_pairs.bias");
    return {};
  }

  Status take_down() {
    if (const WeightView* from = find("ffn_down_exps.transposed"); from != nullptr) {
      BP_TRY_VOID(expect(*from, {n_experts(), ffn(), hidden()}));
      BP_TRY_VOID(transpose("ffn_down_exps.weight", *from, 0, 1));
      weights_.remove(layer_ + "ffn_down_exps.transposed");
    }
    const WeightView* blocks = find("ffn_down_exps.blocks");
    const WeightView* scales = find("ffn_down_exps.scales");
    if (blocks == nullptr || scales == nullptr) return {};
    BP_TRY_VOID(expect(*scales, {n_experts(), hidden(), ffn() / 32}));
    BP_TRY(const auto packed, quant::repack_mxfp4(bytes_of(*blocks), bytes_of(*scales), where()));
    BP_TRY(const auto to, weights_.make(layer_ + "ffn_down_exps.weight", DType::kMXFP4,
                                        {n_experts(), hidden(), scales->dims[2] * 32}));
    std::memcpy(to.data(), packed.data(), packed.size());
    weights_.remove(layer_ + "ffn_down_exps.blocks");
    weights_.remove(layer_ + "ffn_down_exps.scales");
    return {};
  }

  Status make_f32(std::string_view name) {
    const WeightView* found = find(name);
    if (found == nullptr || (found->dtype != DType::kBF16 && found->dtype != DType::kF16)) return {};
    const WeightView from = *found;
    BP_TRY(const auto to, weights_.make(from.name, DType::kF32, from.dims));
    decode_row(from.dtype, from.bytes.data(), reinterpret_cast<float*>(to.data()),
               static_cast<int64_t>(to.size() / sizeof(float)));
    return {};
  }

  const ModelConfig& config_;
  Weights& weights_;
  const std::string layer_;
};

}  // namespace

Status adapt_gpt_oss(const ModelConfig& config, Weights& weights) {
  for (int64_t layer = 0; layer < config.n_layers; ++layer) {
    BP_TRY_VOID(Adapter(config, weights, fmt::format("blk.{}.", layer)).adapt());
  }
  return {};
}

}  // namespace bp
