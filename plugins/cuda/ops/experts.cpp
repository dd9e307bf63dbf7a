// Mixture of experts: slots sorted by expert, and the results' way back.
#include "portable/experts.h"

#include "ops/rows.h"

namespace bp::cuda {
namespace {

// Slots idx, order, offsets.
class ExpertSortOp final : public Op {
 public:
  const char* init(const RegionView& region, const void*) override {
    idx_ = region.slot(0);
    n_experts_ = region.attr_int("n_experts", 0);
    return n_experts_ < 1 ? "there are no experts" : check_dynamic(idx_);
  }
  void run(const OpRun& run) const override {
    gpu::expert_sort(
        run.at, {run.arg<const int32_t>(0), run.arg<int32_t>(1), run.arg<int32_t>(2), run.elements(idx_), n_experts_});
  }

 private:
  Tensor idx_;
  int64_t n_experts_ = 1;
};

// Slots y, order, weights, z.
class CombineOp final : public Op {
 public:
  const char* init(const RegionView& region, const void*) override {
    y_ = region.slot(0);
    weights_ = region.slot(2);
    if (y_.rank != 2 || y_.columns() < 0) return "y is not [slots, N]";
    return weights_.rank == 2 && weights_.is_static(1) ? nullptr : "the slots of a token are dynamic";
  }
  uint64_t ws_bytes() const override { return static_cast<uint64_t>(weights_.elements()) * sizeof(int32_t); }
  void run(const OpRun& run) const override {
    gpu::moe_combine(run.at,
                     {run.arg<const float>(0), run.arg<const int32_t>(1), run.arg<const float>(2), run.arg<float>(3),
                      reinterpret_cast<int32_t*>(run.ws), run.extent(weights_, 0), weights_.dim[1], y_.dim[1]});
  }

 private:
  Tensor y_, weights_;
};

constexpr bp_kernel kRows[] = {
    row<ExpertSortOp>({.id = "cuda.expert_sort", .pattern = "expert_sort"}),
    row<CombineOp>({.id = "cuda.moe_combine", .pattern = "moe_combine", .where = "dtype(y)=f32; dtype(weights)=f32"}),
};

}  // namespace

std::span<const bp_kernel> expert_rows() { return kRows; }

}  // namespace bp::cuda
