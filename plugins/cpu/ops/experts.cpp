// Mixture of experts beside its products: slots sorted by expert, and their results summed up for each token.
#include <cstring>

#include "kernels/elementwise.h"
#include "ops/rows.h"

namespace bp::cpu {
namespace {

// order: slots grouped by expert, in their order within one, those of no expert last; offsets [n_experts + 1].
class ExpertSortOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget&, const void*) override {
    idx_ = region.slot(0);
    n_experts_ = region.attr_int("n_experts", 0);
    return n_experts_ < 0 ? "n_experts is negative" : nullptr;
  }

  // A counting sort: offsets hold first how many, then where the next slot of each expert goes.
  void run(const OpRun& run) const override {
    const auto* idx = run.arg<const int32_t>(0);
    auto* order = run.arg<int32_t>(1);
    auto* offsets = run.arg<int32_t>(2);
    const int64_t n = idx_.elements(run.dyn);
    const auto known = [&](int64_t i) { return idx[i] >= 0 && idx[i] < n_experts_; };
    std::memset(offsets, 0, static_cast<uint64_t>(n_experts_ + 1) * sizeof(int32_t));
    for (int64_t i = 0; i < n; ++i) {
      if (known(i)) ++offsets[idx[i] + 1];
    }
    for (int64_t e = 0; e < n_experts_; ++e) offsets[e + 1] += offsets[e];
    int64_t rest = offsets[n_experts_];
    for (int64_t i = 0; i < n; ++i) {
      const int64_t at = known(i) ? offsets[idx[i]]++ : rest++;
      order[at] = static_cast<int32_t>(i);
    }
    // Each offset has become that of the next expert.
    for (int64_t e = n_experts_; e > 0; --e) offsets[e] = offsets[e - 1];
    offsets[0] = 0;
  }

 private:
  Tensor idx_;
  int64_t n_experts_ = 0;
};

// z[t] = Σ_j weights[t, j] y[r], where order[r] = t*k+j; in order of j.
class MoeCombineOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void*) override {
    avx512_ = target.avx512;
    y_ = region.slot(0);
    weights_ = region.slot(2);
    return y_.columns() < 0 ? "the last dim is dynamic" : nullptr;
  }

  // Which row a slot has become, -1: none.
  uint64_t ws_bytes() const override { return static_cast<uint64_t>(weights_.bounds(0, 2)) * sizeof(int32_t); }

  void run(const OpRun& run) const override {
    const int64_t n = y_.columns();
    const int64_t n_tokens = weights_.size(0, run.dyn);
    const int64_t k = weights_.size(1, run.dyn);
    const auto* order = run.arg<const int32_t>(1);
    auto* row_of = reinterpret_cast<int32_t*>(run.ws);
    for (int64_t slot = 0; slot < n_tokens * k; ++slot) row_of[slot] = -1;
    for (int64_t row = 0; row < n_tokens * k; ++row) {
      if (order[row] >= 0 && order[row] < n_tokens * k) row_of[order[row]] = static_cast<int32_t>(row);
    }
    const auto add_scaled = avx512_ ? avx512::add_scaled : avx2::add_scaled;
    for_ranges(run, n_tokens, n * k, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        float* z = run.arg<float>(3) + t * n;
        std::memset(z, 0, static_cast<uint64_t>(n) * sizeof(float));
        for (int64_t slot = t * k; slot < (t + 1) * k; ++slot) {
          if (row_of[slot] < 0) continue;
          add_scaled(run.arg<const float>(2)[slot], run.arg<const float>(0) + row_of[slot] * n, z, n);
        }
      }
    });
  }

 private:
  Tensor y_;
  Tensor weights_;
  bool avx512_ = false;
};

constexpr bp_kernel kRows[] = {
    row<ExpertSortOp>({.id = "cpu.expert_sort", .pattern = "expert_sort"}),
    row<MoeCombineOp>({.id = "cpu.moe_combine", .pattern = "moe_combine", .where = "dtype(y)=f32; dtype(weights)=f32"}),
};

}  // namespace

std::span<const bp_kernel> expert_rows() { return kRows; }

}  // namespace bp::cpu
