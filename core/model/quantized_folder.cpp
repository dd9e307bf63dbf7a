#include "model/quantized_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/weight_rows.h"
#include "quant/fp8_scale.h"
#include "quant/packed_int.h"
#include "quant/quant.h"

namespace bp {
namespace {

using quant::DequantOperands;
using quant::TensorBytes;

std::vector<std::string> names_ending(const Weights& weights, std::string_view end) {
  std::vector<std::string> names;
  for (const auto& [name, view] : weights.all()) {
    if (name.ends_with(end)) names.push_back(name);
  }
  return names;
}

std::string where_of(const Weights& weights, const std::string& stem) {
  return fmt::format("{}: {}", weights.path(), stem);
}

// Slice `i` of a tensor of n_experts, or all of it where there are none (0).
TensorBytes slice(const WeightView* view, int64_t n_experts, int64_t i) {
  if (view == nullptr) return {};
  if (n_experts == 0) return {view->dtype, view->dims, view->bytes};
  const size_t size = view->bytes.size() / static_cast<size_t>(n_experts);
  return {view->dtype,
          {view->dims.begin() + 1, view->dims.end()},
          view->bytes.subspan(static_cast<size_t>(i) * size, size)};
}

std::vector<int64_t> with_experts(int64_t n_experts, std::vector<int64_t> dims) {
  if (n_experts > 0) dims.insert(dims.begin(), n_experts);
  return dims;
}

// --- AWQ and GPTQ ---

class IntUnpacker {
 public:
  IntUnpacker(const QuantConfig& quant, Weights& weights, std::string stem)
      : quant_(quant), weights_(weights), stem_(std::move(stem)), where_(where_of(weights, stem_)) {}

  Status unpack() {
    qweight_ = weights_.find(stem_ + ".qweight");
    const size_t rank = qweight_->dims.size();
    n_experts_ = rank == 3 ? qweight_->dims[0] : 0;
    if (rank == 3 && n_experts_ == 0) return fail(ErrorCode::kRefused, where_, "qweight is empty", "download it again");
    for (const char* name : {".qzeros", ".scales", ".g_idx"}) {
      const WeightView* view = weights_.find(stem_ + name);
      const bool needed = std::string_view(name) != ".g_idx";
      if (view == nullptr && !needed) continue;
      if (view == nullptr || view->dims.empty() || (n_experts_ > 0 && view->dims[0] != n_experts_)) {
        return fail(ErrorCode::kRefused, where_, fmt::format("{} is missing, or not of as many experts", name + 1),
                    "the model is incomplete, download it again");
      }
    }
    const int64_t n = std::max<int64_t>(n_experts_, 1);
    for (int64_t i = 0; i < n; ++i) {
      BP_TRY(const auto operands, operands_of(i));
      if (i == 0) BP_TRY_VOID(make_targets(operands));
      BP_TRY_VOID(fill(operands, i));
    }
    for (const char* name : {".qweight", ".qzeros", ".g_idx", ".scales"}) weights_.release(stem_ + name);
    for (const char* name : {".weight", ".scales", ".zeros", ".perm"}) rename(name);
    return permuted_ ? finish_permuted() : Status{};
  }

 private:
  Result<DequantOperands> operands_of(int64_t i) const {
    const TensorBytes w = slice(qweight_, n_experts_, i);
    const TensorBytes zeros = slice(weights_.find(stem_ + ".qzeros"), n_experts_, i);
    const TensorBytes scales = slice(weights_.find(stem_ + ".scales"), n_experts_, i);
    if (quant_.method == QuantMethod::kAwq) return quant::unpack_awq({w, zeros, scales}, quant_.group_size, where_);
    const TensorBytes g_idx = slice(weights_.find(stem_ + ".g_idx"), n_experts_, i);
    const quant::GptqOptions options = {.bits = quant_.bits, .zeros_less_one = quant_.zeros_less_one};
    return quant::unpack_gptq({w, zeros, scales, g_idx}, quant_.group_size, options, where_);
  }

