// transpose and slice: copies whose source has other strides than the dense result.
#include <cstring>

#include "ops/rows.h"

namespace bp::cpu {
namespace {

uint64_t element_bytes(uint16_t dtype) {
  switch (dtype) {
    case BP_DT_F32:
    case BP_DT_I32:
      return 4;
    case BP_DT_F16:
    case BP_DT_BF16:
    case BP_DT_I16:
      return 2;
    case BP_DT_F64:
    case BP_DT_I64:
      return 8;
    case BP_DT_I8:
    case BP_DT_U8:
    case BP_DT_BOOL:
    case BP_DT_FP8_E4M3:
    case BP_DT_FP8_E5M2:
    case BP_DT_E8M0:
      return 1;
    default:
      return 0;
  }
}

// y[i_0, i_1, …] = x[offset + Σ i_d stride_d], strides in bytes.
struct StridedCopy {
  uint32_t rank = 0;
  int64_t dim[6] = {};
  int64_t stride[6] = {};
  uint64_t bytes = 0;  // of an element

  // Everything below axis `d` from x; returns where y goes on.
  std::byte* copy(uint32_t d, const std::byte* x, std::byte* y) const {
    if (d == rank) {
      std::memcpy(y, x, bytes);
      return y + bytes;
    }
    if (d + 1 == rank && stride[d] == static_cast<int64_t>(bytes)) {
      const uint64_t n = static_cast<uint64_t>(dim[d]) * bytes;
      std::memcpy(y, x, n);
      return y + n;
    }
    for (int64_t i = 0; i < dim[d]; ++i) y = copy(d + 1, x + i * stride[d], y);
    return y;
  }
};

// Subclasses say how axis d of the result moves through the source.
class CopyOp : public Op {
 public:
  void run(const OpRun& run) const final {
    StridedCopy job;
    job.rank = y_.rank;
    job.bytes = element_bytes(y_.dtype);
    int64_t dense[6] = {};
    auto stride = static_cast<int64_t>(job.bytes);
    for (uint32_t d = x_.rank; d-- > 0;) {
      dense[d] = stride;
      stride *= x_.size(d, run.dyn);
    }
    const int64_t offset = place(dense, job.stride);
    for (uint32_t d = 0; d < y_.rank; ++d) job.dim[d] = y_.size(d, run.dyn);
    const int64_t n = y_.rank == 0 ? 1 : job.dim[0];
    const int64_t inner = y_.rank == 0 ? 1 : y_.sizes(1, y_.rank, run.dyn);
    if (n * inner == 0) return;
    for_ranges(run, n, inner, [&](int64_t begin, int64_t end) {
      StridedCopy part = job;
      part.dim[0] = end - begin;
      std::byte* y = run.args[1] + static_cast<uint64_t>(begin * inner) * job.bytes;
      part.copy(0, run.args[0] + offset + begin * job.stride[0], y);
    });
  }

 protected:
  const char* init_tensors(const RegionView& region) {
    x_ = region.slot(0);
    y_ = region.slot(1);
    return element_bytes(x_.dtype) == 0 ? "elements are not whole bytes" : nullptr;
  }
  // From the source's dense strides to those of the result's axes; returns the offset of its first element.
  virtual int64_t place(const int64_t* dense, int64_t* stride) const = 0;

  Tensor x_;
  Tensor y_;
};

class TransposeOp final : public CopyOp {
 public:
  const char* init(const RegionView& region, const OpTarget&, const void*) override {
    uint32_t n = 0;
    const int64_t* perm = region.attr_ints(0, "perm", &n);
    if (perm == nullptr || n != region.slot(0).rank) return "perm does not fit x";
    for (uint32_t i = 0; i < n; ++i) {
      if (perm[i] < 0 || perm[i] >= n) return "perm does not fit x";
      perm_[i] = static_cast<uint32_t>(perm[i]);
    }
    return init_tensors(region);
  }

 private:
  int64_t place(const int64_t* dense, int64_t* stride) const override {
    for (uint32_t d = 0; d < y_.rank; ++d) stride[d] = dense[perm_[d]];
    return 0;
  }
  uint32_t perm_[6] = {};
};

class SliceOp final : public CopyOp {
 public:
  const char* init(const RegionView& region, const OpTarget&, const void*) override {
    const auto rank = static_cast<int64_t>(region.slot(0).rank);
    int64_t axis = region.attr_int(0, "axis").value_or(0);
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return "axis does not fit x";
    axis_ = static_cast<uint32_t>(axis);
    start_ = region.attr_int(0, "start").value_or(0);
    step_ = region.attr_int(0, "step").value_or(1);
    if (start_ < 0 || step_ < 1) return "start or step is negative";
    return init_tensors(region);
  }

 private:
  int64_t place(const int64_t* dense, int64_t* stride) const override {
    for (uint32_t d = 0; d < y_.rank; ++d) stride[d] = dense[d];
    stride[axis_] *= step_;
    return start_ * dense[axis_];
  }
  uint32_t axis_ = 0;
  int64_t start_ = 0;
  int64_t step_ = 1;
};

constexpr bp_kernel kRows[] = {
    row<TransposeOp>({.id = "cpu.transpose", .pattern = "transpose"}),
    row<SliceOp>({.id = "cpu.slice", .pattern = "slice"}),
};

}  // namespace

std::span<const bp_kernel> shape_rows() { return kRows; }

}  // namespace bp::cpu
