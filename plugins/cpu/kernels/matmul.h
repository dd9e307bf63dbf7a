// Tiles of a matmul, y[m, n] = sum over k of x[m, k] * w[n, k], and the packed forms of x and w that they read.
//   w  packed in groups of 16 rows, see weight_layout.h: a tile takes one group
//   x  packed in tiles of up to MatmulKernel::max_rows rows:
//      kF32   [k, up to even][rows] f32
//      kBf16  [k / 2, up][rows][2] bf16
//      kI8…   for each block of 32 k: [rows] f32 scale, [rows] correction, [8][rows][4] i8
// Every element of y is one chain of operations over ascending k, the same whatever the number of rows: a row of the
// batch gets the same bits whatever the other rows, the tile and the thread. Thread-safety: pure. Bound by memory where
// rows are few (each weight is read once), by multiplication where they are many. Tests:
// tests/plugins/cpu/matmul_test.cpp, tests/conformance/matmul.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bp::cpu {

constexpr int64_t kGroupRows = 16;  // weight rows in a group
constexpr int64_t kBlock = 32;      // k in a block of quantised values

struct MatmulTile {
  const std::byte* w;  // one group
  const std::byte* x;  // one tile
  int64_t k;
  float* y;  // [rows][16]
};
using MatmulTileFn = void (*)(const MatmulTile& tile);

// What the correction of a block holds, so that unsigned weights can stand for signed ones.
enum class XFormat {
  kF32,
  kBf16,
  kI8Less128,  // i32: -128 * the sum of the block's values
  kI8Less8,    // i32: -8 * the sum
  kI8Sum,      // f32: scale * the sum
};

struct MatmulX {
  const float* x;  // [rows][k], rows contiguous
  int64_t rows;
  int64_t k;
  XFormat format;
  std::byte* out;  // x_row_bytes() * rows * parts
  // 2: after the rows, as many more hold what rounding to 8 bits left of them, quantised again. Their products are
  // added to those of their rows, which then have the precision of 16 bits. Formats kI8… only.
  int64_t parts = 1;
};
using MatmulPackFn = void (*)(const MatmulX& args);

struct MatmulKernel {
  XFormat x_format;
  MatmulPackFn pack_x;
  int64_t max_rows;
  const MatmulTileFn* tile;  // [max_rows], by rows - 1
};

constexpr int64_t x_row_bytes(XFormat format, int64_t k) {
  switch (format) {
    case XFormat::kF32:
      return (k + 1) / 2 * 8;
    case XFormat::kBf16:
      return (k + 1) / 2 * 4;
    default:
      return k / kBlock * (kBlock + 8);
  }
}

// f32 scales (f16) of the blocks of a group come first, then, at a multiple of 64 bytes, the quants.
constexpr int64_t scale_panel_bytes(int64_t n_blocks, int64_t halves_per_block) {
  return (n_blocks * kGroupRows * 2 * halves_per_block + 63) / 64 * 64;
}

enum class WeightFormat { kF32, kF16, kBf16, kQ8_0, kQ4_0, kQ4_1 };

// One for each instruction set; their files alone are compiled for it.
const MatmulKernel& matmul_dense_avx2(WeightFormat format);
const MatmulKernel& matmul_dense_avx512(WeightFormat format);
const MatmulKernel& matmul_bf16_avx512bf16();
const MatmulKernel& matmul_quant_avx2(WeightFormat format);
const MatmulKernel& matmul_quant_avx512vnni(WeightFormat format);

void pack_x_f32(const MatmulX& args);
void pack_x_i8_avx2(const MatmulX& args);

}  // namespace bp::cpu
