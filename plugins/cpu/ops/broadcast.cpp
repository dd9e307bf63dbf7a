#include "ops/broadcast.h"

namespace bp::cpu {
namespace {

// Steps along the axes of y, whose trailing axes the operand has.
void steps_of(const Tensor& x, const Tensor& y, const int64_t* dyn, int64_t* steps) {
  const uint32_t missing = y.rank - x.rank;
  int64_t dense = 1;
  for (uint32_t d = y.rank; d-- > 0;) {
    const bool repeated = d < missing || (x.is_static(d - missing) && x.dim[d - missing] == 1);
    steps[d] = repeated ? 0 : dense;
    if (d >= missing) dense *= x.size(d - missing, dyn);
  }
}

}  // namespace

BroadcastWalk broadcast_walk(const Tensor& y, std::span<const Tensor> operands, const int64_t* dyn) {
  int64_t steps[BroadcastWalk::kMaxOperands][6] = {};
  for (size_t i = 0; i < operands.size(); ++i) steps_of(operands[i], y, dyn, steps[i]);
  BroadcastWalk walk;
  walk.n_operands = static_cast<uint32_t>(operands.size());
  walk.rank = 0;
  for (uint32_t d = 0; d < y.rank; ++d) {
    const int64_t size = y.size(d, dyn);
    if (size == 1) continue;
    // The axis before and this one are one longer axis where every operand goes on from the one's end to the other's
    // begin.
    bool joins = walk.rank > 0;
    for (uint32_t i = 0; joins && i < walk.n_operands; ++i) {
      joins = walk.step[i][walk.rank - 1] == steps[i][d] * size;
    }
    const uint32_t axis = joins ? walk.rank - 1 : walk.rank++;
    walk.dim[axis] = joins ? walk.dim[axis] * size : size;
    for (uint32_t i = 0; i < walk.n_operands; ++i) walk.step[i][axis] = steps[i][d];
  }
  if (walk.rank == 0) {
    walk.rank = 1;
    walk.dim[0] = 1;
  }
  return walk;
}

}  // namespace bp::cpu
