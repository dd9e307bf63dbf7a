// y[i] = f(x[i]) and y[i] = f(a[i], b[j(i)]) over flat f32 arrays. y may be x, a, or (where it is as large) b.
// Thread-safety: pure. Element i gets the same bits wherever the range [begin, end) starts.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace bp::cpu {

enum class Unary { kScale, kSilu, kGeluErf, kGeluTanh, kSigmoid, kTanh, kRelu, kClamp, kNeg, kAbs, kExp, kSqrt };
enum class Binary { kAdd, kMul, kSub, kSubReversed, kDiv, kMin, kMax };
enum class Gate { kSilu, kGeluErf, kGeluTanh };

struct UnaryArgs {
  const float* x;
  float* y;
  float p0 = 0;  // scale: factor; clamp: lower bound
  float p1 = 0;  // scale: summand; clamp: upper bound
};

// j(i) = (i / repeat) % period: repeat 1 and period n is the same shape, repeat 1 a trailing vector, period 1 a scalar.
struct BinaryArgs {
  const float* a;
  const float* b;
  float* y;
  int64_t repeat = 1;
  int64_t period = 1;
};

BP_CPU_EACH_ISA(
    // Elements begin .. end - 1.
    void unary(Unary op, const UnaryArgs& args, int64_t begin, int64_t end);
    void binary(Binary op, const BinaryArgs& args, int64_t begin, int64_t end);
    // y = f(gate) * up
    void gated(Gate op, const float* gate, const float* up, float* y, int64_t begin, int64_t end);)

}  // namespace bp::cpu
