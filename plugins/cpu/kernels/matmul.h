// Tiles of a matmul, y[m, n] = sum over k of x[m, k] * w[n, k], and the packed forms of x and w that they read.
//   w  packed in groups of 16 rows, see weight_layout.h: a tile takes one group
//   x  packed in tiles of up to MatmulKernel::max_rows rows:
//      kF32   [k, up to even][rows] f32
//      kBf16  [k / 2, up][rows][2] bf16
//      kI8    for each block of 32 k: [rows] f32 scale, [corrections][rows], [8][rows][4] i8
//      kI8Rows, kBf16Rows  as the tiles of AMX have them, always of max_rows rows, the last ones zeros:
//             for each block of 32 k: [16] f32 scale, [corrections][16] f32, [16][32] i8
//             for each 32 k: [32][32] bf16
// Every element of y is one chain of operations over ascending k, the same whatever the number of rows: a row of the
// batch gets the same bits whatever the other rows, the tile and the thread. Thread-safety: pure. Bound by memory where
// rows are few (each weight is read once), by multiplication where they are many. Tests:
// tests/plugins/cpu/matmul_test.cpp, tests/conformance/matmul.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "kernels/weight_format.h"

namespace bp::cpu {

struct MatmulTile {
  const std::byte* w;  // one group
  const std::byte* x;  // one tile
  int64_t k;
  float* y;  // [rows][16]
  // Of formats that are scaled apart: for each panel_k of k, [16] scales and [16] zeros, of u4 minus scale times zero.
  const float* panel = nullptr;
  int64_t panel_k = 0;  // of u4 a multiple of 32
};
using MatmulTileFn = void (*)(const MatmulTile& tile);

// How activations are packed. Of kI8 each block of 32 is rounded to 8 bits, and has corrections for as many equal parts
// of it as are asked for:
//   offset > 0   i32: -offset * the sum of the part's values, so that unsigned codes can stand for signed ones
//   offset 0     f32: scale * the sum, which the minimum of the weights is multiplied with
// kI8Rows has the latter alone: it meets signed codes.
struct XFormat {
  enum class Kind : uint8_t { kF32, kBf16, kI8, kI8Rows, kBf16Rows };
  Kind kind;
  uint8_t corrections = 0;
  uint8_t offset = 0;
  bool operator==(const XFormat&) const = default;
};

struct MatmulX {
  const float* x;
  const int32_t* index;  // of each row, which of x it is; null: rows one after another
  int64_t stride;        // floats from one row of x to the next
  int64_t rows;
  int64_t k;
  XFormat format;
  std::byte* out;  // x_tile_bytes()
  // 2: after the rows, as many more hold what rounding to 8 bits left of them, quantised again. Their products are
  // added to those of their rows, which then have the precision of 16 bits. kI8 only.
  int64_t parts = 1;

  const float* row(int64_t r) const { return x + (index == nullptr ? r : index[r]) * stride; }
};
using MatmulPackFn = void (*)(const MatmulX& args);

// What a group of weights becomes once for all tiles that meet it; the tiles take that in its place.
using MatmulUnpackFn = void (*)(const MatmulTile& tile, std::byte* out);

struct MatmulKernel {
  XFormat x_format;
  MatmulPackFn pack_x;
  int64_t max_rows;
  const MatmulTileFn* tile;         // [max_rows], by rows - 1
  MatmulUnpackFn unpack = nullptr;  // null: tiles take groups as they are
  int64_t unpacked_bytes = 0;       // of 32 k
};

// Of all rows of a tile.
constexpr int64_t x_tile_bytes(const MatmulKernel& kernel, int64_t k) {
  const int64_t blocks = (k + kBlock - 1) / kBlock;
  switch (kernel.x_format.kind) {
    case XFormat::Kind::kF32:
      return kernel.max_rows * ((k + 1) / 2 * 8);
    case XFormat::Kind::kBf16:
      return kernel.max_rows * ((k + 1) / 2 * 4);
    case XFormat::Kind::kBf16Rows:
      return kernel.max_rows * blocks * 2 * kBlock;
    default:
      return kernel.max_rows * blocks * (kBlock + 4 + 4 * kernel.x_format.corrections);
  }
}

// The tiles of 1 .. N rows of a kernel: Kernel::tile<R>.
template <class Kernel, int N>
constexpr std::array<MatmulTileFn, N> kTilesOf = []<int... I>(std::integer_sequence<int, I...>) {
  return std::array<MatmulTileFn, N>{&Kernel::template tile<I + 1>...};
}(std::make_integer_sequence<int, N>{});

// One for each instruction set; their files alone are compiled for it. matmul_dense… take f32, f16 and bf16,
// matmul_blocks… block formats and bytes.
const MatmulKernel& matmul_dense_avx2(WeightFormat format);
const MatmulKernel& matmul_dense_avx512(WeightFormat format);
const MatmulKernel& matmul_bf16_avx512bf16();
const MatmulKernel& matmul_bf16_amx(bool many);  // both ways give the same bits, other ones than avx512bf16's
const MatmulKernel& matmul_blocks_avx2(WeightFormat format);
const MatmulKernel& matmul_blocks_avx512vnni(WeightFormat format);
const MatmulKernel* matmul_blocks_amx(WeightFormat format);  // the same bits as the other two; null: use them

void pack_x_f32(const MatmulX& args);
void pack_x_i8_avx2(const MatmulX& args);
void pack_x_i8_rows_avx2(const MatmulX& args);

}  // namespace bp::cpu
