// Ops along the last axis of f32: softmax, log_softmax, and what is left of a row when it is reduced.
#include "kernels/softmax.h"

#include "ops/rows.h"

namespace bp::cpu {
namespace {

enum class Along { kSoftmax, kLogSoftmax };

class SoftmaxOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void* user) override {
    avx512_ = target.avx512;
    log_ = *static_cast<const Along*>(user) == Along::kLogSoftmax;
    x_ = region.slot(0);
    return nullptr;
  }

  void run(const OpRun& run) const override {
    const int64_t n = x_.size(x_.rank - 1, run.dyn);
    const auto kernel =
        log_ ? (avx512_ ? avx512::log_softmax : avx2::log_softmax) : (avx512_ ? avx512::softmax : avx2::softmax);
    for_ranges(run, x_.rows(run.dyn), n * 4,
               [&](int64_t begin, int64_t end) { kernel(run.arg<const float>(0), run.arg<float>(1), n, begin, end); });
  }

 private:
  Tensor x_;
  bool log_ = false;
  bool avx512_ = false;
};

enum class Reduction { kSum, kMean, kMax, kArgmax };

class ReduceOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void* user) override {
    avx512_ = target.avx512;
    reduction_ = *static_cast<const Reduction*>(user);
    x_ = region.slot(0);
    return nullptr;
  }

  void run(const OpRun& run) const override {
    const int64_t n = x_.size(x_.rank - 1, run.dyn);
    const auto* x = run.arg<const float>(0);
    for_ranges(run, x_.rows(run.dyn), n, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        if (reduction_ == Reduction::kArgmax) {
          run.arg<int32_t>(1)[i] = n > 0 ? (avx512_ ? avx512::argmax : avx2::argmax)(x + i * n, n) : 0;
        } else {
          run.arg<float>(1)[i] = reduce(x + i * n, n);
        }
      }
    });
  }

 private:
  float reduce(const float* row, int64_t n) const {
    if (reduction_ == Reduction::kMax) return (avx512_ ? avx512::row_max : avx2::row_max)(row, n);
    const float sum = (avx512_ ? avx512::row_sum : avx2::row_sum)(row, n);
    return reduction_ == Reduction::kMean ? sum / static_cast<float>(n) : sum;
  }

  Tensor x_;
  Reduction reduction_ = Reduction::kSum;
  bool avx512_ = false;
};

// y[i] = the sum of x[0..i] of each row.
class CumsumOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget&, const void*) override {
    x_ = region.slot(0);
    return nullptr;
  }

  void run(const OpRun& run) const override {
    switch (x_.dtype) {
      case BP_DT_F32:
        return sum<float, float>(run);
      case BP_DT_I32:
        return sum<int32_t, uint32_t>(run);
      default:
        return sum<int64_t, uint64_t>(run);
    }
  }

 private:
  // Sum: what is added up in; integers wrap.
  template <class T, class Sum>
  void sum(const OpRun& run) const {
    const int64_t n = x_.size(x_.rank - 1, run.dyn);
    for_ranges(run, x_.rows(run.dyn), n, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* x = run.arg<const T>(0) + row * n;
        T* y = run.arg<T>(1) + row * n;
        Sum total{};
        for (int64_t i = 0; i < n; ++i) y[i] = static_cast<T>(total += static_cast<Sum>(x[i]));
      }
    });
  }

  Tensor x_;
};

constexpr Along kAlong[] = {Along::kSoftmax, Along::kLogSoftmax};
constexpr Reduction kReductions[] = {Reduction::kSum, Reduction::kMean, Reduction::kMax, Reduction::kArgmax};

constexpr bp_kernel along_row(const char* id, const char* op, const Along& kind) {
  return row<SoftmaxOp>(
      {.id = id, .pattern = op, .where = "dtype(x)=f32; rank(x)>=1", .alias = "out=x", .user = &kind});
}
constexpr bp_kernel reduce_row(const char* id, const char* op, const Reduction& kind) {
  return row<ReduceOp>({.id = id, .pattern = op, .where = "dtype(x)=f32; rank(x)>=1", .user = &kind});
}

constexpr bp_kernel kRows[] = {
    along_row("cpu.softmax", "softmax", kAlong[0]),
    along_row("cpu.log_softmax", "log_softmax", kAlong[1]),
    reduce_row("cpu.reduce_sum", "reduce_sum", kReductions[0]),
    reduce_row("cpu.reduce_mean", "reduce_mean", kReductions[1]),
    reduce_row("cpu.reduce_max", "reduce_max", kReductions[2]),
    reduce_row("cpu.argmax", "argmax", kReductions[3]),
    row<CumsumOp>(
        {.id = "cpu.cumsum", .pattern = "cumsum", .where = "dtype(x)=f32|i32|i64; rank(x)>=1", .alias = "out=x"}),
};

}  // namespace

std::span<const bp_kernel> softmax_rows() { return kRows; }

}  // namespace bp::cpu
