#include <algorithm>
#include <cstring>

#include "kernels/elementwise.h"
#include "kernels/matmul_choice.h"
#include "ops/rows.h"
#include "weight_layout.h"

namespace bp::cpu {
namespace {

enum class Fused { kNone, kBias, kResidual, kSwiglu };
struct RowKind {
  WeightFormat format;
  Fused fused;
};

constexpr int64_t kMaxTileRows = 16;
// Below this K activations keep the precision of 16 bits: such models are small, feel each rounding, and wait for
// memory anyhow.
constexpr int64_t kFineBelowK = 2048;
constexpr int64_t kCacheBytes = 256 * 1024;  // of weights that tile after tile of x is multiplied with
constexpr int64_t kSmallX = 64 * 1024;       // elements of x that one thread packs sooner than two meet

// Rows of x in tiles of nearly equal size.
struct Tiles {
  int64_t rows;
  int64_t count;
  int64_t begin(int64_t tile) const { return rows * tile / count; }
  int64_t size(int64_t tile) const { return begin(tile + 1) - begin(tile); }
};

// Work in pieces of some weight groups times some tiles.
struct Pieces {
  int64_t n_groups;
  int64_t group_block;  // groups in a piece
  int64_t n_blocks;
  int64_t tile_splits;
  int64_t count() const { return n_blocks * tile_splits; }
};

struct Piece {
  int64_t group_begin, group_end, tile_begin, tile_end;
};

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// y = x * w^T [+ b], or silu(x * w^T) * (x * w2^T): x [.., K] f32, w [N, K] packed, b [N] or as y, y [.., N] f32.
class MatmulOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void* user) override {
    kind_ = *static_cast<const RowKind*>(user);
    kernel_ = &matmul_kernel(kind_.format, target.isa);
    gated_ = target.avx512 ? avx512::gated : avx2::gated;
    x_ = region.slot(0);
    const Tensor w = region.slot(1);
    k_ = x_.columns();
    if (x_.rank < 1 || k_ <= 0) return "the rows of x are empty or dynamic";
    if (const char* why = check_weight(w); why != nullptr) return why;
    n_ = w.dim[0];
    out_slot_ = kind_.fused == Fused::kNone ? 2 : 3;
    group_bytes_ = static_cast<int64_t>(group_bytes(kind_.format, k_));
    if (group_bytes_ == 0) return "K is not a multiple of 32";
    if (kind_.format == WeightFormat::kBf16 && k_ < kFineBelowK) {
      kernel_ = &matmul_kernel(kind_.format, std::min(target.isa, IsaLevel::kAvx512Vnni));  // x stays f32
    }
    const bool quantised = kernel_->x_format != XFormat::kF32 && kernel_->x_format != XFormat::kBf16;
    parts_ = quantised && k_ < kFineBelowK ? 2 : 1;
    x_row_bytes_ = x_row_bytes(kernel_->x_format, k_) * parts_;
    return check_third(region.slot(2), region.slot(out_slot_));
  }

  uint64_t ws_bytes() const override {
    return static_cast<uint64_t>(std::max<int64_t>(x_.bounds(0, x_.rank - 1), 1) * x_row_bytes_);
  }

  void run(const OpRun& run) const override {
    const int64_t rows = x_.rows(run.dyn);
    if (rows <= 0) return;
    const Tiles tiles{rows, divide_up(rows, kernel_->max_rows / parts_)};
    const bool small = rows * n_ * k_ < 16 * kSmallWork;
    pack_x(run, tiles);
    const Pieces pieces = divide(tiles, run.team->size());
    const auto work = [&](int64_t i, int64_t) { multiply(run, tiles, piece(pieces, tiles, i)); };
    if (!small) return run.team->parallel_for_dynamic(pieces.count(), work);
    for (int64_t i = 0; i < pieces.count(); ++i) work(i, 0);
  }

 private:
  const char* check_weight(const Tensor& w) const {
    if (w.rank != 2 || !w.is_static(0) || !w.is_static(1)) return "w is no matrix of fixed size";
    if (w.dim[1] != k_) return "w and x differ in K";
    return w.layout == 0 ? "w is not packed" : nullptr;
  }

