// Elementwise ops. Formulas: docs/opset.md.
#pragma once

#include "extent.h"

namespace bp::gpu {

enum class Unary : int {
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
  kRsqrt,
  kLog,
  kSin,
  kCos,
  kSoftplus,
};
struct UnaryArgs {
  Unary op;
  const float* x;
  float* y;
  Count n;
  float p0, p1;  // scale: mul, add; clamp: min, max
};
void unary(Launch& at, const UnaryArgs& args);

// y = not x, of bools.
void logical_not(Launch& at, const uint8_t* x, uint8_t* y, const Count& n);

enum class Binary : int { kAdd, kSub, kMul, kDiv, kMin, kMax, kPow, kLess, kLessEqual, kEqual, kAnd, kOr };
constexpr int kMostOperands = 3;
// y = f(operands), each of which is repeated along the dims where it has 1 or none.
struct BroadcastArgs {
  const void* x[kMostOperands];
  int dtype[kMostOperands];
  Shape shape[kMostOperands];
  void* y;
  int y_dtype;
  Shape y_shape;
  Count n;  // elements of y
};
void binary(Launch& at, Binary op, const BroadcastArgs& args);
// Operands cond, a, b; a, b and y have elements of `bytes`: 1, 2, 4 or 8.
void where(Launch& at, int bytes, const BroadcastArgs& args);

struct CastArgs {
  const void* x;
  void* y;
  int x_dtype, y_dtype;
  Count n;
};
void cast(Launch& at, const CastArgs& args);

}  // namespace bp::gpu
