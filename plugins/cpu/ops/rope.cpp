#include "ops/rope_op.h"
#include "ops/rows.h"

namespace bp::cpu {
namespace {

// y = rope(x, positions, freqs, variant?)
class RopeOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void*) override {
    n_threads_ = target.n_threads;
    return plan_.init(region, target, 0);
  }

  // Angles for each piece of tokens that runs at once.
  uint64_t ws_bytes() const override {
    return static_cast<uint64_t>(n_threads_) * static_cast<uint64_t>(plan_.angle_floats()) * sizeof(float);
  }

  void run(const OpRun& run) const override {
    const RopePlan::Inputs in{run.arg<const float>(0), run.arg<const int32_t>(1), run.arg<const float>(2),
                              run.arg<const int32_t>(3)};
    auto* y = run.arg<float>(4);
    const int64_t row = plan_.n_heads() * plan_.head_dim();
    for_pieces(run, plan_.n_tokens(run), row, [&](int64_t piece, int64_t begin, int64_t end) {
      float* angles = reinterpret_cast<float*>(run.ws) + piece * plan_.angle_floats();
      for (int64_t t = begin; t < end; ++t) plan_.rotate(in, t, angles, y + t * row);
    });
  }

 private:
  RopePlan plan_;
  int64_t n_threads_ = 1;
};

constexpr bp_kernel kRows[] = {
    row<RopeOp>({.id = "cpu.rope", .pattern = "rope", .where = "dtype(x)=f32", .alias = "out=x"}),
};

}  // namespace

std::span<const bp_kernel> rope_rows() { return kRows; }

}  // namespace bp::cpu
