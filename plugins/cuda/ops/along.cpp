// Ops along the last axis: reductions, softmax, cumsum, topk, norms, rope, segment_mean.
#include "ops/rows.h"
#include "portable/rows.h"

namespace bp::cuda {
namespace {

using gpu::Reduction;
enum class Along { kSum, kMean, kMax, kArgmax, kSoftmax, kLogSoftmax, kCumsum };

class AlongOp final : public Op {
 public:
  const char* init(const RegionView& region, const void* user) override {
    op_ = *static_cast<const Along*>(user);
    x_ = region.slot(0);
    return check_dynamic(x_);
  }

  void run(const OpRun& run) const override {
    const gpu::RowArgs args{run.args[0], run.args[1], run.rows(x_), run.count(x_, x_.rank - 1, x_.rank)};
    switch (op_) {
      case Along::kSoftmax:
      case Along::kLogSoftmax:
        return gpu::softmax(run.at, op_ == Along::kLogSoftmax, args);
      case Along::kCumsum:
        return gpu::cumsum(run.at, x_.dtype, args);
      default:
        return gpu::reduce(run.at, static_cast<Reduction>(op_), args);
    }
  }

 private:
  static_assert(static_cast<int>(Along::kArgmax) == static_cast<int>(Reduction::kArgmax));
  Tensor x_;
  Along op_ = Along::kSum;
};

class TopkOp final : public Op {
 public:
  const char* init(const RegionView& region, const void*) override {
    x_ = region.slot(0);
    k_ = region.attr_int("k", 0);
    if (k_ < 1 || x_.columns() < k_) return "k does not fit the last dim";
    return check_dynamic(x_);
  }
  void run(const OpRun& run) const override {
    gpu::topk(run.at, {run.arg<const float>(0), run.arg<float>(1), run.arg<int32_t>(2), run.rows(x_),
                       run.count(x_, x_.rank - 1, x_.rank), k_});
  }

 private:
  Tensor x_;
  int64_t k_ = 1;
};

// rms_norm: slots x, w, y; layer_norm: x, w, b, y.
class NormOp final : public Op {
 public:
  const char* init(const RegionView& region, const void* user) override {
    centered_ = user != nullptr;
    x_ = region.slot(0);
    w_ = region.slot(1);
    if (centered_) b_ = region.slot(2);
    eps_ = region.attr_float("eps", 0);
    if (x_.columns() < 0) return "the last dim is dynamic";
    if ((w_.present && !is_plain_float(w_.dtype)) || (b_.present && !is_plain_float(b_.dtype)))
      return "w or b is not f32, f16 or bf16";
    return check_dynamic(x_);
  }
  void run(const OpRun& run) const override {
    gpu::NormArgs args{};
    args.x = run.arg<const float>(0);
    args.w = w_.present ? run.args[1] : nullptr;
    args.b = b_.present ? run.args[2] : nullptr;
    args.w_dtype = w_.dtype;
    args.b_dtype = b_.dtype;
    args.y = run.arg<float>(centered_ ? 3 : 2);
    args.rows = run.rows(x_);
    args.n = x_.columns();
    args.eps = eps_;
    args.centered = centered_;
    gpu::norm(run.at, args);
  }

