// The scales and zeros of the op dequant, as tiles of weights that are scaled apart read them: for a group of 16 rows,
// [K / block_k, up][2][16] f32 (MatmulTile::panel). Thread-safety: const calls from any thread.
#pragma once

#include "kernels/weight_format.h"
#include "ops/op.h"

namespace bp::cpu {

class ScalePanels {
 public:
  // `node` is the dequant, whose operands scales and zeros are slots `slot` and `slot` + 1. Null, or why not.
  const char* init(const RegionView& region, uint32_t node, uint32_t slot, const OpTarget& target);

  int64_t block_k() const { return block_k_; }
  int64_t panel_floats() const { return n_blocks_ * 2 * kGroupRows; }
  int64_t scratch_floats() const { return 2 * n_blocks_; }
  // Of rows row .. row + n_rows - 1 of w, up to 16; the others get zeros.
  void fill(const OpRun& run, int64_t row, int64_t n_rows, float* panel, float* scratch) const;

 private:
  Tensor w_, scales_, zeros_;
  uint32_t slot_ = 0;
  int64_t block_n_ = 1, block_k_ = 0, n_blocks_ = 0;
  bool avx512_ = false;
  bool u4_ = false;
};

}  // namespace bp::cpu
