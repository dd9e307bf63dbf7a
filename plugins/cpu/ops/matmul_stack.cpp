// Products with a stack of matrices w [E, N, K], of which each row of x meets one: experts by index, experts sorted
// before, or a matrix for each head; also with one matrix, or a stack, whose scales are operands of the op dequant.
// Rows are sorted by matrix, so that each matrix is read once, and those that no row chose not at all. Bound by memory
// where rows are few, by multiplication where they are many.
#include <algorithm>
#include <cstring>

#include "kernels/elementwise.h"
#include "ops/rows.h"
#include "ops/rows_by_matrix.h"
#include "ops/scale_panels.h"
#include "ops/weight_product.h"

namespace bp::cpu {
namespace {

// Which matrix a row of y is of.
enum class Chosen : uint8_t {
  kByIndex,   // idx [y's rows] says
  kByOffset,  // offsets [E + 1]: rows offsets[e] .. offsets[e + 1] - 1 are of matrix e
  kByPlace,   // x [.., E, K]: its place says
  kOne,       // there is one matrix
};
constexpr uint32_t kNoSlot = 0xffffffff;
// Slots; x and w are 0 and 1.
struct RowKind {
  Chosen chosen;
  uint32_t chosen_slot;  // idx or offsets
  uint32_t up_slot;      // w2 of y = silu(x w^T) * (x w2^T)
  uint32_t scales_slot;  // of a dequant, then zeros and perm; w is [E N, K] then
  uint32_t y_slot;
};

constexpr int64_t kCacheBytes = 256 * 1024;  // of weights that tile after tile of x is multiplied with
constexpr int64_t kSmallX = 64 * 1024;       // elements of x that one thread packs sooner than two meet

constexpr int64_t kPanelGroups = 8;  // whose scales a thread spreads before it multiplies with them

class StackMatmulOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void* user) override {
    kind_ = *static_cast<const RowKind*>(user);
    gated_fn_ = target.avx512 ? avx512::gated : avx2::gated;
    n_threads_ = target.n_threads;
    x_ = region.slot(0);
    y_ = region.slot(kind_.y_slot);
    if (x_.columns() <= 0 || y_.columns() <= 0) return "the rows of x or y are empty or dynamic";
    if (const char* why = init_weight(product_, region.slot(1), target); why != nullptr) return why;
    if (const char* why = init_chosen(region); why != nullptr) return why;
    if (max_rows() > kMostRows) return "more rows than 32 bits count";
    if (apart()) return init_scales(region, target);
    if (kind_.up_slot == kNoSlot) return nullptr;
    const Tensor up = region.slot(kind_.up_slot);
    if (const char* why = init_weight(up_, up, target); why != nullptr) return why;
    return up.dim[0] == n_matrices_ && up_.takes_x_of(product_) ? nullptr : "the two weights differ";
  }

  uint64_t ws_bytes() const override { return permuted_at() + permuted_bytes(); }

  void run(const OpRun& run) const override {
    const int64_t n_rows = y_.rows(run.dyn);
    if (n_rows <= 0) return;
    const WeightProduct::Way& way = product_.way(n_rows / std::min(n_rows, n_matrices_));
    RowsByMatrix sorted(run.ws, max_rows(), n_matrices_);
    sort(run, n_rows, way.tile_rows, sorted);
    if (sorted.n_rows() < n_rows)
      std::memset(run.args[kind_.y_slot], 0, static_cast<size_t>(n_rows * product_.n()) * sizeof(float));
    if (sorted.n_rows() == 0) return;
    pack_x(run, way, sorted, permuted_ ? permute_x(run) : run.arg<const float>(0));
    multiply(run, way, sorted);
  }

 private:
  static constexpr int64_t kMostRows = int64_t{1} << 30;

  bool apart() const { return kind_.scales_slot != kNoSlot; }

