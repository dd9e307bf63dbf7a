#include "kernels/norm.h"

#include "kernels/simd.h"

namespace bp::cpu::BP_CPU_ISA {
namespace {

inline V load_upto(const float* p, int64_t n) { return n >= kLanes ? load(p) : load(p, first(n)); }
inline void store_upto(float* p, V v, int64_t n) { n >= kLanes ? store(p, v) : store(p, v, first(n)); }

// The sum of f(i, n) over the row's vectors, in four chains so that additions overlap. Lanes past the row must be 0.
template <class F>
inline float sum_of(int64_t hidden, F f) {
  V acc[4] = {zero(), zero(), zero(), zero()};
  int64_t i = 0;
  for (; i + 4 * kLanes <= hidden; i += 4 * kLanes) {
    for (int k = 0; k < 4; ++k) acc[k] = f(i + k * kLanes, int64_t{kLanes}, acc[k]);
  }
  for (; i < hidden; i += kLanes) acc[0] = f(i, hidden - i, acc[0]);
  return sum(add(add(acc[0], acc[1]), add(acc[2], acc[3])));
}

inline float inverse_deviation(float sum_of_squares, int64_t hidden, float eps) {
  return 1.0f / __builtin_sqrtf(sum_of_squares / static_cast<float>(hidden) + eps);
}

inline void scale_row(const float* x, const NormArgs& args, float factor, float* y) {
  const V f = set1(factor);
  for (int64_t i = 0; i < args.hidden; i += kLanes) {
    const int64_t n = args.hidden - i;
    V v = mul(load_upto(x + i, n), f);
    if (args.w != nullptr) v = mul(v, load_upto(args.w + i, n));
    store_upto(y + i, v, n);
  }
}

inline float sum_of_squares(const float* x, int64_t hidden) {
  return sum_of(hidden, [&](int64_t i, int64_t n, V acc) {
    const V v = load_upto(x + i, n);
    return fma(v, v, acc);
  });
}

}  // namespace

void rms_norm(const NormArgs& args, int64_t row_begin, int64_t row_end) {
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* x = args.x + row * args.hidden;
    const float factor = inverse_deviation(sum_of_squares(x, args.hidden), args.hidden, args.eps);
    scale_row(x, args, factor, args.y + row * args.hidden);
  }
}

void add_rms_norm(const AddNormArgs& args, int64_t row_begin, int64_t row_end) {
  const int64_t hidden = args.norm.hidden;
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* x = args.norm.x + row * hidden;
    const float* r = args.r + row * hidden;
    float* s = args.s + row * hidden;
    for (int64_t i = 0; i < hidden; i += kLanes) {
      store_upto(s + i, add(load_upto(x + i, hidden - i), load_upto(r + i, hidden - i)), hidden - i);
    }
    const float factor = inverse_deviation(sum_of_squares(s, hidden), hidden, args.norm.eps);
    scale_row(s, args.norm, factor, args.norm.y + row * hidden);
  }
}

void layer_norm(const NormArgs& args, int64_t row_begin, int64_t row_end) {
  const int64_t hidden = args.hidden;
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* x = args.x + row * hidden;
    float* y = args.y + row * hidden;
    const float mean = sum_of(hidden, [&](int64_t i, int64_t n, V acc) { return add(acc, load_upto(x + i, n)); }) /
                       static_cast<float>(hidden);
    const V m = set1(mean);
    const float squares = sum_of(hidden, [&](int64_t i, int64_t n, V acc) {
      V d = sub(load_upto(x + i, n), m);
      if (n < kLanes) d = select(first(n), d, zero());
      return fma(d, d, acc);
    });
    const V f = set1(inverse_deviation(squares, hidden, args.eps));
    for (int64_t i = 0; i < hidden; i += kLanes) {
      const int64_t n = hidden - i;
      V v = mul(sub(load_upto(x + i, n), m), f);
      if (args.w != nullptr) v = mul(v, load_upto(args.w + i, n));
      if (args.b != nullptr) v = add(v, load_upto(args.b + i, n));
      store_upto(y + i, v, n);
    }
  }
}

}  // namespace bp::cpu::BP_CPU_ISA