 private:
  Tensor x_, w_, b_;
  float eps_ = 0;
  bool centered_ = false;
};

// Slots x, positions, freqs, variant, y.
class RopeOp final : public Op {
 public:
  const char* init(const RegionView& region, const void*) override {
    x_ = region.slot(0);
    freqs_ = region.slot(2);
    has_variant_ = region.slot(3).present;
    n_rot_ = region.attr_int("n_rot", 0);
    offset_ = region.attr_int("offset", 0);
    interleaved_ = region.attr_int("mode", 0) != 0;
    scale_ = region.attr_float("scale", 1);
    if (x_.rank != 3 || !x_.is_static(1) || !x_.is_static(2)) return "x is not [tokens, heads, head_dim]";
    if (freqs_.rank < 1 || !freqs_.is_static(freqs_.rank - 1)) return "freqs is dynamic";
    const bool inside = n_rot_ >= 0 && offset_ >= 0 && n_rot_ <= x_.dim[2] - offset_;
    if (!inside || n_rot_ % 2 != 0 || freqs_.columns() != n_rot_ / 2) return "n_rot does not fit";
    return nullptr;
  }
  void run(const OpRun& run) const override {
    gpu::RopeArgs args{};
    args.x = run.arg<const float>(0);
    args.positions = run.arg<const int32_t>(1);
    args.freqs = run.arg<const float>(2);
    args.variant = has_variant_ ? run.arg<const int32_t>(3) : nullptr;
    args.y = run.arg<float>(4);
    args.tokens = run.extent(x_, 0);
    args.heads = x_.dim[1];
    args.head_dim = x_.dim[2];
    args.n_rot = n_rot_;
    args.offset = offset_;
    if (freqs_.rank == 2) args.n_variants = run.extent(freqs_, 0);
    args.interleaved = interleaved_;
    args.scale = scale_;
    gpu::rope(run.at, args);
  }

 private:
  Tensor x_, freqs_;
  bool has_variant_ = false, interleaved_ = false;
  int64_t n_rot_ = 0, offset_ = 0;
  float scale_ = 1;
};

class SegmentMeanOp final : public Op {
 public:
  const char* init(const RegionView& region, const void*) override {
    x_ = region.slot(0);
    start_ = region.slot(1);
    return x_.rank != 2 || x_.columns() < 0 ? "x is not [tokens, hidden]" : nullptr;
  }
  void run(const OpRun& run) const override {
    gpu::segment_mean(run.at, {run.arg<const float>(0), run.arg<const int32_t>(1), run.arg<float>(2), x_.columns(),
                               run.extent(x_, 0), run.extent(start_, 0)});
  }

 private:
  Tensor x_, start_;
};

constexpr Along kAlong[] = {Along::kSum,     Along::kMean,       Along::kMax,   Along::kArgmax,
                            Along::kSoftmax, Along::kLogSoftmax, Along::kCumsum};
constexpr int kCentered = 1;
constexpr const char* kFloats = "dtype(x)=f32; rank(x)>=1";

constexpr bp_kernel kRows[] = {
    row<AlongOp>({.id = "cuda.reduce_sum", .pattern = "reduce_sum", .where = kFloats, .user = &kAlong[0]}),
    row<AlongOp>({.id = "cuda.reduce_mean", .pattern = "reduce_mean", .where = kFloats, .user = &kAlong[1]}),
    row<AlongOp>({.id = "cuda.reduce_max", .pattern = "reduce_max", .where = kFloats, .user = &kAlong[2]}),
    row<AlongOp>({.id = "cuda.argmax", .pattern = "argmax", .where = kFloats, .user = &kAlong[3]}),
    row<AlongOp>({.id = "cuda.softmax", .pattern = "softmax", .where = kFloats, .alias = "out=x", .user = &kAlong[4]}),
    row<AlongOp>(
        {.id = "cuda.log_softmax", .pattern = "log_softmax", .where = kFloats, .alias = "out=x", .user = &kAlong[5]}),
    row<AlongOp>({.id = "cuda.cumsum",
                  .pattern = "cumsum",
                  .where = "dtype(x)=f32|i32|i64; rank(x)>=1",
                  .alias = "out=x",
                  .user = &kAlong[6]}),
    row<TopkOp>({.id = "cuda.topk", .pattern = "topk", .where = kFloats}),
    row<NormOp>({.id = "cuda.rms_norm", .pattern = "rms_norm", .where = kFloats, .alias = "out=x"}),
    row<NormOp>(
        {.id = "cuda.layer_norm", .pattern = "layer_norm", .where = kFloats, .alias = "out=x", .user = &kCentered}),
    row<RopeOp>({.id = "cuda.rope", .pattern = "rope", .where = "dtype(x)=f32; dtype(freqs)=f32"}),
    row<SegmentMeanOp>({.id = "cuda.segment_mean", .pattern = "segment_mean", .where = "dtype(x)=f32"}),
};

}  // namespace

std::span<const bp_kernel> along_rows() { return kRows; }

}  // namespace bp::cuda
