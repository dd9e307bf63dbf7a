#include "model/weight_view.h"

#include <fmt/ranges.h>

namespace bp {

std::optional<uint64_t> tensor_bytes(DType dtype, std::span<const int64_t> dims) {
  std::optional<uint64_t> bytes = row_bytes(dtype, dims.empty() ? 1 : static_cast<uint64_t>(dims.back()));
  for (size_t i = 0; i + 1 < dims.size(); ++i) {
    uint64_t product = 0;
    if (!bytes || __builtin_mul_overflow(*bytes, static_cast<uint64_t>(dims[i]), &product)) return std::nullopt;
    bytes = product;
  }
  return bytes;
}

std::string dims_text(std::span<const int64_t> dims) { return fmt::format("[{}]", fmt::join(dims, ", ")); }

}  // namespace bp
