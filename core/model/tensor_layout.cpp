#include "model/tensor_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace bp {
namespace {

constexpr size_t kTile = 32;  // rows and columns that stay in the first cache

template <size_t bytes>
void transpose(const std::byte* from, std::byte* to, size_t rows, size_t columns) {
  for (size_t top = 0; top < rows; top += kTile) {
    for (size_t left = 0; left < columns; left += kTile) {
      for (size_t c = left; c < std::min(left + kTile, columns); ++c) {
        for (size_t r = top; r < std::min(top + kTile, rows); ++r) {
          std::memcpy(to + (c * rows + r) * bytes, from + (r * columns + c) * bytes, bytes);
        }
      }
    }
  }
}

}  // namespace

Status transpose_matrix(Weights& weights, std::string_view name) {
  const WeightView* found = weights.find(name);
  if (found == nullptr || found->dims.size() != 2) return {};
  const WeightView from = *found;
  if (from.dtype != DType::kF32 && from.dtype != DType::kF16 && from.dtype != DType::kBF16) {
    return fail(ErrorCode::kUnsupported, from.name, fmt::format("is {}, and lies transposed", dtype_name(from.dtype)),
                "take the model in f32, f16 or bf16");
  }
  const auto rows = static_cast<size_t>(from.dims[0]), columns = static_cast<size_t>(from.dims[1]);
  BP_TRY(const std::span<std::byte> to, weights.make(std::string(name), from.dtype, {from.dims[1], from.dims[0]}));
  const auto move = from.dtype == DType::kF32 ? transpose<4> : transpose<2>;
  move(from.bytes.data(), to.data(), rows, columns);
  return {};
}

Status reorder_rows(Weights& weights, std::string_view name, std::span<const int64_t> order, int64_t part) {
  const WeightView* found = weights.find(name);
  const auto n_parts = static_cast<int64_t>(order.size());
  if (found == nullptr || found->dims.empty() || n_parts == 0) return {};
  const WeightView from = *found;
  if (from.block[0] > 1 && from.dims[0] > 1) {  // scales of blocks of rows, which do not stay together
    return fail(ErrorCode::kUnsupported, from.name,
                fmt::format("is of blocks of {} rows, which are reordered", from.block[0]),
                "take the original weights or a GGUF file");
  }
  if (from.dims[0] != n_parts * part) return {};
  BP_TRY(const std::span<std::byte> to, weights.make(std::string(name), from.dtype, from.dims));
  const size_t bytes = from.bytes.size() / order.size();
  for (size_t i = 0; i < order.size(); ++i) {
    std::memcpy(to.data() + i * bytes, from.bytes.data() + static_cast<size_t>(order[i]) * bytes, bytes);
  }
  WeightView reordered = *weights.take(name);
  reordered.block = from.block;
  weights.add(std::move(reordered));
  return {};
}

}  // namespace bp
