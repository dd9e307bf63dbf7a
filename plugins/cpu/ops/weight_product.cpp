#include "ops/weight_product.h"

#include <algorithm>

#include "kernels/matmul_choice.h"
#include "weight_layout.h"

namespace bp::cpu {
namespace {

// Below this K activations keep the precision of 16 bits: such models are small, feel each rounding, and wait for
// memory anyhow.
constexpr int64_t kFineBelowK = 2048;

}  // namespace

const char* WeightProduct::init(uint16_t dtype, int64_t n, int64_t k, const OpTarget& target) {
  const auto format = format_of_dtype(dtype);
  if (!format.has_value()) return "w is of no packed dtype";
  if (n <= 0 || k <= 0) return "w is empty";
  n_ = n;
  k_ = k;
  group_bytes_ = static_cast<int64_t>(cpu::group_bytes(*format, k));
  if (group_bytes_ == 0) return "K does not fill whole blocks";
  const bool fine = k < kFineBelowK;
  // Fine bf16 keeps x in f32.
  const bool widened = fine && *format == WeightFormat::kBf16;
  kernel_ = &matmul_kernel(*format, widened ? std::min(target.isa, IsaLevel::kAvx512Vnni) : target.isa);
  parts_ = fine && kernel_->x_format.kind == XFormat::Kind::kI8 ? 2 : 1;
  x_row_bytes_ = cpu::x_row_bytes(kernel_->x_format, k) * parts_;
  return nullptr;
}

bool WeightProduct::takes_x_of(const WeightProduct& other) const {
  return k_ == other.k_ && parts_ == other.parts_ && kernel_->x_format == other.kernel_->x_format &&
         kernel_->max_rows == other.kernel_->max_rows;
}

void WeightProduct::tile(const std::byte* group, int64_t rows, const std::byte* x, float* y, const Panel& panel) const {
  if (parts_ == 1) return kernel_->tile[rows - 1]({group, x, k_, y, panel.scales, panel.k});
  alignas(64) float parts[kMaxTileRows * kGroupRows];
  kernel_->tile[2 * rows - 1]({group, x, k_, parts, panel.scales, panel.k});
  for (int64_t i = 0; i < rows * kGroupRows; ++i) y[i] = parts[i] + parts[rows * kGroupRows + i];
}

}  // namespace bp::cpu