  // [E, N, K], or where it is scaled apart [E N, K].
  const char* init_weight(WeightProduct& product, const Tensor& w, const OpTarget& target) {
    const uint32_t rank = apart() ? 2 : 3;
    if (w.rank != rank || !w.is_static(0) || !w.is_static(1) || !w.is_static(rank - 1))
      return "w is no stack of fixed size";
    const int64_t n = apart() ? y_.columns() : w.dim[1];
    if (w.dim[rank - 1] != x_.columns() || n != y_.columns()) return "w differs from x in K or from y in N";
    if (w.dim[0] % n != 0 && apart()) return "w is no whole number of matrices";
    n_matrices_ = apart() ? w.dim[0] / n : w.dim[0];
    if (apart() && n_matrices_ > 1 && n % kGroupRows != 0) return "N of a stack in one matrix is no multiple of 16";
    if (w.layout == 0) return "w is not packed";
    return product.init(w.dtype, n, x_.columns(), target);
  }

  const char* init_chosen(const RegionView& region) {
    if (kind_.chosen == Chosen::kOne) return n_matrices_ == 1 ? nullptr : "w is a stack";
    if (kind_.chosen != Chosen::kByIndex) return nullptr;
    const Tensor idx = region.slot(kind_.chosen_slot);
    if (idx.rank < 1 || idx.rank > 2 || (idx.rank == 2 && !idx.is_static(1))) return "the slots of a row are dynamic";
    slots_ = idx.rank == 2 && x_.rank == 2 ? idx.dim[1] : 1;
    return slots_ > 0 ? nullptr : "idx has no slots";
  }

  const char* init_scales(const RegionView& region, const OpTarget& target) {
    const Tensor perm = region.slot(kind_.scales_slot + 2);
    permuted_ = perm.present;
    if (permuted_ && (perm.rank != 1 || perm.columns() != product_.k())) return "perm has another length than K";
    return scales_.init(region, 0, kind_.scales_slot, target);
  }

  // The workspace: rows by matrix, packed x, for each thread scales and an unpacked group of each weight, permuted x.
  uint64_t packed_at() const { return RowsByMatrix::ws_bytes(max_rows(), n_matrices_); }
  uint64_t threads_at() const { return packed_at() + product_.x_bytes(std::max<int64_t>(max_rows(), 1), n_matrices_); }
  int64_t scales_bytes() const {
    const int64_t floats = kPanelGroups * scales_.panel_floats() + scales_.scratch_floats();
    return apart() ? (floats * static_cast<int64_t>(sizeof(float)) + 63) / 64 * 64 : 0;
  }
  int64_t thread_bytes() const {
    return scales_bytes() + product_.scratch_bytes() + (kind_.up_slot != kNoSlot ? up_.scratch_bytes() : 0);
  }
  uint64_t permuted_at() const { return threads_at() + static_cast<uint64_t>(n_threads_ * thread_bytes()); }
  uint64_t permuted_bytes() const {
    return permuted_ ? static_cast<uint64_t>(x_.bounds(0, x_.rank)) * sizeof(float) : 0;
  }

  int64_t max_rows() const { return y_.bounds(0, y_.rank - 1); }

  void sort(const OpRun& run, int64_t n_rows, int64_t tile_rows, RowsByMatrix& sorted) const {
    const auto* chosen = kind_.chosen_slot == kNoSlot ? nullptr : run.arg<const int32_t>(kind_.chosen_slot);
    if (kind_.chosen == Chosen::kByIndex) {
      sorted.sort(n_rows, tile_rows, [&](int64_t row) { return int64_t{chosen[row]}; });
    } else if (kind_.chosen != Chosen::kByOffset) {
      sorted.sort(n_rows, tile_rows, [&](int64_t row) { return row % n_matrices_; });
    } else {
      const auto* end = chosen + n_matrices_ + 1;
      sorted.sort(n_rows, tile_rows,
                  [&](int64_t row) { return std::upper_bound(chosen, end, static_cast<int32_t>(row)) - chosen - 1; });
    }
  }

