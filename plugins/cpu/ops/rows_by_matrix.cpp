#include "ops/rows_by_matrix.h"

#include <algorithm>

namespace bp::cpu {
namespace {

// Places arrays one after another, each on a line of its own.
class Carver {
 public:
  explicit Carver(std::byte* begin) : begin_(begin) {}
  template <class T>
  T* take(int64_t count) {
    std::byte* at = begin_ + used_;
    used_ += (static_cast<uint64_t>(count) * sizeof(T) + 63) / 64 * 64;
    return reinterpret_cast<T*>(at);
  }
  uint64_t used() const { return used_; }

 private:
  std::byte* begin_;
  uint64_t used_ = 0;
};

}  // namespace

uint64_t RowsByMatrix::ws_bytes(int64_t max_rows, int64_t n_matrices) {
  Carver carver(nullptr);
  carver.take<int32_t>(max_rows);
  carver.take<int32_t>(n_matrices + 1);
  carver.take<Tile>(max_rows);
  carver.take<Used>(std::min(max_rows, n_matrices));
  return carver.used();
}

RowsByMatrix::RowsByMatrix(std::byte* ws, int64_t max_rows, int64_t n_matrices) : n_matrices_(n_matrices) {
  Carver carver(ws);
  rows_ = carver.take<int32_t>(max_rows);
  begin_ = carver.take<int32_t>(n_matrices + 1);
  tiles_ = carver.take<Tile>(max_rows);
  used_ = carver.take<Used>(std::min(max_rows, n_matrices));
}

void RowsByMatrix::clear() {
  std::fill(begin_, begin_ + n_matrices_ + 1, 0);
  n_rows_ = n_tiles_ = n_used_ = 0;
}

// begin_[m] is where the rows of m end.
void RowsByMatrix::cut(int64_t tile_rows) {
  for (int64_t m = 0; m < n_matrices_; ++m) {
    const int64_t begin = n_rows_;
    const int64_t count = begin_[m] - begin;
    if (count <= 0) continue;
    const int64_t n_tiles = (count + tile_rows - 1) / tile_rows;
    used_[n_used_++] = {static_cast<int32_t>(m), static_cast<int32_t>(n_tiles_), static_cast<int32_t>(n_tiles)};
    for (int64_t t = 0; t < n_tiles; ++t) {
      const int64_t first = count * t / n_tiles;
      const int64_t last = count * (t + 1) / n_tiles;
      tiles_[n_tiles_++] = {static_cast<int32_t>(begin + first), static_cast<int32_t>(last - first)};
    }
    n_rows_ = begin_[m];
  }
}

}  // namespace bp::cpu
