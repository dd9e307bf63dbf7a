// dequant: y[n, k] = (w[n, p] - zeros[n / block_n, p / block_k]) scales[n / block_n, p / block_k], p = perm[k]. For
// weights that no product takes as they are. Bound by memory.
#include <algorithm>

#include "kernels/convert.h"
#include "ops/numbers.h"
#include "ops/rows.h"

namespace bp::cpu {
namespace {

// Slots w, scales, zeros, perm, y.
class DequantOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void*) override {
    avx512_ = target.avx512;
    n_threads_ = target.n_threads;
    w_ = region.slot(0);
    scales_ = region.slot(1);
    zeros_ = region.slot(2);
    perm_ = region.slot(3);
    y_dtype_ = region.slot(4).dtype;
    if (w_.rank != 2 || !w_.is_static(0) || !w_.is_static(1)) return "w is no matrix of fixed size";
    block_n_ = region.attr_int("block_n", 1);
    block_k_ = region.attr_int("block_k", 0);
    if (block_n_ <= 0 || block_k_ <= 0) return "the blocks of the scales are empty";
    k_ = w_.dim[1];
    n_blocks_ = (k_ + block_k_ - 1) / block_k_;
    if (!reads(w_) || !reads(scales_) || (zeros_.present && !reads(zeros_)))
      return "an operand is of no dtype read here";
    return scales_.columns() == n_blocks_ ? nullptr : "the scales have another shape";
  }

  uint64_t ws_bytes() const override { return static_cast<uint64_t>(n_threads_ * thread_floats()) * sizeof(float); }

  void run(const OpRun& run) const override {
    const int64_t n = w_.dim[0];
    for_pieces(run, n, k_, [&](int64_t piece, int64_t begin, int64_t end) {
      float* scratch = reinterpret_cast<float*>(run.ws) + piece * thread_floats();
      for (int64_t row = begin; row < end; ++row) dequantise(run, row, scratch);
    });
  }

 private:
  static bool reads(const Tensor& t) {
    const int64_t block = number_block(t.dtype);
    return t.rank == 2 && t.is_static(0) && t.is_static(1) && block > 0 && (block == 2 || t.dim[1] % block == 0);
  }
  int64_t thread_floats() const { return 2 * (k_ + n_blocks_); }

  const float* read(const OpRun& run, uint32_t slot, const Tensor& t, int64_t row, float* out) const {
    const std::byte* bytes = run.args[slot] + row * bytes_of(t.dtype, t.dim[1]);
    numbers_to_f32(t.dtype, bytes, out, t.dim[1], avx512_);
    return out;
  }

  void dequantise(const OpRun& run, int64_t row, float* scratch) const {
    float* w = scratch;
    float* y = w + k_;
    float* scale = y + k_;
    float* zero = scale + n_blocks_;
    read(run, 0, w_, row, w);
    read(run, 1, scales_, row / block_n_, scale);
    std::fill(zero, zero + n_blocks_, 0.0f);
    if (zeros_.present) read(run, 2, zeros_, row / block_n_, zero);
    for (int64_t b = 0; b < n_blocks_; ++b) {
      for (int64_t k = b * block_k_; k < std::min((b + 1) * block_k_, k_); ++k) w[k] = (w[k] - zero[b]) * scale[b];
    }
    const float* result = w;
    if (perm_.present) {
      const auto* perm = run.arg<const int32_t>(3);
      for (int64_t k = 0; k < k_; ++k) y[k] = perm[k] >= 0 && perm[k] < k_ ? w[perm[k]] : 0.0f;
      result = y;
    }
    std::byte* out = run.args[4] + row * bytes_of(y_dtype_, k_);
    (avx512_ ? avx512::row_from_f32 : avx2::row_from_f32)(y_dtype_, result, out, k_);
  }

  Tensor w_, scales_, zeros_, perm_;
  uint16_t y_dtype_ = 0;
  int64_t block_n_ = 1, block_k_ = 0, k_ = 0, n_blocks_ = 0;
  int64_t n_threads_ = 1;
  bool avx512_ = false;
};

constexpr bp_kernel kRows[] = {
    row<DequantOp>({.id = "cpu.dequant", .pattern = "dequant", .where = "dtype(out)=f32|f16|bf16"}),
};

}  // namespace

std::span<const bp_kernel> dequant_rows() { return kRows; }

}  // namespace bp::cpu
