#include "ops/scale_panels.h"

#include <algorithm>

#include "ops/numbers.h"

namespace bp::cpu {

const char* ScalePanels::init(const RegionView& region, uint32_t node, uint32_t slot, const OpTarget& target) {
  avx512_ = target.avx512;
  slot_ = slot;
  w_ = region.slot(slot - 1);
  scales_ = region.slot(slot);
  zeros_ = region.slot(slot + 1);
  if (w_.rank != 2 || !w_.is_static(0) || !w_.is_static(1)) return "w is no matrix of fixed size";
  u4_ = w_.dtype == BP_DT_U4;
  block_n_ = region.attr_int("block_n", 1, node);
  block_k_ = region.attr_int("block_k", 0, node);
  if (block_n_ <= 0 || block_k_ <= 0) return "the blocks of the scales are empty";
  if (u4_ && block_k_ % kBlock != 0 && block_k_ < w_.dim[1]) return "block_k is no multiple of 32";
  n_blocks_ = (w_.dim[1] + block_k_ - 1) / block_k_;
  const auto fits = [&](const Tensor& t) {
    return t.rank == 2 && t.is_static(0) && t.is_static(1) &&
           (number_block(t.dtype) == 1 || number_block(t.dtype) == 2) && t.layout == 0 &&
           t.dim[0] == (w_.dim[0] + block_n_ - 1) / block_n_ && t.dim[1] == n_blocks_;
  };
  if (!fits(scales_) || (zeros_.present && !fits(zeros_))) return "the scales or zeros have another shape or dtype";
  if (zeros_.present && (w_.dtype == BP_DT_FP8_E4M3 || w_.dtype == BP_DT_FP8_E5M2)) return "fp8 with zeros";
  return nullptr;
}

void ScalePanels::fill(const OpRun& run, int64_t row, int64_t n_rows, float* panel, float* scratch) const {
  const auto read = [&](uint32_t slot, uint16_t dtype, int64_t at, float* out) {
    const int64_t bytes = bytes_of(dtype, n_blocks_);
    numbers_to_f32(dtype, run.args[slot] + at * bytes, out, n_blocks_, avx512_);
  };
  float* zero = scratch + n_blocks_;
  std::fill(zero, zero + n_blocks_, 0.0f);
  for (int64_t r = 0; r < kGroupRows; ++r) {
    const int64_t at = (row + r) / block_n_;
    if (r >= n_rows) {
      std::fill(scratch, scratch + n_blocks_, 0.0f);
    } else if (r == 0 || at != (row + r - 1) / block_n_) {
      read(slot_, scales_.dtype, at, scratch);
      if (zeros_.present) read(slot_ + 1, zeros_.dtype, at, zero);
    }
    for (int64_t b = 0; b < n_blocks_; ++b) {
      float* out = panel + b * 2 * kGroupRows + r;
      out[0] = scratch[b];
      out[kGroupRows] = u4_ ? -(scratch[b] * zero[b]) : zero[b];
    }
  }
}

}  // namespace bp::cpu
