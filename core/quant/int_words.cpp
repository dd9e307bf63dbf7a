#include "quant/int_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace bp::quant {
namespace {
constexpr int64_t kTile = 64;

template <size_t kBytes>
void transpose(const std::byte* src, std::byte* dst, int64_t rows, int64_t columns) {
  const auto tile = [&](int64_t row0, int64_t column0) {
    for (int64_t column = column0; column < std::min(column0 + kTile, columns); ++column) {
      for (int64_t row = row0; row < std::min(row0 + kTile, rows); ++row) {
        std::memcpy(dst + static_cast<size_t>(column * rows + row) * kBytes,
                    src + static_cast<size_t>(row * columns + column) * kBytes, kBytes);
      }
    }
  };
  for (int64_t row = 0; row < rows; row += kTile) {
    for (int64_t column = 0; column < columns; column += kTile) tile(row, column);
  }
}

}  // namespace

Result<int64_t> resolve_group_size(int64_t group_size, int64_t k, const std::string& where) {
  if (group_size == -1) group_size = k;
  if (group_size >= 1 && k % group_size == 0) return group_size;
  return fail(ErrorCode::kRefused, where, fmt::format("{} columns do not fill groups of {}", k, group_size),
              "correct group_size in the model's quantization_config");
}

void transpose_bytes(const std::byte* src, std::byte* dst, int64_t rows, int64_t columns, size_t element_bytes) {
  if (element_bytes == 2) return transpose<2>(src, dst, rows, columns);
  BP_CHECK(element_bytes == 4, "{}", element_bytes);
  transpose<4>(src, dst, rows, columns);
}

}  // namespace bp::quant