  // Under other names, as the file's scales are still to be read.
  Status make_targets(const DequantOperands& first) {
    const int64_t n_groups = first.k / first.group_size;
    BP_TRY(w_, make(".weight", first.w_dtype, {first.n, first.k}));
    BP_TRY(scales_, make(".scales", first.scales_dtype, {first.n, n_groups}));
    BP_TRY(zeros_, make(".zeros", DType::kU8, {first.n, n_groups}));
    BP_TRY(perm_, make(".perm", DType::kI32, {first.k}));
    block_ = {1, first.group_size};
    return {};
  }

  Result<std::span<std::byte>> make(const char* part, DType dtype, std::vector<int64_t> dims) {
    return weights_.make(stem_ + kMade + part, dtype, with_experts(n_experts_, std::move(dims)));
  }

  Status fill(const DequantOperands& from, int64_t i) {
    const auto n = static_cast<size_t>(std::max<int64_t>(n_experts_, 1));
    if (from.w.size() * n != w_.size() || from.scales.size() * n != scales_.size()) {
      return fail(ErrorCode::kRefused, where_, "experts are of several sizes", "download the model again");
    }
    const auto at = static_cast<size_t>(i);
    std::memcpy(w_.data() + at * from.w.size(), from.w.data(), from.w.size());
    std::memcpy(scales_.data() + at * from.scales.size(), from.scales.data(), from.scales.size());
    std::memcpy(zeros_.data() + at * from.zeros.size(), from.zeros.data(), from.zeros.size());
    std::vector<int32_t> perm = from.perm;
    permuted_ = permuted_ || !perm.empty();
    if (perm.empty()) {
      perm.resize(static_cast<size_t>(from.k));
      std::iota(perm.begin(), perm.end(), 0);
    }
    std::memcpy(perm_.data() + at * perm.size() * sizeof(int32_t), perm.data(), perm.size() * sizeof(int32_t));
    return {};
  }

  void rename(std::string_view part) {
    WeightView view = *weights_.take(stem_ + kMade + std::string(part));
    if (part == ".perm" && !permuted_) return;
    view.name = stem_ + std::string(part);
    if (part == ".scales" || part == ".zeros") view.block = block_;
    weights_.add(std::move(view));
  }

  // The op has one permutation for all rows.
  Status finish_permuted() {
    if (n_experts_ == 0) return {};
    BP_TRY(auto rows, WeightRows::open(weights_, stem_));
    const std::string made = stem_ + kMade + ".weight";
    BP_TRY(const auto out, weights_.make(made, DType::kF16, weights_.find(stem_ + ".weight")->dims));
    std::vector<float> row(static_cast<size_t>(rows.n_columns()));
    const size_t size = row.size() * 2;
    for (int64_t i = 0; i < rows.n_rows(); ++i) {
      rows.read(i, row.data());
      BP_TRY_VOID(encode_row(DType::kF16, row.data(), out.data() + static_cast<size_t>(i) * size, rows.n_columns()));
    }
    for (const char* part : {".weight", ".scales", ".zeros", ".perm"}) weights_.release(stem_ + part);
    WeightView view = *weights_.take(made);
    view.name = stem_ + ".weight";
    weights_.add(std::move(view));
    return {};
  }

