// Elementwise ops: each thread computes some elements, a grid apart. Bound by memory.    test
// tests/conformance/{activation,binary, scalar,cast}.cpp
#include "elementwise.h"

#include "numbers.h"

namespace bp::gpu {
namespace {

__device__ float unary_of(const UnaryArgs& a, float x) {
  switch (a.op) {
    case Unary::kScale:
      return x * a.p0 + a.p1;
    case Unary::kSilu:
      return x / (1.0f + expf(-x));
    case Unary::kGeluErf:
      return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f));
    case Unary::kGeluTanh:
      return 0.5f * x * (1.0f + tanhf(0.79788456080286536f * (x + 0.044715f * x * x * x)));
    case Unary::kSigmoid:
      return 1.0f / (1.0f + expf(-x));
    case Unary::kTanh:
      return tanhf(x);
    case Unary::kRelu:
      return x > 0.0f ? x : 0.0f;
    case Unary::kClamp:
      return fminf(fmaxf(x, a.p0), a.p1);
    case Unary::kNeg:
      return -x;
    case Unary::kAbs:
      return fabsf(x);
    case Unary::kExp:
      return expf(x);
    case Unary::kSqrt:
      return sqrtf(x);
    case Unary::kRsqrt:
      return 1.0f / sqrtf(x);
    case Unary::kLog:
      return logf(x);
    case Unary::kSin:
      return sinf(x);
    case Unary::kCos:
      return cosf(x);
    default:
      return x > 20.0f ? x : log1pf(expf(x));
  }
}

__global__ void unary_kernel(UnaryArgs a) {
  for_each(a.n.value(), [&](int64_t i) { a.y[i] = unary_of(a, a.x[i]); });
}

__global__ void logical_not_kernel(const uint8_t* x, uint8_t* y, Count n) {
  for_each(n.value(), [&](int64_t i) { y[i] = x[i] == 0; });
}

// Where the element of y with number i finds its operands.
struct Places {
  int64_t of[kMostOperands];
};
__device__ Places places_of(const BroadcastArgs& a, int n_operands, int64_t i) {
  Places places{};
  int64_t dense[kMostOperands] = {1, 1, 1};
  for (int d = a.y_shape.rank - 1; d >= 0; --d) {
    const int64_t size = a.y_shape.dim[d].value();
    const int64_t at = i % size;
    i /= size;
    for (int k = 0; k < n_operands; ++k) {
      const int axis = d - (a.y_shape.rank - a.shape[k].rank);
      if (axis < 0) continue;
      const Extent& extent = a.shape[k].dim[axis];
      const bool repeated = extent.len == nullptr && extent.bound == 1;
      if (!repeated) places.of[k] += at * dense[k];
      dense[k] *= extent.value();
    }
  }
  return places;
}

__device__ float float_of(Binary op, float a, float b) {
  switch (op) {
    case Binary::kAdd:
      return a + b;
    case Binary::kSub:
      return a - b;
    case Binary::kMul:
      return a * b;
    case Binary::kDiv:
      return a / b;
    case Binary::kMin:
      return b < a ? b : a;
    case Binary::kMax:
      return a < b ? b : a;
    default:
      return powf(a, b);
  }
}

// Integers wrap; a quotient by zero is zero.
template <class T>
__device__ T whole_of(Binary op, T a, T b) {
  const auto ua = static_cast<uint64_t>(a), ub = static_cast<uint64_t>(b);
  switch (op) {
    case Binary::kAdd:
      return static_cast<T>(ua + ub);
    case Binary::kSub:
      return static_cast<T>(ua - ub);
    case Binary::kMul:
      return static_cast<T>(ua * ub);
    case Binary::kDiv:
      return b == 0 ? T{0} : b == -1 ? static_cast<T>(uint64_t{0} - ua) : static_cast<T>(a / b);
    case Binary::kMin:
      return b < a ? b : a;
    default:
      return a < b ? b : a;
  }
}

template <class T>
__device__ bool holds(Binary op, T a, T b) {
  switch (op) {
    case Binary::kLess:
      return a < b;
    case Binary::kLessEqual:
      return a <= b;
    case Binary::kEqual:
      return a == b;
    case Binary::kAnd:
      return a != T{0} && b != T{0};
    default:
      return a != T{0} || b != T{0};
  }
}

