#include "weight_layout.h"

#include <algorithm>

#include "kernels/weight_pack.h"
#include "ops/region_view.h"

namespace bp::cpu {
namespace {

struct FormatInfo {
  const char* name;
  uint16_t dtype;
};
constexpr FormatInfo kFormats[kWeightFormats] = {{"cpu.f32_r16@1", BP_DT_F32},   {"cpu.f16_r16@1", BP_DT_F16},
                                                 {"cpu.bf16_r16@1", BP_DT_BF16}, {"cpu.q8_0_r16@1", BP_DT_Q8_0},
                                                 {"cpu.q4_0_r16@1", BP_DT_Q4_0}, {"cpu.q4_1_r16@1", BP_DT_Q4_1}};

constexpr int64_t kPieceGroups = 8;  // packed by one thread at a time

}  // namespace

const char* layout_name(WeightFormat format) { return kFormats[static_cast<int>(format)].name; }
uint16_t layout_dtype(WeightFormat format) { return kFormats[static_cast<int>(format)].dtype; }

std::optional<WeightFormat> format_of_dtype(uint16_t dtype) {
  for (int i = 0; i < kWeightFormats; ++i) {
    if (kFormats[i].dtype == dtype) return static_cast<WeightFormat>(i);
  }
  return std::nullopt;
}

uint64_t group_bytes(WeightFormat format, int64_t k) {
  const auto count = static_cast<uint64_t>(k);
  const bool blocks = k % kBlock == 0;
  const int64_t n_blocks = k / kBlock;
  switch (format) {
    case WeightFormat::kF32:
      return count * 64;
    case WeightFormat::kF16:
    case WeightFormat::kBf16:
      return (count + 1) / 2 * 64;
    case WeightFormat::kQ8_0:
      return blocks ? static_cast<uint64_t>(scale_panel_bytes(n_blocks, 1) + n_blocks * 512) : 0;
    case WeightFormat::kQ4_0:
      return blocks ? static_cast<uint64_t>(scale_panel_bytes(n_blocks, 1) + n_blocks * 256) : 0;
    case WeightFormat::kQ4_1:
      return blocks ? static_cast<uint64_t>(scale_panel_bytes(n_blocks, 2) + n_blocks * 256) : 0;
  }
  return 0;
}

void pack_weight(const PackWeight& weight, int64_t row0, int64_t n_rows, ThreadTeam& team) {
  const uint64_t bytes = group_bytes(weight.format, weight.k);
  const uint64_t src_row = row_bytes(layout_dtype(weight.format), weight.k);
  const int64_t end = std::min(row0 + n_rows, weight.n);
  const int64_t first = row0 / kGroupRows;
  const int64_t last = (end + kGroupRows - 1) / kGroupRows;
  team.parallel_for_dynamic((last - first + kPieceGroups - 1) / kPieceGroups, [&](int64_t piece, int64_t) {
    const int64_t begin = first + piece * kPieceGroups;
    for (int64_t g = begin; g < std::min(begin + kPieceGroups, last); ++g) {
      const int64_t row = g * kGroupRows;
      pack_group({weight.format, weight.k, std::min(kGroupRows, weight.n - row), src_row,
                  weight.src + static_cast<uint64_t>(row) * src_row, weight.dst + static_cast<uint64_t>(g) * bytes});
    }
  });
}

}  // namespace bp::cpu
