#include "kernels/sample.h"

#include "kernels/softmax.h"
#include "ops/rows.h"

namespace bp::cpu {
namespace {

// token[s] drawn from logits[s, :]; slots logits, temperature, top_k, top_p, min_p, seed, position, token.
class SampleOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void*) override {
    avx512_ = target.avx512;
    n_threads_ = target.n_threads;
    logits_ = region.slot(0);
    return logits_.rank == 2 && logits_.columns() > 0 ? nullptr : "logits are not [sequences, vocab]";
  }

  uint64_t ws_bytes() const override {
    return static_cast<uint64_t>(n_threads_) * static_cast<uint64_t>(logits_.columns()) * sizeof(Candidate);
  }

  void run(const OpRun& run) const override {
    const int64_t n_vocab = logits_.columns();
    for_pieces(run, logits_.size(0, run.dyn), n_vocab, [&](int64_t piece, int64_t begin, int64_t end) {
      auto* scratch = reinterpret_cast<Candidate*>(run.ws) + piece * n_vocab;
      for (int64_t s = begin; s < end; ++s) run.arg<int32_t>(7)[s] = draw(run, s, scratch);
    });
  }

 private:
  int32_t draw(const OpRun& run, int64_t s, Candidate* scratch) const {
    const int64_t n_vocab = logits_.columns();
    const float* logits = run.arg<const float>(0) + s * n_vocab;
    const float temperature = run.arg<const float>(1)[s];
    if (!(temperature > 0)) return (avx512_ ? avx512::argmax : avx2::argmax)(logits, n_vocab);
    const SampleParams params{temperature,
                              run.arg<const int32_t>(2)[s],
                              run.arg<const float>(3)[s],
                              run.arg<const float>(4)[s],
                              run.arg<const int64_t>(5)[s],
                              run.arg<const int32_t>(6)[s]};
    return sample_token(logits, n_vocab, params, scratch);
  }

  Tensor logits_;
  int64_t n_threads_ = 1;
  bool avx512_ = false;
};

constexpr bp_kernel kRows[] = {
    row<SampleOp>({.id = "cpu.sample", .pattern = "sample", .where = "dtype(logits)=f32"}),
};

}  // namespace

std::span<const bp_kernel> sample_rows() { return kRows; }

}  // namespace bp::cpu
