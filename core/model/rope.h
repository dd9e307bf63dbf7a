// Rotary position embedding of the Llama family: the frequencies, computed as transformers 5 computes them.
// Thread-safe: plain values and a pure function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace bp {

enum class RopeType {
  kDefault,
  kLinear,    // positions divided by `factor`
  kDynamic,   // grows its base beyond the model's context; within it, where the engine stays, it is kDefault
  kLlama3,    // low frequencies divided by `factor`, a smooth band between
  kYarn,      // https://arxiv.org/abs/2309.00071
  kLongrope,  // https://arxiv.org/abs/2402.13753: divisors for texts within the original context, others for longer
};
std::optional<RopeType> parse_rope_type(std::string_view name);  // as in config.json

struct RopeConfig {
  RopeType type = RopeType::kDefault;
  double theta = 10000.0;
  int64_t n_rot = 0;         // columns of each head that rotate; the others pass
  bool interleaved = false;  // pairs (2i, 2i + 1) rather than (i, i + n_rot / 2)
  double factor = 1.0;
  int64_t original_context = 0;  // positions of the pretraining: all scaled ones but linear
  double low_freq_factor = 1.0;  // llama3
  double high_freq_factor = 4.0;
  double beta_fast = 32.0;  // yarn
  double beta_slow = 1.0;
  bool truncate = true;
  std::optional<double> attention_factor;  // yarn, longrope; else from factor, mscale and mscale_all_dim
  double mscale = 0.0;                     // 0: not given
  double mscale_all_dim = 0.0;
  std::vector<float> divisors;       // [n_rot/2] or empty: each frequency is divided by its own (GGUF's rope_freqs)
  std::vector<float> long_divisors;  // longrope: of texts longer than the original context
};

struct RopeTable {
  std::vector<float> inv_freq;    // [n_variants, n_rot/2]: angle = position * inv_freq[i]
  int64_t n_variants = 1;         // 2: a second row for sequences longer than the original context
  double attention_factor = 1.0;  // multiplies cos and sin
};

// Checks the parameters (finite, positive, n_rot even and within head_dim …). `where` names the file.
Status check_rope(const RopeConfig& rope, int64_t head_dim, const std::string& where);

// 0.1 mscale ln(factor) + 1: what yarn multiplies cos and sin with, and 1 where nothing is stretched.
double yarn_mscale(double factor, double mscale);

// REQUIRES: check_rope() passed.
RopeTable compute_rope(const RopeConfig& rope);

// kDynamic: [n_rot/2] of the tokens that are computed when their text has `length` tokens (as transformers grows the
// base). REQUIRES: check_rope() passed.
std::vector<float> dynamic_frequencies(const RopeConfig& rope, int64_t length);

}  // namespace bp