  // y[n] = Σ_k x[k] w[n, perm[k]] = Σ_p w[n, p] (Σ of x[k] with perm[k] = p)
  const float* permute_x(const OpRun& run) const {
    const auto* x = run.arg<const float>(0);
    const auto* perm = run.arg<const int32_t>(kind_.scales_slot + 2);
    auto* out = reinterpret_cast<float*>(run.ws + permuted_at());
    const int64_t k = product_.k();
    for_ranges(run, x_.rows(run.dyn), k, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        float* y = out + row * k;
        std::memset(y, 0, static_cast<size_t>(k) * sizeof(float));
        for (int64_t i = 0; i < k; ++i) {
          if (perm[i] >= 0 && perm[i] < k) y[perm[i]] += x[row * k + i];
        }
      }
    });
    return out;
  }

  // The rows of x are those of y, or each serves all slots of its token.
  void pack_x(const OpRun& run, const WeightProduct::Way& way, const RowsByMatrix& sorted, const float* x) const {
    const auto pack = [&](int64_t i) {
      const RowsByMatrix::Tile& tile = sorted.tiles()[static_cast<size_t>(i)];
      alignas(64) int32_t index[WeightProduct::kMaxTileRows];
      for (int32_t r = 0; r < tile.count; ++r) index[r] = sorted.rows()[tile.begin + r] / static_cast<int32_t>(slots_);
      product_.pack_x(way, {x, index, product_.k(), tile.count}, run.ws + packed_at() + i * way.tile_bytes);
    };
    const auto n = static_cast<int64_t>(sorted.tiles().size());
    if (sorted.n_rows() * product_.k() >= kSmallX) return run.team->parallel_for(n, pack);
    for (int64_t i = 0; i < n; ++i) pack(i);
  }

  void multiply(const OpRun& run, const WeightProduct::Way& way, const RowsByMatrix& sorted) const {
    const auto n_used = static_cast<int64_t>(sorted.used().size());
    const int64_t n_groups = product_.n_groups();
    const int64_t even = (n_used * n_groups + 4 * run.team->size() - 1) / (4 * run.team->size());
    const int64_t cached =
        std::max<int64_t>(kCacheBytes / (product_.group_bytes() * (kind_.up_slot != kNoSlot ? 2 : 1)), 1);
    const bool single = static_cast<int64_t>(sorted.tiles().size()) == n_used;
    const int64_t block = std::min(single ? even : std::min(even, cached), n_groups);
    const int64_t n_blocks = (n_groups + block - 1) / block;
    const auto work = [&](int64_t i, int64_t thread) {
      const RowsByMatrix::Used& used = sorted.used()[static_cast<size_t>(i / n_blocks)];
      const int64_t end = std::min((i % n_blocks + 1) * block, n_groups);
      const int64_t step = apart() ? kPanelGroups : block;
      for (int64_t group = i % n_blocks * block; group < end; group += step)
        multiply_groups(run, way, {sorted, used, thread, group, std::min(group + step, end)});
    };
    if (sorted.n_rows() * product_.n() * product_.k() >= 16 * kSmallWork)
      return run.team->parallel_for_dynamic(n_used * n_blocks, work);
    for (int64_t i = 0; i < n_used * n_blocks; ++i) work(i, 0);
  }

  // All tiles of a matrix with some groups of it.
  struct Share {
    const RowsByMatrix& sorted;
    const RowsByMatrix::Used& used;
    int64_t thread;
    int64_t group_begin, group_end;
  };

  void multiply_groups(const OpRun& run, const WeightProduct::Way& way, const Share& share) const {
    alignas(64) float product[WeightProduct::kMaxTileRows * kGroupRows];
    const int64_t matrix = share.used.matrix;
    const int64_t n_tiles = share.used.n_tiles;
    std::byte* scratch = run.ws + threads_at() + share.thread * thread_bytes() + scales_bytes();
    const float* panels = apart() ? spread_scales(run, share) : nullptr;
    for (int64_t begin = 0; begin < n_tiles; begin += way.chunk_tiles) {
      for (int64_t group = share.group_begin; group < share.group_end; ++group) {
        WeightProduct::Panel panel;
        if (panels != nullptr)
          panel = {panels + (group - share.group_begin) * scales_.panel_floats(), scales_.block_k()};
        const auto at = [&](uint32_t slot, const WeightProduct& p) {
          return run.args[slot] + matrix * p.matrix_bytes() + group * p.group_bytes();
        };
        const std::byte* w = product_.prepare(way, at(1, product_), panel, scratch);
        const std::byte* up = nullptr;
        if (kind_.up_slot != kNoSlot)
          up = up_.prepare(up_.way_like(way), at(kind_.up_slot, up_), {}, scratch + product_.scratch_bytes());
        for (int64_t t = begin; t < std::min(begin + way.chunk_tiles, n_tiles); ++t) {
          const int64_t at_tile = share.used.first_tile + t;
          const RowsByMatrix::Tile& tile = share.sorted.tiles()[static_cast<size_t>(at_tile)];
          const std::byte* x = run.ws + packed_at() + at_tile * way.tile_bytes;
          product_.multiply(way, {w, x, tile.count}, panel, product);
          if (up != nullptr) gate(up_.way_like(way), {up, x, tile.count}, product);
          store(run, share.sorted.rows() + tile.begin, tile.count, group * kGroupRows, product);
        }
      }
    }
  }

  const float* spread_scales(const OpRun& run, const Share& share) const {
    auto* out = reinterpret_cast<float*>(run.ws + threads_at() + share.thread * thread_bytes());
    float* scratch = out + kPanelGroups * scales_.panel_floats();
    for (int64_t group = share.group_begin; group < share.group_end; ++group) {
      const int64_t row = group * kGroupRows;
      scales_.fill(run, share.used.matrix * product_.n() + row, std::min(kGroupRows, product_.n() - row),
                   out + (group - share.group_begin) * scales_.panel_floats(), scratch);
    }
    return out;
  }

  void gate(const WeightProduct::Way& way, const WeightProduct::Tile& tile, float* product) const {
    alignas(64) float up[WeightProduct::kMaxTileRows * kGroupRows];
    up_.multiply(way, tile, {}, up);
    gated_fn_(Gate::kSilu, product, up, product, 0, tile.rows * kGroupRows);
  }

  void store(const OpRun& run, const int32_t* rows, int64_t n_rows, int64_t column, const float* product) const {
    const int64_t n = product_.n();
    const auto bytes = static_cast<size_t>(std::min(kGroupRows, n - column)) * sizeof(float);
    float* y = run.arg<float>(kind_.y_slot) + column;
    for (int64_t r = 0; r < n_rows; ++r) std::memcpy(y + rows[r] * n, product + r * kGroupRows, bytes);
  }

  RowKind kind_{};
  Tensor x_, y_;
  WeightProduct product_, up_;
  ScalePanels scales_;
  decltype(&avx2::gated) gated_fn_ = nullptr;
  int64_t n_matrices_ = 0;
  int64_t slots_ = 1;  // rows of y that a row of x serves
  int64_t n_threads_ = 1;
  bool permuted_ = false;
};

