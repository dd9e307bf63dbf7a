// What rope and its fusions share: shape, attributes, and the angles of every token, computed once for all its heads.
#pragma once

#include "kernels/rope.h"
#include "ops/op.h"

namespace bp::cpu {

class RopePlan {
 public:
  // `node` is the rope; `slot` that of x, with positions, freqs and variant after it in the node's operands.
  const char* init(const RegionView& region, const OpTarget& target, uint32_t node);

  int64_t n_tokens(const OpRun& run) const { return x_.size(0, run.dyn); }
  int64_t n_heads() const { return shape_.n_heads; }
  int64_t head_dim() const { return shape_.head_dim; }

  struct Inputs {
    const float* x;
    const int32_t* positions;
    const float* freqs;
    const int32_t* variant;  // or null
  };
  // Rotates one token's heads into y (may be x's place). `angles` has room for angle_floats().
  void rotate(const Inputs& in, int64_t token, float* angles, float* y) const;
  int64_t angle_floats() const { return (shape_.n_rot + 15) / 16 * 16; }

 private:
  Tensor x_;
  RopeShape shape_{};
  int64_t n_variants_ = 1;
  bool avx512_ = false;
};

}  // namespace bp::cpu