  const char* check_third(const Tensor& third, const Tensor& y) const {
    if (kind_.fused == Fused::kSwiglu) {
      if (const char* why = check_weight(third); why != nullptr) return why;
      return third.dim[0] == n_ ? nullptr : "the two weights differ in N";
    }
    if (kind_.fused == Fused::kBias) return third.columns() == n_ ? nullptr : "the bias has not N elements";
    if (kind_.fused == Fused::kNone) return nullptr;
    if (third.rank != y.rank || y.rank != x_.rank) return "the summand has another shape than the result";
    for (uint32_t i = 0; i < y.rank; ++i) {
      if (third.dim[i] != y.dim[i] || third.sym[i] != y.sym[i]) return "the summand has another shape than the result";
    }
    return y.columns() == n_ ? nullptr : "the summand has another shape than the product";
  }

  void pack_x(const OpRun& run, const Tiles& tiles) const {
    const auto* x = run.arg<const float>(0);
    const auto pack = [&](int64_t tile) {
      const int64_t row = tiles.begin(tile);
      kernel_->pack_x({x + row * k_, tiles.size(tile), k_, kernel_->x_format, run.ws + row * x_row_bytes_, parts_});
    };
    if (tiles.rows * k_ >= kSmallX) return run.team->parallel_for(tiles.count, pack);
    for (int64_t tile = 0; tile < tiles.count; ++tile) pack(tile);
  }

  Pieces divide(const Tiles& tiles, int64_t n_threads) const {
    const int64_t n_groups = divide_up(n_, kGroupRows);
    const int64_t n_weights = kind_.fused == Fused::kSwiglu ? 2 : 1;
    const int64_t even = divide_up(n_groups, 4 * n_threads);
    const int64_t cached = std::max<int64_t>(kCacheBytes / (group_bytes_ * n_weights), 1);
    const int64_t block = tiles.count == 1 ? even : std::min(even, cached);
    const int64_t n_blocks = divide_up(n_groups, block);
    const int64_t splits = std::clamp<int64_t>(4 * n_threads / n_blocks, 1, tiles.count);
    return {n_groups, block, n_blocks, splits};
  }

  static Piece piece(const Pieces& p, const Tiles& tiles, int64_t i) {
    const int64_t block = i / p.tile_splits;
    const int64_t split = i % p.tile_splits;
    return {block * p.group_block, std::min((block + 1) * p.group_block, p.n_groups),
            tiles.count * split / p.tile_splits, tiles.count * (split + 1) / p.tile_splits};
  }

  void multiply(const OpRun& run, const Tiles& tiles, const Piece& piece) const {
    alignas(64) float product[kMaxTileRows * kGroupRows];
    for (int64_t tile = piece.tile_begin; tile < piece.tile_end; ++tile) {
      const int64_t rows = tiles.size(tile);
      const std::byte* x = run.ws + tiles.begin(tile) * x_row_bytes_;
      for (int64_t group = piece.group_begin; group < piece.group_end; ++group) {
        tile_product(run.args[1], group, rows, x, product);
        if (kind_.fused == Fused::kSwiglu) gate(run, group, rows, x, product);
        store(run, tiles.begin(tile), rows, group * kGroupRows, product);
      }
    }
  }

  void tile_product(const std::byte* w, int64_t group, int64_t rows, const std::byte* x, float* product) const {
    kernel_->tile[rows * parts_ - 1]({w + group * group_bytes_, x, k_, product});
    if (parts_ == 1) return;
    for (int64_t i = 0; i < rows * kGroupRows; ++i) product[i] += product[rows * kGroupRows + i];
  }

  void gate(const OpRun& run, int64_t group, int64_t rows, const std::byte* x, float* product) const {
    alignas(64) float up[kMaxTileRows * kGroupRows];
    tile_product(run.args[2], group, rows, x, up);
    gated_(Gate::kSilu, product, up, product, 0, rows * kGroupRows);
  }

  void store(const OpRun& run, int64_t row0, int64_t rows, int64_t column, const float* product) const {
    const int64_t n = std::min(kGroupRows, n_ - column);
    float* y = run.arg<float>(out_slot_) + row0 * n_ + column;
    const auto* b = kind_.fused == Fused::kBias || kind_.fused == Fused::kResidual ? run.arg<const float>(2) : nullptr;
    const int64_t b_stride = kind_.fused == Fused::kResidual ? n_ : 0;
    if (b != nullptr) b += row0 * b_stride + column;
    for (int64_t r = 0; r < rows; ++r) {
      if (b == nullptr) {
        std::memcpy(y + r * n_, product + r * kGroupRows, static_cast<size_t>(n) * sizeof(float));
      } else {
        for (int64_t i = 0; i < n; ++i) y[r * n_ + i] = product[r * kGroupRows + i] + b[r * b_stride + i];
      }
    }
  }

