#include "weight_layout.h"

#include <backplane/plugin_region.hpp>

#include <algorithm>

#include "kernels/weight_pack.h"

namespace bp::cpu {
namespace {

// By WeightFormat.
constexpr uint16_t kDtypes[kWeightFormats] = {
    BP_DT_F32,  BP_DT_F16,  BP_DT_BF16, BP_DT_FP8_E4M3, BP_DT_FP8_E5M2, BP_DT_I8,    BP_DT_U8,
    BP_DT_Q8_0, BP_DT_Q4_0, BP_DT_Q4_1, BP_DT_Q5_0,     BP_DT_Q5_1,     BP_DT_Q2_K,  BP_DT_Q3_K,
    BP_DT_Q4_K, BP_DT_Q5_K, BP_DT_Q6_K, BP_DT_IQ4_NL,   BP_DT_IQ4_XS,   BP_DT_MXFP4, BP_DT_U4};

constexpr int64_t kPieceGroups = 8;  // packed by one thread at a time

}  // namespace

std::optional<WeightFormat> format_of_dtype(uint16_t dtype) {
  const auto* found = std::find(std::begin(kDtypes), std::end(kDtypes), dtype);
  if (found == std::end(kDtypes)) return std::nullopt;
  return static_cast<WeightFormat>(found - kDtypes);
}

void pack_weight(const PackedWeight& weight, const std::byte* src, std::byte* dst, int64_t row0, int64_t n_rows,
                 ThreadTeam& team) {
  const uint64_t bytes = group_bytes(weight.format, weight.k);
  const auto src_row = static_cast<uint64_t>(plugin::bytes_of(kDtypes[static_cast<int>(weight.format)], weight.k));
  const int64_t per_matrix = weight.groups_per_matrix();
  const auto group_at = [&](int64_t row) { return row / weight.n * per_matrix + row % weight.n / kGroupRows; };
  const int64_t first = group_at(row0);
  const int64_t end = row0 + n_rows;
  const int64_t last = n_rows <= 0 ? first : group_at(end - 1) + 1;
  team.parallel_for_dynamic((last - first + kPieceGroups - 1) / kPieceGroups, [&](int64_t piece, int64_t) {
    const int64_t begin = first + piece * kPieceGroups;
    for (int64_t g = begin; g < std::min(begin + kPieceGroups, last); ++g) {
      const int64_t row_in_matrix = g % per_matrix * kGroupRows;
      const int64_t row = g / per_matrix * weight.n + row_in_matrix;
      pack_group({weight.format, weight.k, std::min(kGroupRows, weight.n - row_in_matrix), src_row,
                  src + static_cast<uint64_t>(row) * src_row, dst + static_cast<uint64_t>(g) * bytes});
    }
  });
}

}  // namespace bp::cpu
