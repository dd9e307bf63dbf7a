// Products with a stack of matrices w [E, N, K], of which each row of x meets one: experts by index, experts sorted
// before, or a matrix for each head. Rows are sorted by matrix, so that each matrix is read once, and those that no row
// chose not at all. Bound by memory where rows are few, by multiplication where they are many.
#include <algorithm>
#include <cstring>

#include "kernels/elementwise.h"
#include "ops/rows.h"
#include "ops/rows_by_matrix.h"
#include "ops/weight_product.h"

namespace bp::cpu {
namespace {

// Which matrix a row of y is of.
enum class Chosen {
  kByIndex,   // idx [y's rows] says
  kByOffset,  // offsets [E + 1]: rows offsets[e] .. offsets[e + 1] - 1 are of matrix e
  kByPlace,   // x [.., E, K]: its place says
};
struct RowKind {
  Chosen chosen;
  bool gated;  // y = silu(x w^T) * (x w2^T)
};

constexpr int64_t kCacheBytes = 256 * 1024;  // of weights that tile after tile of x is multiplied with
constexpr int64_t kSmallX = 64 * 1024;       // elements of x that one thread packs sooner than two meet

// Slots x, w, [idx or offsets], y; gated: x, w, idx, w2, y.
class StackMatmulOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void* user) override {
    kind_ = *static_cast<const RowKind*>(user);
    gated_fn_ = target.avx512 ? avx512::gated : avx2::gated;
    x_ = region.slot(0);
    const Tensor w = region.slot(1);
    y_slot_ = kind_.gated ? 4 : kind_.chosen == Chosen::kByPlace ? 2 : 3;
    y_ = region.slot(y_slot_);
    if (const char* why = init_weight(product_, w, target); why != nullptr) return why;
    n_matrices_ = w.dim[0];
    if (kind_.chosen != Chosen::kByPlace) chosen_ = region.slot(2);
    if (kind_.chosen == Chosen::kByIndex) {
      if (chosen_.rank < 1 || chosen_.rank > 2) return "idx is of no rank that has rows";
      slots_ = chosen_.rank == 2 && x_.rank == 2 ? chosen_.dim[1] : 1;
      if (chosen_.rank == 2 && !chosen_.is_static(1)) return "the slots of a row are dynamic";
    }
    if (max_rows() > kMostRows) return "more rows than 32 bits count";
    if (!kind_.gated) return nullptr;
    const Tensor up = region.slot(3);
    if (const char* why = init_weight(up_, up, target); why != nullptr) return why;
    return up.dim[0] == n_matrices_ && up_.n() == product_.n() && up_.takes_x_of(product_) ? nullptr
                                                                                           : "the two weights differ";
  }

  uint64_t ws_bytes() const override {
    return RowsByMatrix::ws_bytes(max_rows(), n_matrices_) +
           static_cast<uint64_t>(std::max<int64_t>(max_rows(), 1) * product_.x_row_bytes());
  }

  void run(const OpRun& run) const override {
    const int64_t n_rows = y_.rows(run.dyn);
    if (n_rows <= 0) return;
    RowsByMatrix sorted(run.ws, max_rows(), n_matrices_);
    sort(run, n_rows, sorted);
    if (sorted.n_rows() < n_rows)
      std::memset(run.args[y_slot_], 0, static_cast<size_t>(n_rows * product_.n()) * sizeof(float));
    if (sorted.n_rows() == 0) return;
    std::byte* packed = run.ws + RowsByMatrix::ws_bytes(max_rows(), n_matrices_);
    pack_x(run, sorted, packed);
    multiply(run, sorted, packed);
  }

 private:
  static constexpr int64_t kMostRows = int64_t{1} << 30;

