// y[i] = f(x[i]) and y[i] = f(a[i], b[i]) over flat f32 arrays. y may be x, or an operand that moves with it.
// Thread-safety: pure. Element i gets the same bits wherever the range [begin, end) starts.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace bp::cpu {

enum class Unary {
  kScale,
  kSilu,
  kGeluErf,
  kGeluTanh,
  kSigmoid,
  kTanh,
  kRelu,
  kClamp,
  kNeg,
  kAbs,
  kExp,
  kSqrt,
  kRsqrt
};
enum class Binary { kAdd, kMul, kSub, kDiv, kMin, kMax };
enum class Gate { kSilu, kGeluErf, kGeluTanh };

struct UnaryArgs {
  const float* x;
  float* y;
  float p0 = 0;  // scale: factor; clamp: lower bound
  float p1 = 0;  // scale: summand; clamp: upper bound
};

// A step is 1, or 0 for one value all along.
struct BinaryArgs {
  const float* a;
  const float* b;
  float* y;
  int64_t a_step = 1;
  int64_t b_step = 1;
};

BP_CPU_EACH_ISA(
    // Elements begin .. end - 1.
    void unary(Unary op, const UnaryArgs& args, int64_t begin, int64_t end);
    void binary(Binary op, const BinaryArgs& args, int64_t n);
    // y = f(gate) * up
    void gated(Gate op, const float* gate, const float* up, float* y, int64_t begin, int64_t end);
    // y += factor * x, each product rounded before it is added.
    void add_scaled(float factor, const float* x, float* y, int64_t n);)

}  // namespace bp::cpu
