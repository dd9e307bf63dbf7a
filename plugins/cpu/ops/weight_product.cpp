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

const char* WeightProduct::init(uint16_t dtype, int64_t n, int64_t k, const OpTarget& target, const Shape& shape) {
  const auto format = format_of_dtype(dtype);
  if (!format.has_value()) return "w is of no packed dtype";
  if (n <= 0 || k <= 0) return "w is empty";
  shape_ = shape;
  n_ = n;
  k_ = k;
  group_bytes_ = static_cast<int64_t>(cpu::group_bytes(*format, k));
  if (group_bytes_ == 0) return "K does not fill whole blocks";
  const bool fine = k < kFineBelowK;
  // Fine bf16 keeps x in f32.
  const bool widened = fine && *format == WeightFormat::kBf16;
  const IsaLevel isa = widened ? std::min(target.isa, IsaLevel::kAvx512Vnni) : target.isa;
  const MatmulKernel& few = matmul_kernel(*format, isa);
  parts_ = fine && few.x_format.kind == XFormat::Kind::kI8 ? 2 : 1;
  few_ = way_of(few, false);
  many_ = way_of(matmul_kernel_many(*format, isa), true);
  return nullptr;
}

WeightProduct::Way WeightProduct::way_of(const MatmulKernel& kernel, bool many) const {
  const int64_t bytes = (x_tile_bytes(kernel, k_) + 63) / 64 * 64;
  const int64_t chunk = kernel.unpack == nullptr ? 1 : std::max<int64_t>(shape_.chunk_bytes / bytes, 1);
  const int64_t rows = kernel.max_rows / parts_;
  return {&kernel, many ? rows : std::min(rows, shape_.few_tile_rows), bytes, chunk, many};
}

bool WeightProduct::takes_x_of(const WeightProduct& other) const {
  const auto same = [](const Way& a, const Way& b) {
    return a.kernel->x_format == b.kernel->x_format && a.tile_rows == b.tile_rows;
  };
  return k_ == other.k_ && parts_ == other.parts_ && same(few_, other.few_) && same(many_, other.many_);
}

uint64_t WeightProduct::x_bytes(int64_t rows, int64_t n_matrices) const {
  // Each matrix may leave its last tile unfilled.
  const auto bytes = [&](const Way& way, int64_t most) {
    return (most / way.tile_rows + std::min(most, n_matrices)) * way.tile_bytes;
  };
  // Few rows a matrix are never more than these.
  const int64_t few_rows = std::min(rows, n_matrices * (shape_.many_rows / parts_ + 1));
  return static_cast<uint64_t>(std::max(bytes(few_, few_rows), bytes(many_, rows)));
}

int64_t WeightProduct::scratch_bytes() const {
  return many_.kernel->unpack == nullptr ? 0 : (k_ + kBlock - 1) / kBlock * many_.kernel->unpacked_bytes;
}

const std::byte* WeightProduct::prepare(const Way& way, const std::byte* group, const Panel& panel,
                                        std::byte* scratch) const {
  if (way.kernel->unpack == nullptr) return group;
  way.kernel->unpack({group, nullptr, k_, nullptr, panel.scales, panel.k}, scratch);
  return scratch;
}

void WeightProduct::multiply(const Way& way, const Tile& tile, const Panel& panel, float* y) const {
  const MatmulTileFn* tiles = way.kernel->tile;
  if (parts_ == 1) return tiles[tile.rows - 1]({tile.w, tile.x, k_, y, panel.scales, panel.k});
  alignas(64) float parts[kMaxTileRows * kGroupRows];
  tiles[2 * tile.rows - 1]({tile.w, tile.x, k_, parts, panel.scales, panel.k});
  for (int64_t i = 0; i < tile.rows * kGroupRows; ++i) y[i] = parts[i] + parts[tile.rows * kGroupRows + i];
}

}  // namespace bp::cpu
