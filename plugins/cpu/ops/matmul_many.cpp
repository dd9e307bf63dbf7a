// matmul of many rows by oneDNN, alone or with a bias or a residual added: f32 weights, and bf16 ones where the
// processor multiplies bf16. Weights are read as the file has them. Slots x, w, out · x, w, b, out. The bits of a row
// depend on how many rows there are, so deterministic engines never take these rows: their guard wants a bucket that
// begins at 64. The last rows of a batch, fewer than a block, are multiplied in a block padded with zeros.
#include <algorithm>
#include <cstring>
#include <iterator>

#include "kernels/convert.h"
#include "one_dnn.h"
#include "ops/rows.h"

namespace bp::cpu {
namespace {

constexpr int64_t kBlocks[] = {512, 256, 128, 64};  // rows of one product, largest first
constexpr size_t kBlockCount = std::size(kBlocks);

class ManyRowsMatmulOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void*) override {
    avx512_ = target.avx512;
    x_ = region.slot(0);
    const Tensor w = region.slot(1);
    added_ = region.n_slots() > 3;
    if (w.rank != 2 || !w.is_static(0) || !w.is_static(1) || w.dim[0] <= 0 || w.dim[1] <= 0)
      return "w is no matrix of fixed size";
    n_ = w.dim[0];
    k_ = w.dim[1];
    if (x_.columns() != k_) return "w and x differ in K";
    if (w.layout != 0) return "w is packed";
    bf16_ = w.dtype == BP_DT_BF16;
    if (bf16_ && target.isa < IsaLevel::kAvx512Bf16) return "the processor does not multiply bf16";
    if (const char* why = init_added(region); why != nullptr) return why;
    return make_products(target);
  }

  uint64_t ws_bytes() const override { return x_bytes() + y_bytes() + scratch_bytes_; }

  void run(const OpRun& run) const override {
    const int64_t m = x_.rows(run.dyn);
    for (int64_t row = 0; row < m;) {
      size_t i = 0;
      while (i + 1 < kBlockCount && (products_[i] == nullptr || row + kBlocks[i] > m)) ++i;
      const int64_t rows = std::min(kBlocks[i], m - row);
      multiply(run, i, row, rows);
      row += rows;
    }
  }

 private:
  const char* init_added(const RegionView& region) {
    if (!added_) return nullptr;
    const Tensor b = region.slot(2);
    bias_ = b.rank == 1 && b.columns() == n_;
    if (bias_) return nullptr;
    return b.rank == 2 && b.columns() == n_ && b.sym[0] == x_.sym[0] && b.dim[0] == x_.dim[0]
               ? nullptr
               : "what is added broadcasts";
  }

  const char* make_products(const OpTarget& target) {
    one_dnn_set_up(target.isa, target.n_threads);
    for (size_t i = 0; i < kBlockCount; ++i) {
      if (kBlocks[i] > x_.bounds(0, x_.rank - 1) && i + 1 < kBlockCount) continue;
      products_[i] = DnnProduct::create({bf16_ ? DnnType::kBf16 : DnnType::kF32, kBlocks[i], n_, k_});
      if (products_[i] == nullptr) return "oneDNN has no such product";
      largest_ = std::max(largest_, kBlocks[i]);
      scratch_bytes_ = std::max(scratch_bytes_, (products_[i]->scratch_bytes() + 63) / 64 * 64);
    }
    return nullptr;
  }

  uint64_t x_bytes() const { return static_cast<uint64_t>(largest_ * k_ * (bf16_ ? 2 : 4) + 63) / 64 * 64; }
  uint64_t y_bytes() const { return static_cast<uint64_t>(largest_ * n_ * 4 + 63) / 64 * 64; }

  void multiply(const OpRun& run, size_t block, int64_t row, int64_t rows) const {
    const auto* x = run.arg<const float>(0) + row * k_;
    float* y = run.arg<float>(added_ ? 3 : 2) + row * n_;
    const bool whole = rows == kBlocks[block];
    const void* input = whole && !bf16_ ? static_cast<const void*>(x) : convert(run, x, rows, kBlocks[block]);
    float* output = whole && !added_ ? y : reinterpret_cast<float*>(run.ws + x_bytes());
    products_[block]->run(input, run.args[1], output, run.ws + x_bytes() + y_bytes());
    if (output != y) finish(run, output, y, row, rows);
  }

  const void* convert(const OpRun& run, const float* x, int64_t rows, int64_t block_rows) const {
    const int64_t row_bytes = k_ * (bf16_ ? 2 : 4);
    const auto from_f32 = avx512_ ? avx512::row_from_f32 : avx2::row_from_f32;
    for_ranges(run, rows, k_, [&](int64_t begin, int64_t end) {
      from_f32(bf16_ ? BP_DT_BF16 : BP_DT_F32, x + begin * k_, run.ws + begin * row_bytes, (end - begin) * k_);
    });
    std::memset(run.ws + rows * row_bytes, 0, static_cast<size_t>((block_rows - rows) * row_bytes));
    return run.ws;
  }

  // The product, and what is added to it, where they belong. y may be what is added.
  void finish(const OpRun& run, const float* product, float* y, int64_t row, int64_t rows) const {
    const float* added = added_ ? run.arg<const float>(2) + (bias_ ? 0 : row * n_) : nullptr;
    for_ranges(run, rows, n_, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const float* b = added == nullptr ? nullptr : bias_ ? added : added + r * n_;
        for (int64_t i = 0; i < n_; ++i) y[r * n_ + i] = product[r * n_ + i] + (b == nullptr ? 0.0f : b[i]);
      }
    });
  }

  Tensor x_;
  std::unique_ptr<DnnProduct> products_[kBlockCount];
  uint64_t scratch_bytes_ = 0;
  int64_t n_ = 0, k_ = 0, largest_ = 0;
  bool added_ = false, bias_ = false, bf16_ = false, avx512_ = false;
};

constexpr const char* kWhere = "dtype(x)=f32; dtype(w)=f32|bf16; rank(x)=2; rank(w)=2; dim(x,0)>=64";
constexpr const char* kWhereAdded = "dtype(x)=f32; dtype(b)=f32; dtype(w)=f32|bf16; rank(x)=2; rank(w)=2; dim(x,0)>=64";

constexpr bp_kernel kRows[] = {
    plugin::op_row<ManyRowsMatmulOp>(
        {.id = "cpu.matmul_many", .pattern = "(matmul ?x ?w)", .where = kWhere, .priority = 10, .layouts = "w=file"}),
    plugin::op_row<ManyRowsMatmulOp>({.id = "cpu.matmul_add_many",
                                      .pattern = "(add (matmul ?x ?w) ?b)",
                                      .where = kWhereAdded,
                                      .alias = "out=b",
                                      .priority = 10,
                                      .layouts = "w=file"}),
};

}  // namespace

std::span<const bp_kernel> matmul_many_rows() { return kRows; }

}  // namespace bp::cpu
