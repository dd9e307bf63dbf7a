#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>
#include <new>

#include "kernels/elementwise.h"
#include "ops/tuned_row.h"
#include "ops/weight_product.h"
#include "weight_layout.h"

namespace bp::cpu {
namespace {

enum class Fused { kNone, kBias, kBiasGelu, kResidual, kSwiglu };

// What tuning chooses among, the heuristic's choice first. A row's results have the same bits with all of them.
constexpr int64_t kBlocksPerThread[] = {4, 1, 2, 8,
                                        16};  // pieces of the weights for each thread: fewer meet less often
constexpr int64_t kCacheKb[] = {256, 64, 128, 512, 1024};  // of weights that tile after tile of x is multiplied with
constexpr int64_t kChunkKb[] = {512, 256, 1024, 2048};     // of packed x that stays while groups of weights pass
constexpr int64_t kManyRows[] = {16, 4, 8, 32};            // from here on in the tiles for many rows
constexpr int64_t kFewTileRows[] = {32, 4, 2, 1};          // at most so many rows in a tile for few
constexpr int64_t kAheadBytes[] = {0, 1024, 4096, 8192};   // of the next group that are asked for before this one
enum Tunable : uint8_t { kBlocksAt, kCacheAt, kChunkAt, kManyAt, kFewAt, kAheadAt };

constexpr bp_tunable kTunables[] = {
    tunable("blocks_per_thread", kBlocksPerThread),
    tunable("cache_kb", kCacheKb),
    tunable("chunk_kb", kChunkKb),
    tunable("many_rows", kManyRows),
    tunable("few_tile_rows", kFewTileRows),
    tunable("ahead_bytes", kAheadBytes),
};
constexpr size_t kTunableCount = std::size(kTunables);

constexpr int64_t kSmallX = 64 * 1024;  // elements of x that one thread packs sooner than two meet

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

// y = x * w^T [+ b], gelu(x * w^T + b) or silu(x * w^T) * (x * w2^T): x [.., K] f32, w [N, K] packed, b [N] or as y, y
// [.., N] f32.
class MatmulOp : public Op {
 public:
  void configure(const int64_t* config) override {
    for (size_t i = 0; i < kTunableCount; ++i) config_[i] = config != nullptr ? config[i] : kTunables[i].value[0];
  }

  const char* init(const RegionView& region, const OpTarget& target, const void* user) override {
    fused_ = *static_cast<const Fused*>(user);
    gated_ = target.avx512 ? avx512::gated : avx2::gated;
    unary_ = target.avx512 ? avx512::unary : avx2::unary;
    if (fused_ == Fused::kBiasGelu)
      gelu_ = region.attr_int("tanh", 0, kGeluNode) != 0 ? Unary::kGeluTanh : Unary::kGeluErf;
    n_threads_ = target.n_threads;
    x_ = region.slot(0);
    out_slot_ = fused_ == Fused::kNone ? 2 : 3;
    if (x_.rank < 1 || x_.columns() <= 0) return "the rows of x are empty or dynamic";
    if (const char* why = init_weight(product_, region.slot(1), target); why != nullptr) return why;
    n_ = product_.n();
    k_ = product_.k();
    const Tensor third = region.slot(2);
    if (fused_ != Fused::kSwiglu) return check_added(third, region.slot(out_slot_));
    if (const char* why = init_weight(up_, third, target); why != nullptr) return why;
    return up_.n() == n_ && up_.takes_x_of(product_) ? nullptr : "the two weights differ";
  }

  uint64_t ws_bytes() const override { return scratch_at() + static_cast<uint64_t>(n_threads_ * thread_bytes()); }

  void run(const OpRun& run) const override {
    const int64_t rows = x_.rows(run.dyn);
    if (rows <= 0) return;
    const WeightProduct::Way& way = product_.way(rows);
    const Tiles tiles{rows, divide_up(rows, way.tile_rows)};
    const bool small = rows * n_ * k_ < 16 * kSmallWork;
    pack_x(run, way, tiles);
    const Pieces pieces = divide(tiles, run.team->size());
    const auto work = [&](int64_t i, int64_t thread) { multiply(run, way, tiles, piece(pieces, tiles, i), thread); };
    if (!small) return run.team->parallel_for_dynamic(pieces.count(), work);
    for (int64_t i = 0; i < pieces.count(); ++i) work(i, 0);
  }

 private:
  const char* init_weight(WeightProduct& product, const Tensor& w, const OpTarget& target) const {
    if (w.rank != 2 || !w.is_static(0) || !w.is_static(1)) return "w is no matrix of fixed size";
    if (w.dim[1] != x_.columns()) return "w and x differ in K";
    if (w.layout == 0) return "w is not packed";
    const WeightProduct::Shape shape{config_[kManyAt], config_[kChunkAt] * 1024, config_[kFewAt]};
    return product.init(w.dtype, w.dim[0], w.dim[1], target, shape);
  }