  const char* init_weight(WeightProduct& product, const Tensor& w, const OpTarget& target) const {
    if (w.rank != 3 || !w.is_static(0) || !w.is_static(1) || !w.is_static(2)) return "w is no stack of fixed size";
    if (w.dim[2] != x_.columns()) return "w and x differ in K";
    if (w.layout == 0) return "w is not packed";
    return product.init(w.dtype, w.dim[1], w.dim[2], target);
  }

  int64_t max_rows() const { return y_.bounds(0, y_.rank - 1); }

  void sort(const OpRun& run, int64_t n_rows, RowsByMatrix& sorted) const {
    const int64_t tile_rows = product_.max_rows();
    const auto* chosen = kind_.chosen == Chosen::kByPlace ? nullptr : run.arg<const int32_t>(2);
    if (kind_.chosen == Chosen::kByIndex) {
      sorted.sort(n_rows, tile_rows, [&](int64_t row) { return int64_t{chosen[row]}; });
    } else if (kind_.chosen == Chosen::kByPlace) {
      sorted.sort(n_rows, tile_rows, [&](int64_t row) { return row % n_matrices_; });
    } else {
      const auto* end = chosen + n_matrices_ + 1;
      sorted.sort(n_rows, tile_rows,
                  [&](int64_t row) { return std::upper_bound(chosen, end, static_cast<int32_t>(row)) - chosen - 1; });
    }
  }

  // The rows of x are those of y, or each serves all slots of its token.
  void pack_x(const OpRun& run, const RowsByMatrix& sorted, std::byte* packed) const {
    const auto pack = [&](int64_t i) {
      const RowsByMatrix::Tile& tile = sorted.tiles()[static_cast<size_t>(i)];
      alignas(64) int32_t index[WeightProduct::kMaxTileRows];
      for (int32_t r = 0; r < tile.count; ++r) index[r] = sorted.rows()[tile.begin + r] / static_cast<int32_t>(slots_);
      product_.pack_x({run.arg<const float>(0), index, product_.k(), tile.count},
                      packed + tile.begin * product_.x_row_bytes());
    };
    const auto n = static_cast<int64_t>(sorted.tiles().size());
    if (sorted.n_rows() * product_.k() >= kSmallX) return run.team->parallel_for(n, pack);
    for (int64_t i = 0; i < n; ++i) pack(i);
  }

  void multiply(const OpRun& run, const RowsByMatrix& sorted, const std::byte* packed) const {
    const auto n_used = static_cast<int64_t>(sorted.used().size());
    const int64_t n_groups = product_.n_groups();
    const int64_t even = (n_used * n_groups + 4 * run.team->size() - 1) / (4 * run.team->size());
    const int64_t cached = std::max<int64_t>(kCacheBytes / (product_.group_bytes() * (kind_.gated ? 2 : 1)), 1);
    const bool single = static_cast<int64_t>(sorted.tiles().size()) == n_used;
    const int64_t block = std::min(single ? even : std::min(even, cached), n_groups);
    const int64_t n_blocks = (n_groups + block - 1) / block;
    const auto work = [&](int64_t i, int64_t) {
      const int64_t first = i % n_blocks * block;
      multiply_groups(run, sorted, sorted.used()[static_cast<size_t>(i / n_blocks)], packed, first,
                      std::min(first + block, n_groups));
    };
    if (sorted.n_rows() * product_.n() * product_.k() >= 16 * kSmallWork)
      return run.team->parallel_for_dynamic(n_used * n_blocks, work);
    for (int64_t i = 0; i < n_used * n_blocks; ++i) work(i, 0);
  }