constexpr RowKind kIndexed = {Chosen::kByIndex, 2, kNoSlot, kNoSlot, 3};
constexpr RowKind kIndexedGated = {Chosen::kByIndex, 2, 3, kNoSlot, 4};
constexpr RowKind kGrouped = {Chosen::kByOffset, 2, kNoSlot, kNoSlot, 3};
constexpr RowKind kBatched = {Chosen::kByPlace, kNoSlot, kNoSlot, kNoSlot, 2};
constexpr RowKind kDequant = {Chosen::kOne, kNoSlot, kNoSlot, 2, 5};
constexpr RowKind kIndexedDequant = {Chosen::kByIndex, 5, kNoSlot, 2, 6};

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
                        .numerics = kMatmulNumerics}),
    row<StackMatmulOp>({.id = "cpu.matmul_dequant",
                        .pattern = "(matmul ?x (dequant ?w ?scales ?zeros* ?perm*))",
                        .where = "dtype(x)=f32; dtype(w)=" BP_CPU_SCALED_APART,
                        .user = &kDequant,
                        .layouts = "w=cpu.r16@1",
                        .numerics = kMatmulNumerics}),
    row<StackMatmulOp>({.id = "cpu.matmul_indexed_dequant",
                        .pattern = "(matmul_indexed ?x (reshape (dequant ?w ?scales ?zeros* ?perm*)) ?idx)",
                        .where = "dtype(x)=f32; dtype(w)=" BP_CPU_SCALED_APART,
                        .user = &kIndexedDequant,
                        .layouts = "w=cpu.r16@1",
                        .numerics = kMatmulNumerics})};

}  // namespace

std::span<const bp_kernel> matmul_stack_rows() { return kRows; }

}  // namespace bp::cpu