  const char* check_added(const Tensor& b, const Tensor& y) const {
    if (fused_ == Fused::kNone) return nullptr;
    if (has_bias()) return b.columns() == n_ ? nullptr : "the bias has not N elements";
    if (b.rank != y.rank || y.rank != x_.rank) return "the summand has another shape than the result";
    for (uint32_t i = 0; i < y.rank; ++i) {
      if (b.dim[i] != y.dim[i] || b.sym[i] != y.sym[i]) return "the summand has another shape than the result";
    }
    return y.columns() == n_ ? nullptr : "the summand has another shape than the product";
  }

  // The workspace: packed x, and for each thread an unpacked group of each weight.
  uint64_t scratch_at() const { return product_.x_bytes(std::max<int64_t>(x_.bounds(0, x_.rank - 1), 1), 1); }
  int64_t thread_bytes() const {
    return product_.scratch_bytes() + (fused_ == Fused::kSwiglu ? up_.scratch_bytes() : 0);
  }

  void pack_x(const OpRun& run, const WeightProduct::Way& way, const Tiles& tiles) const {
    const auto* x = run.arg<const float>(0);
    const auto pack = [&](int64_t tile) {
      const int64_t row = tiles.begin(tile);
      product_.pack_x(way, {x + row * k_, nullptr, k_, tiles.size(tile)}, run.ws + tile * way.tile_bytes);
    };
    if (tiles.rows * k_ >= kSmallX) return run.team->parallel_for(tiles.count, pack);
    for (int64_t tile = 0; tile < tiles.count; ++tile) pack(tile);
  }

  Pieces divide(const Tiles& tiles, int64_t n_threads) const {
    const int64_t n_groups = product_.n_groups();
    const int64_t n_weights = fused_ == Fused::kSwiglu ? 2 : 1;
    const int64_t wanted = config_[kBlocksAt] * n_threads;
    const int64_t even = divide_up(n_groups, wanted);
    const int64_t cached = std::max<int64_t>(config_[kCacheAt] * 1024 / (product_.group_bytes() * n_weights), 1);
    const int64_t block = tiles.count == 1 ? even : std::min(even, cached);
    const int64_t n_blocks = divide_up(n_groups, block);
    const int64_t splits = std::clamp<int64_t>(wanted / n_blocks, 1, tiles.count);
    return {n_groups, block, n_blocks, splits};
  }

  static Piece piece(const Pieces& p, const Tiles& tiles, int64_t i) {
    const int64_t block = i / p.tile_splits;
    const int64_t split = i % p.tile_splits;
    return {block * p.group_block, std::min((block + 1) * p.group_block, p.n_groups),
            tiles.count * split / p.tile_splits, tiles.count * (split + 1) / p.tile_splits};
  }

  void multiply(const OpRun& run, const WeightProduct::Way& way, const Tiles& tiles, const Piece& piece,
                int64_t thread) const {
    alignas(64) float product[WeightProduct::kMaxTileRows * kGroupRows];
    std::byte* scratch = run.ws + scratch_at() + thread * thread_bytes();
    for (int64_t begin = piece.tile_begin; begin < piece.tile_end; begin += way.chunk_tiles) {
      const int64_t end = std::min(begin + way.chunk_tiles, piece.tile_end);
      for (int64_t group = piece.group_begin; group < piece.group_end; ++group) {
        if (group + 1 < piece.group_end) ask_ahead(run, group + 1);
        const std::byte* w = product_.prepare(way, run.args[1] + group * product_.group_bytes(), {}, scratch);
        const std::byte* up = fused_ == Fused::kSwiglu
                                  ? up_.prepare(up_.way_like(way), run.args[2] + group * up_.group_bytes(), {},
                                                scratch + product_.scratch_bytes())
                                  : nullptr;
        for (int64_t tile = begin; tile < end; ++tile) {
          const std::byte* x = run.ws + tile * way.tile_bytes;
          product_.multiply(way, {w, x, tiles.size(tile)}, {}, product);
          if (up != nullptr) gate(up_.way_like(way), {up, x, tiles.size(tile)}, product);
          store(run, tiles.begin(tile), tiles.size(tile), group * kGroupRows, product);
        }
      }
    }
  }

  // Tiles ask for lines of their own group as they go; its first ones come late.
  void ask_ahead(const OpRun& run, int64_t group) const {
    const int64_t bytes = std::min(config_[kAheadAt], product_.group_bytes());
    const std::byte* w = run.args[1] + group * product_.group_bytes();
    for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(w + i, 0, 2);
  }