__global__ void binary_kernel(Binary op, BroadcastArgs a) {
  const bool compares = op >= Binary::kLess;
  const bool floats = is_float(a.dtype[0]);
  for_each(a.n.value(), [&](int64_t i) {
    const Places at = places_of(a, 2, i);
    if (floats) {
      const float x = load_float(a.dtype[0], a.x[0], at.of[0]), y = load_float(a.dtype[1], a.x[1], at.of[1]);
      if (compares) {
        static_cast<uint8_t*>(a.y)[i] = holds(op, x, y);
      } else {
        store_float(a.y_dtype, a.y, i, float_of(op, x, y));
      }
      return;
    }
    const int64_t x = load_int(a.dtype[0], a.x[0], at.of[0]), y = load_int(a.dtype[1], a.x[1], at.of[1]);
    if (compares) {
      static_cast<uint8_t*>(a.y)[i] = holds(op, x, y);
    } else {
      store_int(a.y_dtype, a.y, i, whole_of(op, x, y));
    }
  });
}

template <class T>
__global__ void where_kernel(BroadcastArgs a) {
  for_each(a.n.value(), [&](int64_t i) {
    const Places at = places_of(a, 3, i);
    const bool first = static_cast<const uint8_t*>(a.x[0])[at.of[0]] != 0;
    static_cast<T*>(a.y)[i] = static_cast<const T*>(a.x[first ? 1 : 2])[at.of[first ? 1 : 2]];
  });
}

// Rounded to nearest even and clamped to the range of the dtype; NaN gives 0.
__device__ int64_t clamped(int dtype, float x) {
  if (dtype == BP_DT_BOOL) return x != 0.0f;
  if (isnan(x)) return 0;
  double low = -0x1p63, high = 0x1.fffffffffffffp62;  // 2^63 is no int64
  if (dtype == BP_DT_I8) low = -128, high = 127;
  if (dtype == BP_DT_U8) low = 0, high = 255;
  if (dtype == BP_DT_I16) low = -32768, high = 32767;
  if (dtype == BP_DT_I32) low = -0x1p31, high = 0x1p31 - 1;
  return static_cast<int64_t>(fmin(fmax(rint(static_cast<double>(x)), low), high));
}

// Of integers: clamped to the range of the dtype; a bool is whether it is not 0.
__device__ int64_t clamped_whole(int dtype, int64_t x) {
  if (dtype == BP_DT_BOOL) return x != 0;
  if (dtype == BP_DT_I64) return x;
  const int64_t low = dtype == BP_DT_I8 ? -128 : dtype == BP_DT_U8 ? 0 : dtype == BP_DT_I16 ? -32768 : INT32_MIN;
  const int64_t high = dtype == BP_DT_I8 ? 127 : dtype == BP_DT_U8 ? 255 : dtype == BP_DT_I16 ? 32767 : INT32_MAX;
  return x < low ? low : x < high ? x : high;
}

__global__ void cast_kernel(CastArgs a) {
  for_each(a.n.value(), [&](int64_t i) {
    if (is_whole(a.x_dtype) && is_whole(a.y_dtype)) {
      store_int(a.y_dtype, a.y, i, clamped_whole(a.y_dtype, load_int(a.x_dtype, a.x, i)));
      return;
    }
    const float x =
        is_float(a.x_dtype) ? load_float(a.x_dtype, a.x, i) : static_cast<float>(load_int(a.x_dtype, a.x, i));
    if (is_float(a.y_dtype)) {
      store_float(a.y_dtype, a.y, i, x);
    } else {
      store_int(a.y_dtype, a.y, i, clamped(a.y_dtype, x));
    }
  });
}

}  // namespace

void unary(Launch& at, const UnaryArgs& args) { start(at, unary_kernel, {blocks_for(args.n.bound())}, kBlock, args); }

void logical_not(Launch& at, const uint8_t* x, uint8_t* y, const Count& n) {
  start(at, logical_not_kernel, {blocks_for(n.bound())}, kBlock, x, y, n);
}

void binary(Launch& at, Binary op, const BroadcastArgs& args) {
  start(at, binary_kernel, {blocks_for(args.n.bound())}, kBlock, op, args);
}

void where(Launch& at, int bytes, const BroadcastArgs& args) {
  const auto kernel = bytes == 1   ? where_kernel<uint8_t>
                      : bytes == 2 ? where_kernel<uint16_t>
                      : bytes == 4 ? where_kernel<uint32_t>
                                   : where_kernel<uint64_t>;
  start(at, kernel, {blocks_for(args.n.bound())}, kBlock, args);
}

void cast(Launch& at, const CastArgs& args) { start(at, cast_kernel, {blocks_for(args.n.bound())}, kBlock, args); }

}  // namespace bp::gpu
