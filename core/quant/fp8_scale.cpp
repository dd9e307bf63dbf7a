#include "quant/fp8_scale.h"

#include <fmt/ranges.h>

namespace bp::quant {
namespace {
int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b != 0 ? 1 : 0); }
}  // namespace

Result<Fp8Scale> fp8_scale(int64_t n, int64_t k, std::span<const int64_t> scale_dims, std::array<int64_t, 2> block,
                           const std::string& where) {
  int64_t count = 1;
  for (const int64_t dim : scale_dims) {
    if (dim < 1 || __builtin_mul_overflow(count, dim, &count)) count = 0;
  }
  if (n >= 1 && k >= 1 && count >= 1) {
    const auto [b_n, b_k] = block;
    if (scale_dims.size() == 2 && b_n >= 1 && b_k >= 1 && scale_dims[0] == ceil_div(n, b_n) &&
        scale_dims[1] == ceil_div(k, b_k)) {
      return Fp8Scale{b_n, b_k, {scale_dims[0], scale_dims[1]}};
    }
    if (count == 1) return Fp8Scale{n, k, {1, 1}};
    if (scale_dims[0] == n && count == n) return Fp8Scale{1, k, {n, 1}};
  }
  return fail(
      ErrorCode::kRefused, where,
      fmt::format("the scales [{}] of a weight [{}, {}] are neither one, nor one a row, nor one a block of {} x {}",
                  fmt::join(scale_dims, ", "), n, k, block[0], block[1]),
      "correct weight_block_size in the model's quantization_config");
}

}  // namespace bp::quant
