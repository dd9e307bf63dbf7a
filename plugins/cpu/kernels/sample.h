// Draws one token from a row of logits: temperature, top-k, min-p, top-p, in that order (docs/opset.md, sample).
// Thread-safety: pure; `scratch` is the caller's.
#pragma once

#include <cstdint>

namespace bp::cpu {

struct Candidate {
  float logit;  // divided by the temperature
  int32_t token;
};

struct SampleParams {
  float temperature;  // > 0
  int32_t top_k;      // 0: all
  float top_p;
  float min_p;
  int64_t seed;
  int64_t position;
};

// [0, 1), the same for the same seed and position on every device.
float sample_uniform(int64_t seed, int64_t position);
// `scratch` has room for n_vocab candidates. REQUIRES: n_vocab > 0. NaN logits count as -inf.
int32_t sample_token(const float* logits, int64_t n_vocab, const SampleParams& params, Candidate* scratch);

}  // namespace bp::cpu