  // All tiles of a matrix with groups [begin, end) of it.
  void multiply_groups(const OpRun& run, const RowsByMatrix& sorted, const RowsByMatrix::Used& used,
                       const std::byte* packed, int64_t begin, int64_t end) const {
    alignas(64) float product[WeightProduct::kMaxTileRows * kGroupRows];
    const std::byte* w = run.args[1] + used.matrix * product_.matrix_bytes();
    for (int32_t t = used.first_tile; t < used.first_tile + used.n_tiles; ++t) {
      const RowsByMatrix::Tile& tile = sorted.tiles()[static_cast<size_t>(t)];
      const std::byte* x = packed + tile.begin * product_.x_row_bytes();
      for (int64_t group = begin; group < end; ++group) {
        product_.tile(w + group * product_.group_bytes(), tile.count, x, product);
        if (kind_.gated)
          gate(run.args[3] + used.matrix * up_.matrix_bytes() + group * up_.group_bytes(), tile.count, x, product);
        store(run, sorted.rows() + tile.begin, tile.count, group * kGroupRows, product);
      }
    }
  }

  void gate(const std::byte* group, int64_t rows, const std::byte* x, float* product) const {
    alignas(64) float up[WeightProduct::kMaxTileRows * kGroupRows];
    up_.tile(group, rows, x, up);
    gated_fn_(Gate::kSilu, product, up, product, 0, rows * kGroupRows);
  }

  void store(const OpRun& run, const int32_t* rows, int64_t n_rows, int64_t column, const float* product) const {
    const int64_t n = product_.n();
    const auto bytes = static_cast<size_t>(std::min(kGroupRows, n - column)) * sizeof(float);
    float* y = run.arg<float>(y_slot_) + column;
    for (int64_t r = 0; r < n_rows; ++r) std::memcpy(y + rows[r] * n, product + r * kGroupRows, bytes);
  }

  RowKind kind_{};
  Tensor x_, y_, chosen_;
  WeightProduct product_, up_;
  decltype(&avx2::gated) gated_fn_ = nullptr;
  int64_t n_matrices_ = 0;
  int64_t slots_ = 1;  // rows of y that a row of x serves
  uint32_t y_slot_ = 0;
};

constexpr RowKind kIndexed = {Chosen::kByIndex, false};
constexpr RowKind kIndexedGated = {Chosen::kByIndex, true};
constexpr RowKind kGrouped = {Chosen::kByOffset, false};
constexpr RowKind kBatched = {Chosen::kByPlace, false};

constexpr bp_kernel kRows[] = {
    row<StackMatmulOp>({.id = "cpu.matmul_indexed",
                        .pattern = "(matmul_indexed ?x ?w ?idx)",
                        .where = "dtype(x)=f32; dtype(w)=" BP_CPU_WEIGHTS,
                        .user = &kIndexed,
                        .layouts = "w=cpu.r16@1",
                        .numerics = kMatmulNumerics}),
    row<StackMatmulOp>({.id = "cpu.matmul_indexed_silu_mul",
                        .pattern = "(mul (silu (matmul_indexed ?x ?wg ?idx)) (matmul_indexed ?x ?wu ?idx))",
                        .where = "dtype(x)=f32; dtype(wg)=" BP_CPU_WEIGHTS "; dtype(wu)=" BP_CPU_WEIGHTS,
                        .user = &kIndexedGated,
                        .layouts = "wg=cpu.r16@1; wu=cpu.r16@1",
                        .numerics = kMatmulNumerics}),
    row<StackMatmulOp>({.id = "cpu.matmul_grouped",
                        .pattern = "(matmul_grouped ?x ?w ?offsets)",
                        .where = "dtype(x)=f32; dtype(w)=" BP_CPU_WEIGHTS,
                        .user = &kGrouped,
                        .layouts = "w=cpu.r16@1",
                        .numerics = kMatmulNumerics}),
    row<StackMatmulOp>({.id = "cpu.matmul_batched",
                        .pattern = "(matmul_batched ?x ?w)",
                        .where = "dtype(x)=f32; dtype(w)=" BP_CPU_WEIGHTS,
                        .user = &kBatched,
                        .layouts = "w=cpu.r16@1",
                        .numerics = kMatmulNumerics})};

}  // namespace

std::span<const bp_kernel> matmul_stack_rows() { return kRows; }

}  // namespace bp::cpu