  static constexpr const char* kMade = "!";
  const QuantConfig& quant_;
  Weights& weights_;
  const std::string stem_, where_;
  const WeightView* qweight_ = nullptr;
  int64_t n_experts_ = 0;
  bool permuted_ = false;
  std::array<int64_t, 2> block_{};
  std::span<std::byte> w_, scales_, zeros_, perm_;
};

// --- fp8 ---

// The scales of a stack lie one expert's below another's, as the weights do; so no block may cover rows of two experts,
// and blocks that would are cut into ones that do not.
Status stack_scales(const quant::Fp8Scale& scale, int64_t n, const WeightView& from, const std::string& stem,
                    Weights& weights) {
  const int64_t n_experts = from.dims[0];
  const int64_t block_n = std::gcd(scale.block_n, n), n_rows = n / block_n;
  const auto row_size = static_cast<size_t>(scale.dims[1]) * dtype_info(from.dtype).block_bytes;
  BP_TRY(const auto out, weights.make(stem + ".scales", from.dtype, {n_experts, n_rows, scale.dims[1]}));
  for (int64_t i = 0; i < n_experts * n_rows; ++i) {
    const int64_t row = i / n_rows * scale.dims[0] + i % n_rows * block_n / scale.block_n;
    std::memcpy(out.data() + static_cast<size_t>(i) * row_size, from.bytes.data() + static_cast<size_t>(row) * row_size,
                row_size);
  }
  WeightView view = *weights.take(stem + ".scales");
  view.block = {block_n, scale.block_k};
  weights.add(std::move(view));
  return {};
}

Status take_scales(const QuantConfig& quant, const std::string& name, Weights& weights) {
  const std::string stem = name.substr(0, name.rfind('.'));
  const WeightView* w = weights.find(stem + ".weight");
  WeightView scales = *weights.take(name);
  const std::string where = where_of(weights, stem);
  if (!is_float(scales.dtype) && scales.dtype != DType::kE8M0) {
    return fail(ErrorCode::kRefused, where, fmt::format("its scales are {}", dtype_name(scales.dtype)),
                "download the model again");
  }
  const bool stacked = w != nullptr && w->dims.size() == 3 && !scales.dims.empty() && scales.dims[0] == w->dims[0];
  if (w == nullptr || (w->dims.size() != 2 && !stacked)) {
    return fail(ErrorCode::kRefused, where, "has scales, and no matrix that they are of", "download the model again");
  }
  const int64_t n = w->dims[w->dims.size() - 2], k = w->dims.back();
  const std::span<const int64_t> dims = std::span(scales.dims).subspan(stacked ? 1 : 0);
  BP_TRY(const auto scale, quant::fp8_scale(n, k, dims, quant.block, where));
  if (stacked) return stack_scales(scale, n, scales, stem, weights);
  scales.name = stem + ".scales";
  scales.dims = {scale.dims[0], scale.dims[1]};
  scales.block = {scale.block_n, scale.block_k};
  weights.add(std::move(scales));
  return {};
}

Status unpack_fp8(const QuantConfig& quant, Weights& weights) {
  for (const char* end : {".weight_scale_inv", ".weight_scale"}) {
    for (const std::string& name : names_ending(weights, end)) BP_TRY_VOID(take_scales(quant, name, weights));
  }
  for (const auto& [name, view] : weights.all()) {
    if (view.dtype != DType::kFp8E4M3 || !name.ends_with(".weight")) continue;
    if (weights.find(name.substr(0, name.size() - 6) + "scales") != nullptr) continue;
    return fail(ErrorCode::kRefused, weights.path(), fmt::format("tensor {} is fp8_e4m3, and has no scales", name),
                "the model is incomplete, download it again");
  }
  return {};
}

}  // namespace

void remove_activation_scales(const QuantConfig& quant, Weights& weights) {
  if (quant.method != QuantMethod::kFp8) return;
  for (const char* end : {".input_scale", ".input_scale_ub", ".output_scale", ".k_scale", ".v_scale", ".q_scale"}) {
    for (const std::string& name : names_ending(weights, end)) weights.remove(name);
  }
}

Status unpack_quantized(const QuantConfig& quant, Weights& weights) {
  if (quant.method == QuantMethod::kFp8) return unpack_fp8(quant, weights);
  if (quant.method != QuantMethod::kAwq && quant.method != QuantMethod::kGptq) return {};
  for (const std::string& name : names_ending(weights, ".qweight")) {
    BP_TRY_VOID(IntUnpacker(quant, weights, name.substr(0, name.rfind('.'))).unpack());
  }
  return {};
}

}  // namespace bp
