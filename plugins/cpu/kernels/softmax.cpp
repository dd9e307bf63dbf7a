#include "kernels/softmax.h"

#include "kernels/simd.h"

namespace bp::cpu::BP_CPU_ISA {
namespace {

constexpr float kInfinity = __builtin_inff();

// The sum of exp(x - top), each handed to put(i, e) or put(i, e, lanes).
template <class Put, class PutPart>
inline float exponentials(const float* x, int64_t n_all, float top, Put put, PutPart put_part) {
  const V t = set1(top);
  V total = zero();
  for_lanes(
      n_all,
      [&](int64_t i) {
        const V e = exp(sub(load(x + i), t));
        put(i, e);
        total = add(total, e);
      },
      [&](int64_t i, int64_t n) {
        const V e = select(first(n), exp(sub(load(x + i, first(n)), t)), zero());
        put_part(i, e, first(n));
        total = add(total, e);
      });
  return sum(total);
}

}  // namespace

// max(x, acc) gives acc where x is NaN.
float row_max(const float* x, int64_t n_all) {
  V best = set1(-kInfinity);
  for_lanes(
      n_all, [&](int64_t i) { best = max(load(x + i), best); },
      [&](int64_t i, int64_t n) { best = max(select(first(n), load(x + i, first(n)), best), best); });
  return greatest(best);
}

float row_sum(const float* x, int64_t n_all) {
  V total = zero();
  for_lanes(
      n_all, [&](int64_t i) { total = add(total, load(x + i)); },
      [&](int64_t i, int64_t n) { total = add(total, load(x + i, first(n))); });
  return sum(total);
}

void softmax(const float* x0, float* y0, int64_t n_all, int64_t row_begin, int64_t row_end) {
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* x = x0 + row * n_all;
    float* y = y0 + row * n_all;
    const float top = row_max(x, n_all);
    if (top == -kInfinity) {
      __builtin_memset(y, 0, static_cast<uint64_t>(n_all) * sizeof(float));
      continue;
    }
    const V s = set1(exponentials(
        x, n_all, top, [&](int64_t i, V e) { store(y + i, e); },
        [&](int64_t i, V e, VMask lanes) { store(y + i, e, lanes); }));
    for_lanes(
        n_all, [&](int64_t i) { store(y + i, div(load(y + i), s)); },
        [&](int64_t i, int64_t n) { store(y + i, div(load(y + i, first(n)), s), first(n)); });
  }
}

void log_softmax(const float* x0, float* y0, int64_t n_all, int64_t row_begin, int64_t row_end) {
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* x = x0 + row * n_all;
    float* y = y0 + row * n_all;
    const float top = row_max(x, n_all);
    const float total = exponentials(x, n_all, top, [](int64_t, V) {}, [](int64_t, V, VMask) {});
    const V t = set1(top);
    const V log_total = set1(__builtin_logf(total));
    for_lanes(
        n_all, [&](int64_t i) { store(y + i, sub(sub(load(x + i), t), log_total)); },
        [&](int64_t i, int64_t n) { store(y + i, sub(sub(load(x + i, first(n)), t), log_total), first(n)); });
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
