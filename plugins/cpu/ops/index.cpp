// Elements and rows by index: gather_last, scatter_last, scatter_rows, topk. Indices are data: what lies outside gives
// zero, or is skipped.
#include <cmath>
#include <cstring>

#include "ops/rows.h"

namespace bp::cpu {
namespace {

// f(T{}) with an unsigned T as wide as an element.
template <class F>
void for_width(int64_t bytes, F f) {
  switch (bytes) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(uint16_t{});
    case 4:
      return f(uint32_t{});
    default:
      return f(uint64_t{});
  }
}

// y[.., j] = x[.., idx[.., j]]
class GatherLastOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget&, const void*) override {
    x_ = region.slot(0);
    idx_ = region.slot(1);
    return element_bytes(x_.dtype) == 0 ? "elements are not whole bytes" : nullptr;
  }

  void run(const OpRun& run) const override {
    for_width(element_bytes(x_.dtype), [&]<class T>(T) { gather<T>(run); });
  }

 private:
  template <class T>
  void gather(const OpRun& run) const {
    const int64_t n = x_.size(x_.rank - 1, run.dyn);
    const int64_t k = idx_.size(idx_.rank - 1, run.dyn);
    for_ranges(run, idx_.rows(run.dyn), k, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* x = run.arg<const T>(0) + row * n;
        for (int64_t j = row * k; j < (row + 1) * k; ++j) {
          const int64_t column = run.arg<const int32_t>(1)[j];
          run.arg<T>(2)[j] = column >= 0 && column < n ? x[column] : T{};
        }
      }
    });
  }

  Tensor x_;
  Tensor idx_;
};

// y = x, then y[.., idx[.., j]] = src[.., j] in order of j
class ScatterLastOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget&, const void*) override {
    x_ = region.slot(0);
    idx_ = region.slot(1);
    if (region.slot(2).dtype != x_.dtype) return "src has another dtype than x";
    return element_bytes(x_.dtype) == 0 ? "elements are not whole bytes" : nullptr;
  }

  void run(const OpRun& run) const override {
    for_width(element_bytes(x_.dtype), [&]<class T>(T) { scatter<T>(run); });
  }

 private:
  template <class T>
  void scatter(const OpRun& run) const {
    const int64_t n = x_.size(x_.rank - 1, run.dyn);
    const int64_t k = idx_.size(idx_.rank - 1, run.dyn);
    for_ranges(run, x_.rows(run.dyn), n + k, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* x = run.arg<const T>(0) + row * n;
        T* y = run.arg<T>(3) + row * n;
        if (x != y && n > 0) std::memcpy(y, x, static_cast<uint64_t>(n) * sizeof(T));
        for (int64_t j = row * k; j < (row + 1) * k; ++j) {
          const int64_t column = run.arg<const int32_t>(1)[j];
          if (column >= 0 && column < n) y[column] = run.arg<const T>(2)[j];
        }
      }
    });
  }

  Tensor x_;
  Tensor idx_;
};

// target[rows[i]] = src[i] in order of i; the result is the target.
class ScatterRowsOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget&, const void*) override {
    target_ = region.slot(0);
    rows_ = region.slot(1);
    if (region.slot(2).dtype != target_.dtype) return "src has another dtype than target";
    return element_bytes(target_.dtype) == 0 ? "elements are not whole bytes" : nullptr;
  }

  // Two indices may be equal, so threads divide the columns.
  void run(const OpRun& run) const override {
    const int64_t n_target = target_.size(0, run.dyn);
    const int64_t n = rows_.size(0, run.dyn);
    const int64_t row = target_.sizes(1, target_.rank, run.dyn) * element_bytes(target_.dtype);
    for_ranges(run, row, n, [&](int64_t begin, int64_t end) {
      for (int64_t i = 0; i < n; ++i) {
        const int64_t to = run.arg<const int32_t>(1)[i];
        if (to < 0 || to >= n_target) continue;
        std::memcpy(run.args[0] + to * row + begin, run.args[2] + i * row + begin, static_cast<uint64_t>(end - begin));
      }
    });
  }

 private:
  Tensor target_;
  Tensor rows_;
};

// The k largest in descending order; of equals the lower index first; NaN counts as -inf.
class TopkOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget&, const void*) override {
    x_ = region.slot(0);
    k_ = region.attr_int("k", 0);
    return k_ < 1 ? "k is not positive" : nullptr;
  }

  void run(const OpRun& run) const override {
    const int64_t n = x_.size(x_.rank - 1, run.dyn);
    for_ranges(run, x_.rows(run.dyn), n, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        select(run.arg<const float>(0) + row * n, n, run.arg<float>(1) + row * k_, run.arg<int32_t>(2) + row * k_);
      }
    });
  }

 private:
  // Inserts what beats the last of those kept; keys stand in `values` until the end.
  void select(const float* x, int64_t n, float* values, int32_t* indices) const {
    int64_t kept = 0;
    for (int64_t i = 0; i < n; ++i) {
      const float key = std::isnan(x[i]) ? -INFINITY : x[i];
      if (kept == k_ && !(key > values[k_ - 1])) continue;
      int64_t at = kept < k_ ? kept++ : k_ - 1;
      for (; at > 0 && key > values[at - 1]; --at) {
        values[at] = values[at - 1];
        indices[at] = indices[at - 1];
      }
      values[at] = key;
      indices[at] = static_cast<int32_t>(i);
    }
    for (int64_t j = 0; j < kept; ++j) values[j] = x[indices[j]];
  }

  Tensor x_;
  int64_t k_ = 1;
};

constexpr bp_kernel kRows[] = {
    row<GatherLastOp>({.id = "cpu.gather_last", .pattern = "gather_last"}),
    row<ScatterLastOp>({.id = "cpu.scatter_last", .pattern = "scatter_last", .alias = "out=x"}),
    row<ScatterRowsOp>({.id = "cpu.scatter_rows", .pattern = "scatter_rows"}),
    row<TopkOp>({.id = "cpu.topk", .pattern = "topk", .where = "dtype(x)=f32"}),
};

}  // namespace

std::span<const bp_kernel> index_rows() { return kRows; }

}  // namespace bp::cpu
