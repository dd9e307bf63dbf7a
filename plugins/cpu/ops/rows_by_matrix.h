// Which rows of x meet which matrix of a stack of them, sorted by matrix and cut into tiles. Lives in a launch's
// workspace; allocates nothing. Not thread-safe while it is filled; read by any thread then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace bp::cpu {

class RowsByMatrix {
 public:
  // Rows begin .. begin + count - 1 of the sorted ones, all of one matrix.
  struct Tile {
    int32_t begin;
    int32_t count;
  };
  // A matrix that has rows, and its tiles.
  struct Used {
    int32_t matrix;
    int32_t first_tile;
    int32_t n_tiles;
  };

  static uint64_t ws_bytes(int64_t max_rows, int64_t n_matrices);
  RowsByMatrix(std::byte* ws, int64_t max_rows, int64_t n_matrices);

  // matrix_of(row) for rows 0 .. n_rows - 1; rows of no matrix in [0, n_matrices) are left out. Rows of one matrix stay
  // in order.
  template <class F>
  void sort(int64_t n_rows, int64_t tile_rows, F matrix_of) {
    clear();
    for (int64_t row = 0; row < n_rows; ++row) {
      if (const int64_t m = matrix_of(row); m >= 0 && m < n_matrices_) ++begin_[m + 1];
    }
    for (int64_t m = 0; m < n_matrices_; ++m) begin_[m + 1] += begin_[m];
    for (int64_t row = 0; row < n_rows; ++row) {
      if (const int64_t m = matrix_of(row); m >= 0 && m < n_matrices_) rows_[begin_[m]++] = static_cast<int32_t>(row);
    }
    cut(tile_rows);
  }

  // Of all sorted rows: which row each is.
  const int32_t* rows() const { return rows_; }
  int64_t n_rows() const { return n_rows_; }
  std::span<const Tile> tiles() const { return {tiles_, static_cast<size_t>(n_tiles_)}; }
  std::span<const Used> used() const { return {used_, static_cast<size_t>(n_used_)}; }

 private:
  void clear();
  void cut(int64_t tile_rows);

  int64_t n_matrices_;
  int32_t* rows_;
  int32_t* begin_;  // [n_matrices + 1]; where the rows of a matrix begin, and once they are placed, end
  Tile* tiles_;
  Used* used_;
  int64_t n_rows_ = 0, n_tiles_ = 0, n_used_ = 0;
};

}  // namespace bp::cpu
