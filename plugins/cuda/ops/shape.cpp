// transpose, slice and broadcast: copies whose source has other strides than the dense result. concat, and iota.
#include "ops/rows.h"
#include "portable/indexing.h"

namespace bp::cuda {
namespace {

// Subclasses say which axis of x an axis of y runs along.
class CopyOp : public Op {
 public:
  void run(const OpRun& run) const final {
    gpu::StridedArgs args{};
    args.x = run.args[0];
    args.y = run.args[1];
    args.bytes = element_bytes(x_.dtype);
    args.x_shape = run.shape(x_);
    args.y_shape = run.shape(y_);
    for (uint32_t d = 0; d < y_.rank; ++d) args.x_axis[d] = x_axis_[d];
    args.sliced_axis = sliced_axis_;
    args.start = start_;
    args.step = step_;
    args.n = run.elements(y_);
    gpu::strided_copy(run.at, args);
  }

 protected:
  const char* init_tensors(const RegionView& region) {
    x_ = region.slot(0);
    y_ = region.slot(1);
    for (uint32_t d = 0; d < y_.rank; ++d) x_axis_[d] = static_cast<int>(d);
    if (element_bytes(x_.dtype) == 0) return "elements are not whole bytes";
    return check_dynamic(y_);
  }

  Tensor x_, y_;
  int x_axis_[gpu::kMaxRank] = {};
  int sliced_axis_ = -1;
  int64_t start_ = 0, step_ = 1;
};

class TransposeOp final : public CopyOp {
 public:
  const char* init(const RegionView& region, const void*) override {
    if (const char* why = init_tensors(region); why != nullptr) return why;
    uint32_t n = 0;
    const int64_t* perm = region.attr_ints("perm", &n);
    if (perm == nullptr || n != x_.rank) return "perm does not fit x";
    for (uint32_t d = 0; d < n; ++d) {
      if (perm[d] < 0 || perm[d] >= n) return "perm does not fit x";
      x_axis_[d] = static_cast<int>(perm[d]);
    }
    return nullptr;
  }
};

// Null: fine, and *axis counts from the front.
const char* init_axis(const RegionView& region, uint32_t rank, uint32_t* axis) {
  int64_t at = region.attr_int("axis", 0);
  if (at < 0) at += rank;
  if (at < 0 || at >= rank) return "axis does not fit x";
  *axis = static_cast<uint32_t>(at);
  return nullptr;
}

class SliceOp final : public CopyOp {
 public:
  const char* init(const RegionView& region, const void*) override {
    if (const char* why = init_tensors(region); why != nullptr) return why;
    uint32_t axis = 0;
    if (const char* why = init_axis(region, x_.rank, &axis); why != nullptr) return why;
    sliced_axis_ = static_cast<int>(axis);
    start_ = region.attr_int("start", 0);
    step_ = region.attr_int("step", 1);
    return start_ < 0 || step_ < 1 ? "start or step is negative" : nullptr;
  }
};

class BroadcastOp final : public CopyOp {
 public:
  const char* init(const RegionView& region, const void*) override {
    if (const char* why = init_tensors(region); why != nullptr) return why;
    const uint32_t missing = y_.rank - x_.rank;
    for (uint32_t d = 0; d < y_.rank; ++d) {
      const bool repeated = d < missing || (x_.is_static(d - missing) && x_.dim[d - missing] == 1);
      x_axis_[d] = repeated ? -1 : static_cast<int>(d - missing);
    }
    return nullptr;
  }
};

class ConcatOp final : public Op {
 public:
  static constexpr uint32_t kY = gpu::kMostParts;

  const char* init(const RegionView& region, const void*) override {
    y_ = region.slot(kY);
    for (uint32_t i = 0; i < kY; ++i) x_[i] = region.slot(i);
    if (element_bytes(y_.dtype) == 0) return "elements are not whole bytes";
    if (const char* why = init_axis(region, y_.rank, &axis_); why != nullptr) return why;
    return y_.n_dynamic(0, axis_) > 2 || y_.n_dynamic(axis_ + 1, y_.rank) > 2 ? "more than two dims are dynamic"
                                                                              : nullptr;
  }

  void run(const OpRun& run) const override {
    gpu::ConcatArgs args{};
    args.y = run.args[kY];
    args.unit = element_bytes(y_.dtype);
    args.outer = run.count(y_, 0, axis_);
    args.inner = run.count(y_, axis_ + 1, y_.rank);
    for (uint32_t i = 0; i < kY; ++i) {
      if (!x_[i].present) continue;
      args.x[args.n_parts] = run.args[i];
      args.parts[args.n_parts++] = run.extent(x_[i], axis_);
    }
    gpu::concat(run.at, args);
  }

 private:
  Tensor x_[kY];
  Tensor y_;
  uint32_t axis_ = 0;
};

class IotaOp final : public Op {
 public:
  const char* init(const RegionView& region, const void*) override {
    y_ = region.slot(1);
    return nullptr;
  }
  void run(const OpRun& run) const override { gpu::iota(run.at, run.arg<int32_t>(1), run.extent(y_, 0)); }

 private:
  Tensor y_;
};

constexpr bp_kernel kRows[] = {
    row<TransposeOp>({.id = "cuda.transpose", .pattern = "transpose"}),
    row<SliceOp>({.id = "cuda.slice", .pattern = "slice"}),
    row<BroadcastOp>({.id = "cuda.broadcast", .pattern = "broadcast"}),
    row<ConcatOp>({.id = "cuda.concat", .pattern = "(concat ?a ?b* ?c* ?d* ?e* ?f* ?g* ?h*)"}),
    row<IotaOp>({.id = "cuda.iota", .pattern = "iota"}),
};

}  // namespace

std::span<const bp_kernel> shape_rows() { return kRows; }

}  // namespace bp::cuda
