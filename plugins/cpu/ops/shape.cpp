// transpose, slice and broadcast: copies whose source has other strides than the dense result. concat, and iota.
#include <algorithm>
#include <cstring>

#include "ops/rows.h"

namespace bp::cpu {
namespace {

// n elements, `stride` bytes apart, after one another.
template <class T>
void copy_elements(const std::byte* x, int64_t stride, std::byte* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) std::memcpy(y + i * static_cast<int64_t>(sizeof(T)), x + i * stride, sizeof(T));
}

void copy_run(int64_t bytes, const std::byte* x, int64_t stride, std::byte* y, int64_t n) {
  if (stride == bytes) {
    std::memcpy(y, x, static_cast<uint64_t>(n * bytes));
    return;
  }
  switch (bytes) {
    case 1:
      return copy_elements<uint8_t>(x, stride, y, n);
    case 2:
      return copy_elements<uint16_t>(x, stride, y, n);
    case 4:
      return copy_elements<uint32_t>(x, stride, y, n);
    default:
      return copy_elements<uint64_t>(x, stride, y, n);
  }
}

// y[i_0, i_1, …] = x[offset + Σ i_d stride_d], strides in bytes.
struct StridedCopy {
  uint32_t rank = 0;  // at least 1
  int64_t dim[6] = {};
  int64_t stride[6] = {};
  int64_t bytes = 0;  // of an element

  // Everything below axis `d` from x; returns where y goes on.
  std::byte* copy(uint32_t d, const std::byte* x, std::byte* y) const {
    if (d + 1 == rank) {
      copy_run(bytes, x, stride[d], y, dim[d]);
      return y + dim[d] * bytes;
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
    job.rank = y_.rank == 0 ? 1 : y_.rank;
    job.dim[0] = 1;
    job.bytes = element_bytes(y_.dtype);
    int64_t dense[6] = {};
    int64_t stride = job.bytes;
    for (uint32_t d = x_.rank; d-- > 0;) {
      dense[d] = stride;
      stride *= x_.size(d, run.dyn);
    }
    const int64_t offset = place(dense, job.stride);
    for (uint32_t d = 0; d < y_.rank; ++d) job.dim[d] = y_.size(d, run.dyn);
    const int64_t n = job.dim[0];
    const int64_t inner = y_.rank == 0 ? 1 : y_.sizes(1, y_.rank, run.dyn);
    if (n * inner == 0) return;
    for_ranges(run, n, inner, [&](int64_t begin, int64_t end) {
      StridedCopy part = job;
      part.dim[0] = end - begin;
      part.copy(0, run.args[0] + offset + begin * job.stride[0], run.args[1] + begin * inner * job.bytes);
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
    const int64_t* perm = region.attr_ints("perm", &n);
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
  const char* init(const RegionView& region, const OpTarget&, const void*) override {
    if (const char* why = init_axis(region, region.slot(0).rank, &axis_); why != nullptr) return why;
    start_ = region.attr_int("start", 0);
    step_ = region.attr_int("step", 1);
    if (start_ < 0 || step_ < 1) return "start or step is negative";
    // A step past the end is never taken.
    step_ = std::min(step_, std::max<int64_t>(region.slot(0).dim[axis_], 1));
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

class BroadcastOp final : public CopyOp {
 public:
  const char* init(const RegionView& region, const OpTarget&, const void*) override { return init_tensors(region); }

 private:
  int64_t place(const int64_t* dense, int64_t* stride) const override {
    const uint32_t missing = y_.rank - x_.rank;
    for (uint32_t d = 0; d < y_.rank; ++d) {
      const bool repeated = d < missing || (x_.is_static(d - missing) && x_.dim[d - missing] == 1);
      stride[d] = repeated ? 0 : dense[d - missing];
    }
    return 0;
  }
};

class ConcatOp final : public Op {
 public:
  static constexpr uint32_t kMaxOperands = 8;

  const char* init(const RegionView& region, const OpTarget&, const void*) override {
    y_ = region.slot(kMaxOperands);
    for (uint32_t i = 0; i < kMaxOperands; ++i) x_[i] = region.slot(i);
    if (element_bytes(y_.dtype) == 0) return "elements are not whole bytes";
    return init_axis(region, y_.rank, &axis_);
  }

  void run(const OpRun& run) const override {
    const int64_t inner = y_.sizes(axis_ + 1, y_.rank, run.dyn) * element_bytes(y_.dtype);
    const int64_t row = y_.size(axis_, run.dyn) * inner;
    for_ranges(run, y_.sizes(0, axis_, run.dyn), row, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        std::byte* y = run.args[kMaxOperands] + i * row;
        for (uint32_t k = 0; k < kMaxOperands; ++k) {
          if (!x_[k].present) continue;
          const int64_t bytes = x_[k].size(axis_, run.dyn) * inner;
          if (bytes > 0) std::memcpy(y, run.args[k] + i * bytes, static_cast<uint64_t>(bytes));
          y += bytes;
        }
      }
    });
  }

 private:
  Tensor x_[kMaxOperands];
  Tensor y_;
  uint32_t axis_ = 0;
};

class IotaOp final : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget&, const void*) override {
    y_ = region.slot(1);
    return nullptr;
  }
  void run(const OpRun& run) const override {
    auto* y = run.arg<int32_t>(1);
    for_ranges(run, y_.size(0, run.dyn), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) y[i] = static_cast<int32_t>(i);
    });
  }

 private:
  Tensor y_;
};

constexpr bp_kernel kRows[] = {
    row<TransposeOp>({.id = "cpu.transpose", .pattern = "transpose"}),
    row<SliceOp>({.id = "cpu.slice", .pattern = "slice"}),
    row<BroadcastOp>({.id = "cpu.broadcast", .pattern = "broadcast"}),
    row<ConcatOp>({.id = "cpu.concat", .pattern = "(concat ?a ?b* ?c* ?d* ?e* ?f* ?g* ?h*)"}),
    row<IotaOp>({.id = "cpu.iota", .pattern = "iota"}),
};

}  // namespace

std::span<const bp_kernel> shape_rows() { return kRows; }

}  // namespace bp::cpu
