#include "model/weight_rows.h"

#include <fmt/format.h>

#include <cstring>

#include "quant/quant.h"

namespace bp {
namespace {

bool can_read(DType dtype) { return can_decode(dtype) || dtype == DType::kU4 || dtype == DType::kU8; }

// Row `row` of a matrix of n columns.
void decode_matrix_row(const WeightView& view, int64_t row, int64_t n, float* dst) {
  const auto size = static_cast<size_t>(*row_bytes(view.dtype, static_cast<uint64_t>(n)));
  const std::byte* src = view.bytes.data() + static_cast<size_t>(row) * size;
  if (view.dtype == DType::kU8) {
    for (int64_t i = 0; i < n; ++i) dst[i] = static_cast<float>(src[i]);
  } else if (view.dtype == DType::kU4) {
    for (int64_t i = 0; i < n; ++i) dst[i] = static_cast<float>(src[i / 2] >> i % 2 * 4 & std::byte{15});
  } else {
    decode_row(view.dtype, src, dst, n);
  }
}

}  // namespace

Result<WeightRows> WeightRows::open(const Weights& weights, const std::string& stem) {
  WeightRows rows;
  rows.weight_ = weights.find(stem + ".weight");
  rows.scales_ = weights.find(stem + ".scales");
  rows.zeros_ = weights.find(stem + ".zeros");
  rows.perm_ = weights.find(stem + ".perm");
  if (rows.weight_ == nullptr || rows.weight_->dims.size() < 2) {
    return fail(ErrorCode::kRefused, weights.path(), fmt::format("tensor {}.weight is missing, or no matrix", stem),
                "the model is incomplete, download it again");
  }
  if (!can_read(rows.weight_->dtype)) {
    return fail(
        ErrorCode::kUnsupported, weights.path(),
        fmt::format("tensor {}.weight is {}, which is not supported there", stem, dtype_name(rows.weight_->dtype)),
        "take the model in another weight type; docs/models.md lists them");
  }
  const std::vector<int64_t>& dims = rows.weight_->dims;
  rows.n_columns_ = dims.back();
  rows.n_rows_ = 1;
  for (size_t i = 0; i + 1 < dims.size(); ++i) rows.n_rows_ *= dims[i];
  rows.row_.resize(static_cast<size_t>(rows.n_columns_));
  if (rows.scales_ != nullptr) rows.row_scales_.resize(static_cast<size_t>(rows.scales_->dims.back()));
  if (rows.zeros_ != nullptr) rows.row_zeros_.resize(static_cast<size_t>(rows.zeros_->dims.back()));
  return rows;
}

bool WeightRows::is_quantized() const { return scales_ != nullptr || !is_float(weight_->dtype); }

void WeightRows::read(int64_t row, float* dst) {
  decode_matrix_row(*weight_, row, n_columns_, scales_ == nullptr ? dst : row_.data());
  if (scales_ == nullptr) return;
  const auto [block_n, block_k] = scales_->block;
  decode_matrix_row(*scales_, row / block_n, scales_->dims.back(), row_scales_.data());
  if (zeros_ != nullptr) decode_matrix_row(*zeros_, row / block_n, zeros_->dims.back(), row_zeros_.data());
  // Each expert has an order of its own.
  const int64_t expert = perm_ != nullptr && perm_->dims.size() > 1 ? row / (n_rows_ / perm_->dims[0]) : 0;
  for (int64_t k = 0; k < n_columns_; ++k) {
    int32_t p = static_cast<int32_t>(k);
    if (perm_ != nullptr)
      std::memcpy(&p, perm_->bytes.data() + static_cast<size_t>(expert * n_columns_ + k) * sizeof(p), sizeof(p));
    const auto block = static_cast<size_t>(p / block_k);
    const float zero = zeros_ == nullptr ? 0.0f : row_zeros_[block];
    dst[k] = (row_[static_cast<size_t>(p)] - zero) * row_scales_[block];
  }
}

}  // namespace bp
