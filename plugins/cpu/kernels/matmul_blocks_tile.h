// Tiles of block formats: for each block of 32 k the codes are multiplied with x as integers, then scaled. Included
// once for each instruction set.
#pragma once

#include "kernels/matmul.h"
#include "kernels/matmul_ahead.h"
#include "kernels/packed_block.h"

namespace bp::cpu {
namespace {

template <BlockShape S>
constexpr XFormat kXOf = {XFormat::Kind::kI8, S.n_sub(), S.has_minimum() ? uint8_t{0} : S.offset};

// sum[r] += block b of a record times the block of x: [R] scale, [n_sub][R] corrections, [8][R] quads.
template <BlockShape S, int R>
BP_CPU_INLINE void add_block(F* sum, const PackedScales<S>& scales, int b, const std::byte* codes, const int32_t* x) {
  constexpr int kSubs = S.n_sub();
  constexpr int kLines = 8 / kSubs;
  const auto* x_scale = reinterpret_cast<const float*>(x);
  const int32_t* quads = x + (1 + kSubs) * R;
  each<kSubs>([&]<int kSub>() __attribute__((always_inline)) {
    const int32_t* correction = x + (1 + kSub) * R;
    Dot<S.largest, kLines, R> dot;
    dot.start(S.has_minimum() ? nullptr : correction);
    each<kLines>([&]<int kLine>() __attribute__((always_inline)) {
      constexpr int kAt = kSub * kLines + kLine;
      dot.template add<kLine>(code_line<S, kAt>(codes), quads + kAt * R);
    });
    const F scale = scales.scale(b * kSubs + kSub);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      sum[r] = fma(to_float(dot.result(r)), mul(scale, set1(x_scale[r])), sum[r]);
    }
    if constexpr (S.has_minimum()) {
      const F minimum = scales.minimum(b * kSubs + kSub);
      const auto* x_sum = reinterpret_cast<const float*>(correction);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) sum[r] = fma(minimum, set1(x_sum[r]), sum[r]);
    }
  });
}

template <WeightFormat kFormat>
struct BlockTiles {
  static constexpr BlockShape kShape = block_shape(kFormat);
  static constexpr int kHalves = static_cast<int>(kGroupRows) / kLanes;
  static constexpr int kXWords = 9 + kShape.n_sub();

  // All rows of the group; on to the next 32 k.
  template <int R, class Record>
  static BP_CPU_INLINE void add_blocks(F (*sum)[R], const Record* record, int b, const std::byte*& codes,
                                       const int32_t*& x) {
    read_ahead<R, plane_bytes(kShape.planes)>(codes);
#pragma GCC unroll 2
    for (int half = 0; half < kHalves; ++half) {
      const PackedScales<kShape> scales(record, half);
      add_block<kShape, R>(sum[half], scales, b, codes + half_line(half), x);
      asm volatile("" : "+r"(x));  // else gcc keeps each value of x, spread over a vector, on the stack
    }
    codes += plane_bytes(kShape.planes);
    x += kXWords * R;
  }

  template <int R>
  static void tile(const MatmulTile& t) {
    const std::byte* record = t.w;
    const std::byte* codes = t.w + panel_bytes(kShape, t.k);
    const auto* x = reinterpret_cast<const int32_t*>(t.x);
    F sum[kHalves][R];
    for (auto& half : sum) {
      for (F& s : half) s = zero();
    }
    if constexpr (kShape.sub_scales == SubScales::kPanel) {
      const float* panel = t.panel;
      for (int64_t k = 0; k < t.k; k += t.panel_k, panel += 2 * kGroupRows) {
        const int64_t n = t.k - k < t.panel_k ? t.k - k : t.panel_k;
        for (int64_t b = n / kBlock; b > 0; --b) add_blocks<R>(sum, panel, 0, codes, x);
      }
    } else {
      for (int64_t i = t.k / kShape.block_k; i > 0; --i, record += record_bytes(kShape)) {
        for (int b = 0; b < kShape.block_k / kBlock; ++b) add_blocks<R>(sum, record, b, codes, x);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      for (int half = 0; half < kHalves; ++half) store(t.y + kGroupRows * r + kLanes * half, sum[half][r]);
    }
  }
};

template <WeightFormat kFormat, int kMaxRows>
constexpr MatmulKernel kKernelOf = {kXOf<block_shape(kFormat)>, pack_x_i8_avx2, kMaxRows,
                                    kTilesOf<BlockTiles<kFormat>, kMaxRows>.data()};

template <int kMaxRows>
const MatmulKernel& block_kernel(WeightFormat format) {
  constexpr int kFirst = static_cast<int>(WeightFormat::kQ8_0);
  static constexpr auto kKernels = []<int... I>(std::integer_sequence<int, I...>) {
    return std::array{&kKernelOf<static_cast<WeightFormat>(kFirst + I), kMaxRows>...};
  }(std::make_integer_sequence<int, kWeightFormats - kFirst>{});
  return *kKernels[static_cast<size_t>(static_cast<int>(format) - kFirst)];
}

}  // namespace
}  // namespace bp::cpu
