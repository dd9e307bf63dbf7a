#include "kernels/sample.h"

#include <algorithm>
#include <cmath>

namespace bp::cpu {
namespace {

bool before(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
}

// Candidates in descending order, sorted as far as somebody looked: nearly always the first few hundred of a
// vocabulary.
class Sorted {
 public:
  Sorted(Candidate* items, int64_t n) : items_(items), n_(n) {}

  const Candidate& at(int64_t i) {
    while (i >= n_sorted_) extend();
    return items_[i];
  }

 private:
  void extend() {
    const int64_t end = std::min(n_, std::max<int64_t>(256, n_sorted_ * 4));
    if (end < n_) std::nth_element(items_ + n_sorted_, items_ + end, items_ + n_, before);
    std::sort(items_ + n_sorted_, items_ + end, before);
    n_sorted_ = end;
  }

  Candidate* items_;
  int64_t n_;
  int64_t n_sorted_ = 0;
};

int64_t fill(const float* logits, int64_t n_vocab, float temperature, Candidate* out) {
  for (int64_t i = 0; i < n_vocab; ++i) {
    const float x = std::isnan(logits[i]) ? -INFINITY : logits[i] / temperature;
    out[i] = {x, static_cast<int32_t>(i)};
  }
  return n_vocab;
}

// How many candidates stay, and the sum of their weights (exp of the distance to the best).
struct Kept {
  int64_t n = 0;
  double weight = 0;
};

Kept keep(Sorted& sorted, int64_t n, const SampleParams& params, float top, double total) {
  if (params.top_p >= 1.0f && params.min_p <= 0.0f) return {n, total};
  Kept kept;
  while (kept.n < n) {
    const double weight = std::exp(sorted.at(kept.n).logit - top);
    if (kept.n > 0 && weight < static_cast<double>(params.min_p)) break;
    kept.weight += weight;
    ++kept.n;
    if (params.top_p < 1.0f && kept.weight >= static_cast<double>(params.top_p) * total) break;
  }
  return kept;
}

}  // namespace

float sample_uniform(int64_t seed, int64_t position) {
  uint64_t z = static_cast<uint64_t>(seed) + 0x9E3779B97F4A7C15u * (static_cast<uint64_t>(position) + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  return static_cast<float>(z >> 40) * 0x1p-24f;
}

int32_t sample_token(const float* logits, int64_t n_vocab, const SampleParams& params, Candidate* scratch) {
  int64_t n = fill(logits, n_vocab, params.temperature, scratch);
  Sorted sorted(scratch, n);
  if (params.top_k > 0 && params.top_k < n) n = params.top_k;
  const float top = sorted.at(0).logit;
  if (std::isinf(top)) return scratch[0].token;  // all -inf, or some infinite: the first of the best
  double total = 0;
  if (n < n_vocab) {
    for (int64_t i = 0; i < n; ++i) total += std::exp(sorted.at(i).logit - top);
  } else {
    for (int64_t i = 0; i < n; ++i) total += std::exp(scratch[i].logit - top);
  }
  const Kept kept = keep(sorted, n, params, top, total);
  const double target = static_cast<double>(sample_uniform(params.seed, params.position)) * kept.weight;
  double sum = 0;
  for (int64_t i = 0; i < kept.n; ++i) {
    sum += std::exp(sorted.at(i).logit - top);
    if (sum > target) return sorted.at(i).token;
  }
  return sorted.at(kept.n - 1).token;
}

}  // namespace bp::cpu
