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
  static constexpr int64_t kMaxTileRows = 32;

  // What tuning may change; none of it changes a bit of a result.
  struct Shape {
    // Fewer rows fill tiles of 16 so badly that those for few rows are faster.
    int64_t many_rows = 16;
    int64_t chunk_bytes = 512 * 1024;      // of packed x, which stays in the second cache while groups pass
    int64_t few_tile_rows = kMaxTileRows;  // at most so many rows share a load of weights where there are few
  };

  // Null, or why a matrix [n, k] of this dtype cannot be multiplied.
  const char* init(uint16_t dtype, int64_t n, int64_t k, const OpTarget& target) {
    return init(dtype, n, k, target, Shape{});
  }
  const char* init(uint16_t dtype, int64_t n, int64_t k, const OpTarget& target, const Shape& shape);
  // With another, x packed once serves both.
  bool takes_x_of(const WeightProduct& other) const;

  int64_t n() const { return n_; }
  int64_t k() const { return k_; }
  int64_t n_groups() const { return (n_ + kGroupRows - 1) / kGroupRows; }
  int64_t group_bytes() const { return group_bytes_; }
  int64_t matrix_bytes() const { return n_groups() * group_bytes_; }

  // How few rows are multiplied, or many: with the same results.
  struct Way {
    const MatmulKernel* kernel;
    int64_t tile_rows;    // of x in a tile
    int64_t tile_bytes;   // of a packed tile
    int64_t chunk_tiles;  // that meet a group, once it is unpacked
    bool many;
  };
  // For so many rows of x a matrix.
  const Way& way(int64_t rows) const { return rows * parts_ >= shape_.many_rows ? many_ : few_; }
  // The way of this weight for x packed for another's.
  const Way& way_like(const Way& other) const { return other.many ? many_ : few_; }
  // The bytes of packed x for up to `rows` rows that meet up to `n_matrices` matrices, either way.
  uint64_t x_bytes(int64_t rows, int64_t n_matrices) const;
  // Of each thread, for an unpacked group.
  int64_t scratch_bytes() const;

  // Rows of x, one after another or as `index` says, `stride` floats apart, to a tile at `out`.
  struct Rows {
    const float* x;
    const int32_t* index = nullptr;
    int64_t stride;
    int64_t count;
  };
  void pack_x(const Way& way, const Rows& rows, std::byte* out) const {
    way.kernel->pack_x({rows.x, rows.index, rows.stride, rows.count, k_, way.kernel->x_format, out, parts_});
  }

  // The scales of weights that are scaled apart, as MatmulTile has them.
  struct Panel {
    const float* scales = nullptr;
    int64_t k = 0;
  };
  // A group, as the tiles of this way take it: unpacked into `scratch`, or as it is.
  const std::byte* prepare(const Way& way, const std::byte* group, const Panel& panel, std::byte* scratch) const;
  // y [rows][16] = the tile times a prepared group; y has room for kMaxTileRows rows.
  struct Tile {
    const std::byte* w;
    const std::byte* x;
    int64_t rows;
  };
  void multiply(const Way& way, const Tile& tile, const Panel& panel, float* y) const;

 private:
  Way way_of(const MatmulKernel& kernel, bool many) const;

  Shape shape_;
  Way few_{}, many_{};
  int64_t n_ = 0, k_ = 0;
  int64_t group_bytes_ = 0;
  int64_t parts_ = 1;
};

}  // namespace bp::cpu
