#include "kernels/norm.h"

#include "kernels/convert.h"
#include "ops/rows.h"

namespace bp::cpu {
namespace {

// A weight of one row as f32: in place, or converted into the workspace.
class RowWeight {
 public:
  const char* init(const Tensor& tensor) {
    tensor_ = tensor;
    return tensor.present && !is_plain_float(tensor.dtype) ? "a weight is not f32, f16 or bf16" : nullptr;
  }
  uint64_t ws_bytes() const {
    if (!tensor_.present || tensor_.dtype == BP_DT_F32) return 0;
    return (static_cast<uint64_t>(tensor_.dim[0]) * sizeof(float) + 63) / 64 * 64;
  }
  const float* get(const void* data, std::byte* ws, bool avx512) const {
    if (!tensor_.present) return nullptr;
    if (tensor_.dtype == BP_DT_F32) return static_cast<const float*>(data);
    auto* out = reinterpret_cast<float*>(ws);
    (avx512 ? avx512::row_to_f32 : avx2::row_to_f32)(tensor_.dtype, data, out, tensor_.dim[0]);
    return out;
  }

 private:
  Tensor tensor_;
};

class NormOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void* user) override {
    avx512_ = target.avx512;
    centered_ = user != nullptr;
    x_ = region.slot(0);
    eps_ = region.attr_float("eps", 0);
    if (x_.columns() < 0) return "the last dim is dynamic";
    if (const char* why = w_.init(region.slot(1)); why != nullptr) return why;
    return centered_ ? b_.init(region.slot(2)) : nullptr;
  }

  uint64_t ws_bytes() const override { return w_.ws_bytes() + b_.ws_bytes(); }

  void run(const OpRun& run) const override {
    const auto* w = w_.get(run.args[1], run.ws, avx512_);
    const auto* b = centered_ ? b_.get(run.args[2], run.ws + w_.ws_bytes(), avx512_) : nullptr;
    const NormArgs args{run.arg<const float>(0), w, b, run.arg<float>(centered_ ? 3 : 2), x_.columns(), eps_};
    const auto kernel =
        centered_ ? (avx512_ ? avx512::layer_norm : avx2::layer_norm) : (avx512_ ? avx512::rms_norm : avx2::rms_norm);
    for_ranges(run, x_.rows(run.dyn), x_.columns(), [&](int64_t begin, int64_t end) { kernel(args, begin, end); });
  }

 private:
  Tensor x_;
  RowWeight w_;
  RowWeight b_;
  float eps_ = 0;
  bool centered_ = false;
  bool avx512_ = false;
};

// s = r + x;  y = rms_norm(s, w)      slots r, x, w?, s, y
class AddNormOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void*) override {
    avx512_ = target.avx512;
    x_ = region.slot(3);
    for (uint32_t i = 0; i < 2; ++i) {
      const Tensor t = region.slot(i);
      if (t.rank != x_.rank) return "the sum broadcasts";
      for (uint32_t d = 0; d < t.rank; ++d) {
        if (t.sym[d] != x_.sym[d] || t.dim[d] != x_.dim[d]) return "the sum broadcasts";
      }
    }
    if (x_.columns() < 0) return "the last dim is dynamic";
    eps_ = region.attr_float("eps", 0, 1);
    return w_.init(region.slot(2));
  }

  uint64_t ws_bytes() const override { return w_.ws_bytes(); }

  void run(const OpRun& run) const override {
    AddNormArgs args{};
    args.norm = {
        run.arg<const float>(1), w_.get(run.args[2], run.ws, avx512_), nullptr, run.arg<float>(4), x_.columns(), eps_};
    args.r = run.arg<const float>(0);
    args.s = run.arg<float>(3);
    const auto kernel = avx512_ ? avx512::add_rms_norm : avx2::add_rms_norm;
    for_ranges(run, x_.rows(run.dyn), x_.columns() * 2, [&](int64_t begin, int64_t end) { kernel(args, begin, end); });
  }

 private:
  Tensor x_;
  RowWeight w_;
  float eps_ = 0;
  bool avx512_ = false;
};

constexpr int kCentered = 1;
constexpr bp_kernel kRows[] = {
    row<NormOp>({.id = "cpu.rms_norm", .pattern = "rms_norm", .where = "dtype(x)=f32", .alias = "out=x"}),
    row<NormOp>({.id = "cpu.layer_norm",
                 .pattern = "layer_norm",
                 .where = "dtype(x)=f32",
                 .alias = "out=x",
                 .user = &kCentered}),
    row<AddNormOp>({.id = "cpu.add_rms_norm",
                    .pattern = "(tuple (= ?s (add ?r ?x)) (rms_norm ?s ?w*))",
                    .where = "dtype(r)=f32; dtype(x)=f32",
                    .alias = "s=r; s=x; out=x"}),
};

}  // namespace

std::span<const bp_kernel> norm_rows() { return kRows; }

}  // namespace bp::cpu
