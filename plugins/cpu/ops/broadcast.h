// How up to three operands broadcast to a result, walked in runs of elements.
#pragma once

#include <span>

#include "ops/op.h"

namespace bp::cpu {

// As few axes as one launch's sizes allow; the last is a run. Counts and steps are elements.
struct BroadcastWalk {
  static constexpr uint32_t kMaxOperands = 3;
  uint32_t n_operands = 0;
  uint32_t rank = 1;
  int64_t dim[6] = {1};
  int64_t step[kMaxOperands][6] = {};  // 0: repeated; along a run 0 or 1

  int64_t run_step(uint32_t operand) const { return step[operand][rank - 1]; }
};

// REQUIRES: each operand broadcasts to y.
BroadcastWalk broadcast_walk(const Tensor& y, std::span<const Tensor> operands, const int64_t* dyn);

// f(offsets, at, n) for runs that cover elements [begin, end) of the result: n of them from `at`, operand i from
// offsets[i].
template <class F>
void walk_runs(const BroadcastWalk& walk, int64_t begin, int64_t end, F f) {
  int64_t index[6] = {};
  int64_t rest = begin;
  for (uint32_t d = walk.rank; d-- > 0;) {
    index[d] = rest % walk.dim[d];
    rest /= walk.dim[d];
  }
  const uint32_t last = walk.rank - 1;
  for (int64_t at = begin; at < end;) {
    int64_t offset[BroadcastWalk::kMaxOperands] = {};
    for (uint32_t i = 0; i < walk.n_operands; ++i) {
      for (uint32_t d = 0; d < walk.rank; ++d) offset[i] += index[d] * walk.step[i][d];
    }
    const int64_t left = walk.dim[last] - index[last];
    const int64_t n = left < end - at ? left : end - at;
    f(offset, at, n);
    at += n;
    index[last] = 0;
    for (uint32_t d = last; d-- > 0;) {
      if (++index[d] < walk.dim[d]) break;
      index[d] = 0;
    }
  }
}

}  // namespace bp::cpu
