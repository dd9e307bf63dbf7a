#include "kernels/softmax.h"

#include "kernels/simd.h"

namespace bp::cpu::BP_CPU_ISA {
namespace {

constexpr float kInfinity = __builtin_inff();

// max(x, acc) gives acc where x is NaN.
inline float row_max(const float* x, int64_t n_all) {
  V best = set1(-kInfinity);
  for_lanes(
      n_all, [&](int64_t i) { best = max(load(x + i), best); },
      [&](int64_t i, int64_t n) { best = max(select(first(n), load(x + i, first(n)), best), best); });
  return greatest(best);
}

}  // namespace

void softmax(const float* x0, float* y0, int64_t n_all, int64_t row_begin, int64_t row_end) {
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* x = x0 + row * n_all;
    float* y = y0 + row * n_all;
    const float best = row_max(x, n_all);
    if (best == -kInfinity) {
      __builtin_memset(y, 0, static_cast<uint64_t>(n_all) * sizeof(float));
      continue;
    }
    const V top = set1(best);
    V total = zero();
    for_lanes(
        n_all,
        [&](int64_t i) {
          const V e = exp(sub(load(x + i), top));
          store(y + i, e);
          total = add(total, e);
        },
        [&](int64_t i, int64_t n) {
          const V e = select(first(n), exp(sub(load(x + i, first(n)), top)), zero());
          store(y + i, e, first(n));
          total = add(total, e);
        });
    const V s = set1(sum(total));
    for_lanes(
        n_all, [&](int64_t i) { store(y + i, div(load(y + i), s)); },
        [&](int64_t i, int64_t n) { store(y + i, div(load(y + i, first(n)), s), first(n)); });
  }
}

int32_t argmax(const float* x, int64_t n_all) {
  const float top = row_max(x, n_all);
  const V want = set1(top);
  int64_t i = 0;
  for (; i + kLanes <= n_all; i += kLanes) {
    if (any(eq(load(x + i), want))) break;
  }
  for (; i < n_all; ++i) {
    if (x[i] == top) return static_cast<int32_t>(i);
  }
  return 0;  // all NaN
}

}  // namespace bp::cpu::BP_CPU_ISA
