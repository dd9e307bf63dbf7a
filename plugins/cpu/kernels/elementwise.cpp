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
  // Beyond 64, where erfc is 0, infinity must not meet it.
  return select(lt(x, zero()), mul(half, erfc), fnma(min(half, set1(32.0f)), erfc, x));
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
inline void broadcast(const BinaryArgs& args, int64_t n_all, F f) {
  if (args.a_step != 0 && args.b_step != 0) return map2(args.a, args.b, args.y, n_all, f);
  if (args.b_step != 0) {
    const V a = set1(*args.a);
    return map1(args.b, args.y, 0, n_all, [&](V b) { return f(a, b); });
  }
  const V b = set1(*args.b);
  if (args.a_step != 0) return map1(args.a, args.y, 0, n_all, [&](V a) { return f(a, b); });
  const V y = f(set1(*args.a), b);
  for_lanes(
      n_all, [&](int64_t i) { store(args.y + i, y); }, [&](int64_t i, int64_t n) { store(args.y + i, y, first(n)); });
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
    case Unary::kRsqrt:
      return map1(x, y, begin, end, [](V v) { return div(set1(1.0f), sqrt(v)); });
  }
}

void binary(Binary op, const BinaryArgs& args, int64_t n) {
  switch (op) {
    case Binary::kAdd:
      return broadcast(args, n, [](V a, V b) { return add(a, b); });
    case Binary::kMul:
      return broadcast(args, n, [](V a, V b) { return mul(a, b); });
    case Binary::kSub:
      return broadcast(args, n, [](V a, V b) { return sub(a, b); });
    case Binary::kDiv:
      return broadcast(args, n, [](V a, V b) { return div(a, b); });
    // The operands swapped: of a NaN and a number a wins.
    case Binary::kMin:
      return broadcast(args, n, [](V a, V b) { return min(b, a); });
    case Binary::kMax:
      return broadcast(args, n, [](V a, V b) { return max(b, a); });
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

void add_scaled(float factor, const float* x, float* y, int64_t n) {
  const V f = set1(factor);
  map2(x, y, y, n, [&](V a, V b) { return add(b, mul(f, a)); });
}

}  // namespace bp::cpu::BP_CPU_ISA
