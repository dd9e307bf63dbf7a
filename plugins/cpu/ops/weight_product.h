// Products of some rows of x with groups of 16 rows of a packed matrix: what every matmul of this plugin is made of.
// Thread-safety: const calls from any thread.
#pragma once

#include <cstddef>

#include "kernels/matmul.h"
#include "ops/op.h"

// The dtypes of weights that are multiplied, for guards, and how: the dtype decides the arithmetic, so one name does.
#define BP_CPU_SCALED_APART "fp8_e4m3|fp8_e5m2|i8|u8|u4"
#define BP_CPU_WEIGHTS "f32|f16|bf16|q8_0|q4_0|q4_1|q5_0|q5_1|q2_k|q3_k|q4_k|q5_k|q6_k|iq4_nl|iq4_xs|mxfp4"

namespace bp::cpu {

constexpr const char* kMatmulNumerics = "cpu.matmul/1";

class WeightProduct {
 public:
  static constexpr int64_t kMaxTileRows = 16;

  // Null, or why a matrix [n, k] of this dtype cannot be multiplied.
  const char* init(uint16_t dtype, int64_t n, int64_t k, const OpTarget& target);
  // With another, x packed once serves both.
  bool takes_x_of(const WeightProduct& other) const;

  int64_t n() const { return n_; }
  int64_t k() const { return k_; }
  int64_t n_groups() const { return (n_ + kGroupRows - 1) / kGroupRows; }
  int64_t group_bytes() const { return group_bytes_; }
  int64_t matrix_bytes() const { return n_groups() * group_bytes_; }
  int64_t max_rows() const { return kernel_->max_rows / parts_; }  // of x in a tile
  int64_t x_row_bytes() const { return x_row_bytes_; }             // of a packed row of x

  // Rows of x, one after another or as `index` says, `stride` floats apart, to a tile at `out`.
  struct Rows {
    const float* x;
    const int32_t* index = nullptr;
    int64_t stride;
    int64_t count;
  };
  void pack_x(const Rows& rows, std::byte* out) const {
    kernel_->pack_x({rows.x, rows.index, rows.stride, rows.count, k_, kernel_->x_format, out, parts_});
  }
  // The scales of weights that are scaled apart, as MatmulTile has them.
  struct Panel {
    const float* scales = nullptr;
    int64_t k = 0;
  };
  // y [rows][16] = the tile times a group of weights; y has room for kMaxTileRows rows.
  void tile(const std::byte* group, int64_t rows, const std::byte* x, float* y, const Panel& panel) const;
  void tile(const std::byte* group, int64_t rows, const std::byte* x, float* y) const { tile(group, rows, x, y, {}); }

 private:
  const MatmulKernel* kernel_ = nullptr;
  int64_t n_ = 0, k_ = 0;
  int64_t group_bytes_ = 0;
  int64_t x_row_bytes_ = 0;  // all parts
  int64_t parts_ = 1;
};

}  // namespace bp::cpu
