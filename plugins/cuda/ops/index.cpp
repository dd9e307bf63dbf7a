// Rows and elements by index: gather_rows, scatter_rows, gather_last, scatter_last; and dequant.
#include "ops/rows.h"
#include "portable/indexing.h"
#include "portable/numbers.h"

namespace bp::cuda {
namespace {

enum class Rows { kAsF32, kCopied };

// y[i] = table[rows[i]], slots table, rows, y.
class GatherRowsOp final : public Op {
 public:
  const char* init(const RegionView& region, const void* user) override {
    copied_ = *static_cast<const Rows*>(user) == Rows::kCopied;
    table_ = region.slot(0);
    rows_ = region.slot(1);
    if (table_.rank < 1 || table_.n_dynamic(1, table_.rank) > 0) return "a row of the table is dynamic";
    const plugin::BlockSize block = plugin::block_size(table_.dtype);
    row_elements_ = table_.bounds(1, table_.rank);
    if (copied_) {
      const bool same = region.slot(2).dtype == table_.dtype && block.elements == 1;
      return same ? nullptr : "the result has another dtype than the table";
    }
    const bool is_number = gpu::is_whole(table_.dtype) ? element_bytes(table_.dtype) == 1 && table_.dtype != BP_DT_BOOL
                                                       : block.elements > 0 && table_.dtype != BP_DT_F64;
    if (!is_number) return "the table's dtype is not read by this row";
    return row_elements_ % block.elements != 0 || table_.columns() % block.elements != 0
               ? "a row of the table has half a block"
               : nullptr;
  }

  void run(const OpRun& run) const override {
    gpu::GatherRowsArgs args{};
    args.table = run.args[0];
    args.rows = run.arg<const int32_t>(1);
    args.y = run.args[2];
    args.dtype = table_.dtype;
    args.row_elements = row_elements_;
    args.row_bytes = plugin::bytes_of(table_.dtype, row_elements_);
    args.n_table = run.extent(table_, 0);
    args.n = run.extent(rows_, 0);
    (copied_ ? gpu::gather_rows_copy : gpu::gather_rows)(run.at, args);
  }

 private:
  Tensor table_, rows_;
  int64_t row_elements_ = 0;
  bool copied_ = false;
};

// target[rows[i]] = src[i] in order of i; the result is the target.
class ScatterRowsOp final : public Op {
 public:
  const char* init(const RegionView& region, const void*) override {
    target_ = region.slot(0);
    rows_ = region.slot(1);
    if (region.slot(2).dtype != target_.dtype) return "src has another dtype than target";
    if (target_.rank < 1 || target_.n_dynamic(1, target_.rank) > 0) return "a row of the target is dynamic";
    row_bytes_ = target_.bounds(1, target_.rank) * element_bytes(target_.dtype);
    return row_bytes_ % 4 != 0 || row_bytes_ == 0 ? "a row is not whole words" : nullptr;
  }

  void run(const OpRun& run) const override {
    gpu::scatter_rows(run.at, {run.args[0], run.arg<const int32_t>(1), run.args[2], row_bytes_, run.extent(target_, 0),
                               run.extent(rows_, 0)});
  }

 private:
  Tensor target_, rows_;
  int64_t row_bytes_ = 0;
};

enum class Last { kGather, kScatter };

class LastOp final : public Op {
 public:
  const char* init(const RegionView& region, const void* user) override {
    scatters_ = *static_cast<const Last*>(user) == Last::kScatter;
    x_ = region.slot(0);
    idx_ = region.slot(1);
    if (scatters_ && region.slot(2).dtype != x_.dtype) return "src has another dtype than x";
    if (x_.rank < 1 || element_bytes(x_.dtype) < 4) return "elements have not 4 or 8 bytes";
    return check_dynamic(x_);
  }

  void run(const OpRun& run) const override {
    gpu::LastArgs args{};
    args.x = run.args[0];
    args.idx = run.arg<const int32_t>(1);
    args.src = scatters_ ? run.args[2] : nullptr;
    args.y = run.args[scatters_ ? 3 : 2];
    args.bytes = element_bytes(x_.dtype);
    args.rows = run.rows(x_);
    args.n = run.extent(x_, x_.rank - 1);
    args.k = run.extent(idx_, idx_.rank - 1);
    (scatters_ ? gpu::scatter_last : gpu::gather_last)(run.at, args);
  }

 private:
  Tensor x_, idx_;
  bool scatters_ = false;
};

// Slots w, scales, zeros, perm, y.
class DequantOp final : public Op {
 public:
  const char* init(const RegionView& region, const void*) override {
    w_ = region.slot(0);
    scales_ = region.slot(1);
    zeros_ = region.slot(2);
    perm_ = region.slot(3);
    y_ = region.slot(4);
    block_n_ = region.attr_int("block_n", 1);
    block_k_ = region.attr_int("block_k", 0);
    if (w_.rank != 2 || !w_.is_static()) return "w is no matrix of fixed size";
    if (block_n_ <= 0 || block_k_ <= 0) return "the blocks of the scales are empty";
    if (!gpu::NumberTypes::has(w_.dtype) || !gpu::NumberTypes::has(scales_.dtype) ||
        (zeros_.present && !gpu::NumberTypes::has(zeros_.dtype)))
      return "an operand is of no dtype read here";
    return scales_.columns() == (w_.dim[1] + block_k_ - 1) / block_k_ ? nullptr : "the scales have another shape";
  }

  void run(const OpRun& run) const override {
    gpu::dequant(run.at, {run.args[0], run.args[1], zeros_.present ? run.args[2] : nullptr,
                          perm_.present ? run.arg<const int32_t>(3) : nullptr, run.args[4], w_.dtype, scales_.dtype,
                          zeros_.dtype, y_.dtype, w_.dim[0], w_.dim[1], block_n_, block_k_});
  }

 private:
  Tensor w_, scales_, zeros_, perm_, y_;
  int64_t block_n_ = 1, block_k_ = 0;
};

constexpr Rows kRowsOf[] = {Rows::kAsF32, Rows::kCopied};
constexpr Last kLast[] = {Last::kGather, Last::kScatter};

constexpr bp_kernel kRows[] = {
    row<GatherRowsOp>(
        {.id = "cuda.gather_rows", .pattern = "gather_rows", .where = "dtype(out)=f32", .user = &kRowsOf[0]}),
    row<GatherRowsOp>({.id = "cuda.gather_rows_copy", .pattern = "gather_rows", .user = &kRowsOf[1], .priority = -1}),
    row<ScatterRowsOp>({.id = "cuda.scatter_rows", .pattern = "scatter_rows"}),
    row<LastOp>({.id = "cuda.gather_last", .pattern = "gather_last", .user = &kLast[0]}),
    row<LastOp>({.id = "cuda.scatter_last", .pattern = "scatter_last", .alias = "out=x", .user = &kLast[1]}),
    row<DequantOp>({.id = "cuda.dequant", .pattern = "dequant", .where = "dtype(out)=f32|f16|bf16"}),
};

}  // namespace

std::span<const bp_kernel> index_rows() { return kRows; }

}  // namespace bp::cuda
