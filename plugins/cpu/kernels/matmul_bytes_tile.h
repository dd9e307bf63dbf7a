// Tiles of weights of a byte each, fp8 or integers, that are scaled apart: y += scale * sum of (w - zero) * x for each
// panel_k of k, in f32. Included once for each instruction set.
#pragma once

#include "kernels/blocks_simd.h"
#include "kernels/matmul.h"
#include "kernels/matmul_ahead.h"

namespace bp::cpu {
namespace {

template <WeightFormat kFormat>
struct ByteTiles {
  static constexpr int kHalves = static_cast<int>(kGroupRows) / kLanes;
  static constexpr bool kInteger = kFormat == WeightFormat::kI8 || kFormat == WeightFormat::kU8;
  static constexpr float kFactor = kFormat == WeightFormat::kE4m3 ? 256.0f : 1.0f;

  static BP_CPU_INLINE F value(const std::byte* p, F zero) {
    const __m128i bytes = load_bytes(p);
    if constexpr (kFormat == WeightFormat::kE4m3) return e4m3_256th(bytes);
    if constexpr (kFormat == WeightFormat::kE5m2) return e5m2(bytes);
    if constexpr (kFormat == WeightFormat::kI8) return sub(to_float(widen_i8(bytes)), zero);
    return sub(to_float(widen_u8(bytes)), zero);
  }

  // sum[r] += scale * the products of n columns. Even and odd k are summed apart: one chain would wait for itself where
  // rows are few.
  template <int R>
  static BP_CPU_INLINE void add_columns(F* sum, const float* panel, const std::byte* w, const float* x, int64_t n) {
    F even[R];
    F odd[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) even[r] = odd[r] = zero();
    const F zeros = kInteger ? load_f32(panel + kGroupRows) : zero();
    int64_t k = 0;
    for (; k + 2 <= n; k += 2) {
      if (k % 4 == 0) read_ahead<R, 64>(w + kGroupRows * k);
      const F first = value(w + kGroupRows * k, zeros);
      const F second = value(w + kGroupRows * (k + 1), zeros);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        even[r] = fma(first, set1(x[k * R + r]), even[r]);
        odd[r] = fma(second, set1(x[(k + 1) * R + r]), odd[r]);
      }
    }
    if (k < n) {
      const F last = value(w + kGroupRows * k, zeros);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) even[r] = fma(last, set1(x[k * R + r]), even[r]);
    }
    const F scale = mul(load_f32(panel), set1(kFactor));
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) sum[r] = fma(add(even[r], odd[r]), scale, sum[r]);
  }

  template <int R>
  static void tile(const MatmulTile& t) {
    const auto* x = reinterpret_cast<const float*>(t.x);
    const float* panel = t.panel;
    F sum[kHalves][R];
    for (auto& half : sum) {
      for (F& s : half) s = zero();
    }
    for (int64_t k = 0; k < t.k; k += t.panel_k, panel += 2 * kGroupRows) {
      const int64_t n = t.k - k < t.panel_k ? t.k - k : t.panel_k;
      for (int half = 0; half < kHalves; ++half)
        add_columns<R>(sum[half], panel + kLanes * half, t.w + kGroupRows * k + kLanes * half, x + k * R, n);
    }
    for (int r = 0; r < R; ++r) {
      for (int half = 0; half < kHalves; ++half) store(t.y + kGroupRows * r + kLanes * half, sum[half][r]);
    }
  }
};

template <WeightFormat kFormat, int kMaxRows>
constexpr MatmulKernel kByteKernelOf = {
    {XFormat::Kind::kF32}, pack_x_f32, kMaxRows, kTilesOf<ByteTiles<kFormat>, kMaxRows>.data()};

template <int kMaxRows>
const MatmulKernel& byte_kernel(WeightFormat format) {
  switch (format) {
    case WeightFormat::kE4m3:
      return kByteKernelOf<WeightFormat::kE4m3, kMaxRows>;
    case WeightFormat::kE5m2:
      return kByteKernelOf<WeightFormat::kE5m2, kMaxRows>;
    case WeightFormat::kI8:
      return kByteKernelOf<WeightFormat::kI8, kMaxRows>;
    default:
      return kByteKernelOf<WeightFormat::kU8, kMaxRows>;
  }
}

}  // namespace
}  // namespace bp::cpu