  void gate(const WeightProduct::Way& way, const WeightProduct::Tile& tile, float* product) const {
    alignas(64) float up[WeightProduct::kMaxTileRows * kGroupRows];
    up_.multiply(way, tile, {}, up);
    gated_(Gate::kSilu, product, up, product, 0, tile.rows * kGroupRows);
  }

  void store(const OpRun& run, int64_t row0, int64_t rows, int64_t column, const float* product) const {
    const int64_t n = std::min(kGroupRows, n_ - column);
    float* y = run.arg<float>(out_slot_) + row0 * n_ + column;
    const auto* b = has_bias() || fused_ == Fused::kResidual ? run.arg<const float>(2) : nullptr;
    const int64_t b_stride = fused_ == Fused::kResidual ? n_ : 0;
    if (b != nullptr) b += row0 * b_stride + column;
    for (int64_t r = 0; r < rows; ++r) {
      if (b == nullptr) {
        std::memcpy(y + r * n_, product + r * kGroupRows, static_cast<size_t>(n) * sizeof(float));
      } else {
        for (int64_t i = 0; i < n; ++i) y[r * n_ + i] = product[r * kGroupRows + i] + b[r * b_stride + i];
      }
      if (fused_ == Fused::kBiasGelu) unary_(gelu_, {y + r * n_, y + r * n_}, 0, n);
    }
  }

  bool has_bias() const { return fused_ == Fused::kBias || fused_ == Fused::kBiasGelu; }

  static constexpr uint32_t kGeluNode = 2;  // of (gelu (add (matmul …) …)), in pattern order

  int64_t config_[kTunableCount] = {};
  Tensor x_;
  Fused fused_ = Fused::kNone;
  Unary gelu_ = Unary::kGeluErf;
  WeightProduct product_;
  WeightProduct up_;
  decltype(&avx2::gated) gated_ = nullptr;
  decltype(&avx2::unary) unary_ = nullptr;
  int64_t n_ = 0;
  int64_t k_ = 0;
  int64_t n_threads_ = 1;
  uint32_t out_slot_ = 2;
};

constexpr Fused kFused[] = {Fused::kNone, Fused::kBias, Fused::kResidual, Fused::kSwiglu, Fused::kBiasGelu};

constexpr bp_kernel kRows[] = {
    tuned(row<MatmulOp>({.id = "cpu.matmul",
                         .pattern = "(matmul ?x ?w)",
                         .where = "dtype(x)=f32; dtype(w)=" BP_CPU_WEIGHTS,
                         .user = &kFused[0],
                         .layouts = "w=cpu.r16@1",
                         .numerics = kMatmulNumerics}),
          kTunables),
    tuned(row<MatmulOp>({.id = "cpu.matmul_bias",
                         .pattern = "(add (matmul ?x ?w) ?b)",
                         .where = "dtype(x)=f32; dtype(b)=f32; rank(b)=1; dtype(w)=" BP_CPU_WEIGHTS,
                         .user = &kFused[1],
                         .layouts = "w=cpu.r16@1",
                         .numerics = kMatmulNumerics}),
          kTunables),
    tuned(row<MatmulOp>({.id = "cpu.matmul_bias_gelu",
                         .pattern = "(gelu (add (matmul ?x ?w) ?b))",
                         .where = "dtype(x)=f32; dtype(b)=f32; rank(b)=1; dtype(w)=" BP_CPU_WEIGHTS,
                         .user = &kFused[4],
                         .layouts = "w=cpu.r16@1",
                         .numerics = kMatmulNumerics}),
          kTunables),
    tuned(row<MatmulOp>({.id = "cpu.matmul_add",
                         .pattern = "(add (matmul ?x ?w) ?b)",
                         .where = "dtype(x)=f32; dtype(b)=f32; rank(b)>=2; dtype(w)=" BP_CPU_WEIGHTS,
                         .alias = "out=b",
                         .user = &kFused[2],
                         .layouts = "w=cpu.r16@1",
                         .numerics = kMatmulNumerics}),
          kTunables),
    tuned(row<MatmulOp>({.id = "cpu.matmul_silu_mul",
                         .pattern = "(mul (silu (matmul ?x ?wg)) (matmul ?x ?wu))",
                         .where = "dtype(x)=f32; dtype(wg)=" BP_CPU_WEIGHTS "; dtype(wu)=" BP_CPU_WEIGHTS,
                         .user = &kFused[3],
                         .layouts = "wg=cpu.r16@1; wu=cpu.r16@1",
                         .numerics = kMatmulNumerics}),
          kTunables)};

}  // namespace

std::span<const bp_kernel> matmul_rows() { return kRows; }

}  // namespace bp::cpu
