// The next token of each sequence.
#include "portable/sample.h"

#include "ops/rows.h"

namespace bp::cuda {
namespace {

// Slots logits, temperature, top_k, top_p, min_p, seed, position, token.
class SampleOp final : public Op {
 public:
  const char* init(const RegionView& region, const void*) override {
    logits_ = region.slot(0);
    if (logits_.rank != 2 || logits_.columns() < 1) return "logits is not [sequences, vocab]";
    return logits_.columns() > INT32_MAX ? "a vocabulary of more than 2^31 tokens" : nullptr;
  }
  void run(const OpRun& run) const override {
    gpu::sample(run.at, {run.arg<const float>(0), run.arg<const float>(1), run.arg<const int32_t>(2),
                         run.arg<const float>(3), run.arg<const float>(4), run.arg<const int64_t>(5),
                         run.arg<const int32_t>(6), run.arg<int32_t>(7), run.extent(logits_, 0), logits_.columns()});
  }

 private:
  Tensor logits_;
};

constexpr bp_kernel kRows[] = {
    row<SampleOp>({.id = "cuda.sample", .pattern = "sample", .where = "dtype(logits)=f32"}),
};

}  // namespace

std::span<const bp_kernel> sample_rows() { return kRows; }

}  // namespace bp::cuda
