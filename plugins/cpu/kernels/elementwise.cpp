#include "kernels/elementwise.h"

#include "kernels/simd.h"

namespace bp::cpu::BP_CPU_ISA {
namespace {

inline V silu(V x) { return div(x, add(set1(1.0f), exp(neg(x)))); }

// x/2 * (1 + erf(x / sqrt 2)) through erfc (Abramowitz and Stegun 7.1.26), which does not cancel for negative x.
inline V gelu_erf(V x) {
  const V z = mul(abs(x), set1(0.70710678118654752f));
  const V t = div(set1(1.0f), fma(z, set1(0.3275911f), set1(1.0f)));
  V p = set1(1.061405429f);
  p = fma(p, t, set1(-1.453152027f));
  p = fma(p, t, set1(1.421413741f));
  p = fma(p, t, set1(-0.284496736f));
  p = fma(p, t, set1(0.254829592f));
  const V erfc = mul(mul(p, t), exp(neg(mul(z, z))));
  const V half = mul(x, set1(0.5f));
  return select(lt(x, zero()), mul(half, erfc), fnma(half, erfc, x));
}

inline V gelu_tanh(V x) {
  const V inner = mul(mul(set1(0.7978845608028654f), x), fma(mul(set1(0.044715f), x), x, set1(1.0f)));
  // x/2 (1 + tanh u) = x sigmoid(2u): one exp, and no cancelling.
  return div(x, add(set1(1.0f), exp(mul(inner, set1(-2.0f)))));
}

template <class F>
inline void map1(const float* x, float* y, int64_t begin, int64_t end, F f) {
  x += begin;
  y += begin;
  for_lanes(
      end - begin, [&](int64_t i) { store(y + i, f(load(x + i))); },
      [&](int64_t i, int64_t n) { store(y + i, f(load(x + i, first(n))), first(n)); });
}

template <class F>
inline void map2(const float* a, const float* b, float* y, int64_t n_all, F f) {
  for_lanes(
      n_all, [&](int64_t i) { store(y + i, f(load(a + i), load(b + i))); },
      [&](int64_t i, int64_t n) { store(y + i, f(load(a + i, first(n)), load(b + i, first(n))), first(n)); });
}

template <class F>
inline void map2_scalar(const float* a, float b, float* y, int64_t n_all, F f) {
  const V vb = set1(b);
  for_lanes(
      n_all, [&](int64_t i) { store(y + i, f(load(a + i), vb)); },
      [&](int64_t i, int64_t n) { store(y + i, f(load(a + i, first(n)), vb), first(n)); });
}

// Runs of elements whose b is either one value (repeat > 1, or period 1) or consecutive.
template <class F>
inline void broadcast(const BinaryArgs& args, int64_t begin, int64_t end, F f) {
  const bool single = args.repeat > 1 || args.period == 1;
  const int64_t run = args.period == 1 ? end : single ? args.repeat : args.period;
  for (int64_t i = begin; i < end;) {
    const int64_t within = i % run;
    const int64_t left = run - within;
    const int64_t n = left < end - i ? left : end - i;
    const int64_t j = (i / args.repeat) % args.period;
    if (single) {
      map2_scalar(args.a + i, args.b[j], args.y + i, n, f);
    } else {
      map2(args.a + i, args.b + j, args.y + i, n, f);
    }
    i += n;
  }
}

}  // namespace

void unary(Unary op, const UnaryArgs& args, int64_t begin, int64_t end) {
  const float* x = args.x;
  float* y = args.y;
  const V p0 = set1(args.p0);
  const V p1 = set1(args.p1);
  switch (op) {
    // Not fused: the reference rounds after each of the two.
    case Unary::kScale:
      return map1(x, y, begin, end, [&](V v) { return add(mul(v, p0), p1); });
    case Unary::kSilu:
      return map1(x, y, begin, end, [](V v) { return silu(v); });
    case Unary::kGeluErf:
      return map1(x, y, begin, end, [](V v) { return gelu_erf(v); });
    case Unary::kGeluTanh:
      return map1(x, y, begin, end, [](V v) { return gelu_tanh(v); });
    case Unary::kSigmoid:
      return map1(x, y, begin, end, [](V v) { return sigmoid(v); });
    case Unary::kTanh:
      return map1(x, y, begin, end, [](V v) { return tanh(v); });
    case Unary::kRelu:
      return map1(x, y, begin, end, [](V v) { return max(zero(), v); });
    case Unary::kClamp:
      return map1(x, y, begin, end, [&](V v) { return min(p1, max(p0, v)); });
    case Unary::kNeg:
      return map1(x, y, begin, end, [](V v) { return neg(v); });
    case Unary::kAbs:
      return map1(x, y, begin, end, [](V v) { return abs(v); });
    case Unary::kExp:
      return map1(x, y, begin, end, [](V v) { return exp(v); });
    case Unary::kSqrt:
      return map1(x, y, begin, end, [](V v) { return sqrt(v); });
  }
}

void binary(Binary op, const BinaryArgs& args, int64_t begin, int64_t end) {
  switch (op) {
    case Binary::kAdd:
      return broadcast(args, begin, end, [](V a, V b) { return add(a, b); });
    case Binary::kMul:
      return broadcast(args, begin, end, [](V a, V b) { return mul(a, b); });
    case Binary::kSub:
      return broadcast(args, begin, end, [](V a, V b) { return sub(a, b); });
    case Binary::kSubReversed:
      return broadcast(args, begin, end, [](V a, V b) { return sub(b, a); });
    case Binary::kDiv:
      return broadcast(args, begin, end, [](V a, V b) { return div(a, b); });
    case Binary::kMin:
      return broadcast(args, begin, end, [](V a, V b) { return min(a, b); });
    case Binary::kMax:
      return broadcast(args, begin, end, [](V a, V b) { return max(a, b); });
  }
}

void gated(Gate op, const float* gate, const float* up, float* y, int64_t begin, int64_t end) {
  const int64_t n = end - begin;
  gate += begin;
  up += begin;
  y += begin;
  switch (op) {
    case Gate::kSilu:
      return map2(gate, up, y, n, [](V g, V u) { return mul(silu(g), u); });
    case Gate::kGeluErf:
      return map2(gate, up, y, n, [](V g, V u) { return mul(gelu_erf(g), u); });
    case Gate::kGeluTanh:
      return map2(gate, up, y, n, [](V g, V u) { return mul(gelu_tanh(g), u); });
  }
}

}  // namespace bp::cpu::BP_CPU_ISA
