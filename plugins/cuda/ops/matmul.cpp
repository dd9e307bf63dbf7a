// The products: of one matrix, by cuBLASLt where that takes them, and of stacks of matrices.
#include "portable/matmul.h"

#include "device.h"
#include "ops/rows.h"

namespace bp::cuda {
namespace {

constexpr uint64_t kAlign = 256;

uint64_t align_up(uint64_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

// y [.., N] = x [.., K] w [N, K]^T, slots x, w, y.
class MatmulOp : public Op {
 public:
  const char* init(const RegionView& region, const void*) override {
    x_ = region.slot(0);
    w_ = region.slot(1);
    if (w_.rank != 2 || !w_.is_static()) return "w is no matrix of fixed size";
    if (x_.rank < 1 || x_.columns() != w_.dim[1]) return "x does not fit w";
    if (!gpu::can_multiply(w_.dtype)) return "w is of no dtype read here";
    return check_dynamic(x_);
  }

  void run(const OpRun& run) const override {
    gpu::MatmulArgs args{};
    args.x = run.arg<const float>(0);
    args.w = run.args[1];
    args.y = run.arg<float>(2);
    args.w_dtype = w_.dtype;
    args.n = w_.dim[0];
    args.k = w_.dim[1];
    args.n_matrices = 1;
    args.rows = run.rows(x_);
    args.matrix_of = gpu::MatrixOf::kOne;
    args.x_share = 1;
    gpu::matmul(run.at, args);
  }

 protected:
  Tensor x_, w_;
};

// The same by cuBLASLt, for all rows of the bucket at once: those past the true ones hold anything. It takes no f32 x
// with 16-bit weights, so x becomes the sum of some numbers of 16 bits, each multiplied.
class BlasMatmulOp final : public MatmulOp {
 public:
  const char* fits(const bp_device& device) const override {
    return device.blas == nullptr ? "cuBLASLt is not there, or plugin.cuda.blas is false" : nullptr;
  }
  uint64_t ws_bytes() const override {
    return BlasLt::kWorkspaceBytes + static_cast<uint64_t>(gpu::parts_of(w_.dtype)) * part_bytes();
  }

  cudaError_t prepare(const bp_device& device) override {
    if (x_.rows() == 0) return cudaErrorNotSupported;
    return product_.plan(*device.blas, w_.dtype, x_.rows(), w_.dim[0], w_.dim[1]);
  }

  void run(const OpRun& run) const override {
    const int n_parts = gpu::parts_of(w_.dtype);
    gpu::SplitArgs parts{run.arg<const float>(0), {}, w_.dtype, run.elements(x_)};
    for (int i = 0; i < n_parts; ++i)
      parts.part[i] = run.ws + BlasLt::kWorkspaceBytes + static_cast<uint64_t>(i) * part_bytes();
    if (n_parts > 0) gpu::split(run.at, parts);
    if (run.at.load_only) return;
    if (n_parts == 0) multiply(run, run.args[0], false);
    for (int i = 0; i < n_parts; ++i) multiply(run, parts.part[i], i > 0);
  }

 private:
  void multiply(const OpRun& run, const void* x, bool add) const {
    if (run.at.error != cudaSuccess) return;
    run.at.error = product_.run(x, run.args[1], run.arg<float>(2), add, run.ws, run.at.stream);
  }
  uint64_t part_bytes() const { return align_up(static_cast<uint64_t>(x_.elements()) * 2); }

  BlasLt::Product product_;
};

// A matrix for each row of the result, slots x, w and, but for kBatch, idx or offsets; then y.
class StackOp final : public Op {
 public:
  const char* init(const RegionView& region, const void* user) override {
    kind_ = *static_cast<const gpu::MatrixOf*>(user);
    x_ = region.slot(0);
    w_ = region.slot(1);
    y_slot_ = kind_ == gpu::MatrixOf::kBatch ? 2 : 3;
    y_ = region.slot(y_slot_);
    if (w_.rank != 3 || !w_.is_static()) return "w is no stack of matrices of fixed size";
    if (x_.rank < 1 || x_.columns() != w_.dim[2]) return "x does not fit w";
    if (!gpu::can_multiply(w_.dtype)) return "w is of no dtype read here";
    if (kind_ == gpu::MatrixOf::kIndex && y_.rank == 3 && x_.rank == 2) {
      if (!y_.is_static(1)) return "the slots of a token are dynamic";
      x_share_ = y_.dim[1];
    }
    return check_dynamic(y_);
  }

  void run(const OpRun& run) const override {
    gpu::MatmulArgs args{};
    args.x = run.arg<const float>(0);
    args.w = run.args[1];
    args.y = run.arg<float>(y_slot_);
    args.w_dtype = w_.dtype;
    args.n = w_.dim[1];
    args.k = w_.dim[2];
    args.n_matrices = w_.dim[0];
    args.rows = run.rows(y_);
    args.matrix_of = kind_;
    args.idx = kind_ == gpu::MatrixOf::kBatch ? nullptr : run.arg<const int32_t>(2);
    args.x_share = x_share_;
    gpu::matmul(run.at, args);
  }

 private:
  Tensor x_, w_, y_;
  gpu::MatrixOf kind_ = gpu::MatrixOf::kBatch;
  uint32_t y_slot_ = 2;
  int64_t x_share_ = 1;
};

constexpr gpu::MatrixOf kKinds[] = {gpu::MatrixOf::kBatch, gpu::MatrixOf::kIndex, gpu::MatrixOf::kOffsets};

constexpr bp_kernel kRows[] = {
    row<BlasMatmulOp>({.id = "cuda.matmul_blas",
                       .pattern = "matmul",
                       .where = "dtype(x)=f32; dtype(w)=f32|f16|bf16; dim(w,-1)%8=0",
                       .priority = 1,
                       .numerics = "cuda.lt/1"}),
    row<MatmulOp>({.id = "cuda.matmul", .pattern = "matmul", .where = "dtype(x)=f32"}),
    row<StackOp>(
        {.id = "cuda.matmul_batched", .pattern = "matmul_batched", .where = "dtype(x)=f32", .user = &kKinds[0]}),
    row<StackOp>(
        {.id = "cuda.matmul_indexed", .pattern = "matmul_indexed", .where = "dtype(x)=f32", .user = &kKinds[1]}),
    row<StackOp>(
        {.id = "cuda.matmul_grouped", .pattern = "matmul_grouped", .where = "dtype(x)=f32", .user = &kKinds[2]}),
};

}  // namespace

std::span<const bp_kernel> matmul_rows() { return kRows; }

}  // namespace bp::cuda