  Tensor x_;
  RowKind kind_{};
  const MatmulKernel* kernel_ = nullptr;
  decltype(&avx2::gated) gated_ = nullptr;
  int64_t n_ = 0;
  int64_t k_ = 0;
  int64_t group_bytes_ = 0;
  int64_t x_row_bytes_ = 0;  // all parts
  int64_t parts_ = 1;
  uint32_t out_slot_ = 2;
};

constexpr RowKind kKinds[kWeightFormats][4] = {
#define BP_CPU_KINDS(f)                                                                \
  {                                                                                    \
    {f, Fused::kNone}, {f, Fused::kBias}, {f, Fused::kResidual}, { f, Fused::kSwiglu } \
  }
    BP_CPU_KINDS(WeightFormat::kF32),  BP_CPU_KINDS(WeightFormat::kF16),  BP_CPU_KINDS(WeightFormat::kBf16),
    BP_CPU_KINDS(WeightFormat::kQ8_0), BP_CPU_KINDS(WeightFormat::kQ4_0), BP_CPU_KINDS(WeightFormat::kQ4_1)};
#undef BP_CPU_KINDS

constexpr const RowKind* kind_of(WeightFormat format, Fused fused) {
  return &kKinds[static_cast<int>(format)][static_cast<int>(fused)];
}

#define BP_CPU_ROWS(f, name, numbers)                                                   \
  row<MatmulOp>({.id = "cpu.matmul_" name,                                              \
                 .pattern = "(matmul ?x ?w)",                                           \
                 .where = "dtype(x)=f32; dtype(w)=" name,                               \
                 .user = kind_of(f, Fused::kNone),                                      \
                 .layouts = "w=cpu." name "_r16@1",                                     \
                 .numerics = numbers}),                                                 \
      row<MatmulOp>({.id = "cpu.matmul_bias_" name,                                     \
                     .pattern = "(add (matmul ?x ?w) ?b)",                              \
                     .where = "dtype(x)=f32; dtype(b)=f32; rank(b)=1; dtype(w)=" name,  \
                     .user = kind_of(f, Fused::kBias),                                  \
                     .layouts = "w=cpu." name "_r16@1",                                 \
                     .numerics = numbers}),                                             \
      row<MatmulOp>({.id = "cpu.matmul_add_" name,                                      \
                     .pattern = "(add (matmul ?x ?w) ?b)",                              \
                     .where = "dtype(x)=f32; dtype(b)=f32; rank(b)>=2; dtype(w)=" name, \
                     .alias = "out=b",                                                  \
                     .user = kind_of(f, Fused::kResidual),                              \
                     .layouts = "w=cpu." name "_r16@1",                                 \
                     .numerics = numbers}),                                             \
      row<MatmulOp>({.id = "cpu.matmul_silu_mul_" name,                                 \
                     .pattern = "(mul (silu (matmul ?x ?wg)) (matmul ?x ?wu))",         \
                     .where = "dtype(x)=f32; dtype(wg)=" name "; dtype(wu)=" name,      \
                     .user = kind_of(f, Fused::kSwiglu),                                \
                     .layouts = "wg=cpu." name "_r16@1; wu=cpu." name "_r16@1",         \
                     .numerics = numbers})

constexpr bp_kernel kRows[] = {BP_CPU_ROWS(WeightFormat::kF32, "f32", "cpu.matmul_f32/1"),
                               BP_CPU_ROWS(WeightFormat::kF16, "f16", "cpu.matmul_f16/1"),
                               BP_CPU_ROWS(WeightFormat::kBf16, "bf16", "cpu.matmul_bf16/1"),
                               BP_CPU_ROWS(WeightFormat::kQ8_0, "q8_0", "cpu.matmul_i8/1"),
                               BP_CPU_ROWS(WeightFormat::kQ4_0, "q4_0", "cpu.matmul_i8/1"),
                               BP_CPU_ROWS(WeightFormat::kQ4_1, "q4_1", "cpu.matmul_i8/1")};
#undef BP_CPU_ROWS

}  // namespace

std::span<const bp_kernel> matmul_rows() { return kRows; }

}  // namespace bp::cpu
