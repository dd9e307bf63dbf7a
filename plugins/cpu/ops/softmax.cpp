#include "kernels/softmax.h"

#include "ops/rows.h"

namespace bp::cpu {
namespace {

class SoftmaxOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void*) override {
    avx512_ = target.avx512;
    x_ = region.slot(0);
    return nullptr;
  }

  void run(const OpRun& run) const override {
    const int64_t n = x_.size(x_.rank - 1, run.dyn);
    const auto kernel = avx512_ ? avx512::softmax : avx2::softmax;
    for_ranges(run, x_.rows(run.dyn), n * 4,
               [&](int64_t begin, int64_t end) { kernel(run.arg<const float>(0), run.arg<float>(1), n, begin, end); });
  }

 private:
  Tensor x_;
  bool avx512_ = false;
};

class ArgmaxOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void*) override {
    avx512_ = target.avx512;
    x_ = region.slot(0);
    return nullptr;
  }

  void run(const OpRun& run) const override {
    const int64_t n = x_.size(x_.rank - 1, run.dyn);
    const auto* x = run.arg<const float>(0);
    auto* y = run.arg<int32_t>(1);
    const auto kernel = avx512_ ? avx512::argmax : avx2::argmax;
    for_ranges(run, x_.rows(run.dyn), n, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) y[i] = n > 0 ? kernel(x + i * n, n) : 0;
    });
  }

 private:
  Tensor x_;
  bool avx512_ = false;
};

constexpr bp_kernel kRows[] = {
    row<SoftmaxOp>({.id = "cpu.softmax", .pattern = "softmax", .where = "dtype(x)=f32; rank(x)>=1", .alias = "out=x"}),
    row<ArgmaxOp>({.id = "cpu.argmax", .pattern = "argmax", .where = "dtype(x)=f32; rank(x)>=1"}),
};

}  // namespace

std::span<const bp_kernel> softmax_rows() { return kRows; }

}  // namespace bp::cpu
