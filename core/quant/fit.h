// The step (and offset) that a short run of values is best rounded with: weighted least squares over a range of first
// guesses, each of which fixes the levels that the step is then solved for. Internal to the module.
// Thread-safe: pure functions.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/half.h"
#include "quant/lanes.h"

namespace bp::quant {

// The nearest float16, at most the largest finite one.
inline float as_f16(float x) { return f16_to_f32(f32_to_f16(std::clamp(x, -65504.0f, 65504.0f))); }

// x ≈ scale * q - offset
struct Fit {
  float scale = 0.0f;
  float offset = 0.0f;
  float error = std::numeric_limits<float>::infinity();  // Σ weight (x - its approximation)^2
};

struct Moments {
  float w = 0, wx = 0, wq = 0, wqq = 0, wxq = 0;
};

template <int kSize>
Moments moments(const Values<kSize>& values, const Levels<kSize>& q) {
  const Lanes zero = lanes_of(0.0f);
  Lanes w = zero, wx = zero, wq = zero, wqq = zero, wxq = zero;
  for (size_t i = 0; i < q.size(); ++i) {
    const Lanes weighted_q = values.weight[i] * q[i];
    w += values.weight[i];
    wx += values.weight[i] * values.x[i];
    wq += weighted_q;
    wqq += weighted_q * q[i];
    wxq += weighted_q * values.x[i];
  }
  return {lanes_sum(w), lanes_sum(wx), lanes_sum(wq), lanes_sum(wqq), lanes_sum(wxq)};
}

// The offsets that a format can express.
enum class OffsetRange { kNotNegative, kAny };

// The best scale and offset for given levels; scale 0 where there is none.
inline Fit solve_affine(const Moments& sums, OffsetRange offsets) {
  const float determinant = sums.w * sums.wqq - sums.wq * sums.wq;
  Fit fit;
  if (determinant > 0.0f) {
    fit.scale = (sums.w * sums.wxq - sums.wx * sums.wq) / determinant;
    fit.offset = (sums.wq * sums.wxq - sums.wqq * sums.wx) / determinant;
  }
  if (determinant <= 0.0f || (fit.offset < 0.0f && offsets == OffsetRange::kNotNegative)) {
    fit.scale = sums.wqq > 0.0f ? sums.wxq / sums.wqq : 0.0f;
    fit.offset = 0.0f;
  }
  return fit;
}

// Levels 0..max_level.
template <int kSize>
Fit fit_affine(const Values<kSize>& values, int max_level, OffsetRange offsets) {
  Lanes lowest = offsets == OffsetRange::kAny ? values.x[0] : lanes_of(0.0f), highest = values.x[0];
  for (const Lanes x : values.x) {
    lowest = lanes_min(lowest, x);
    highest = lanes_max(highest, x);
  }
  const float low = std::min({lowest[0], lowest[1], lowest[2], lowest[3]});
  const float high = std::max({highest[0], highest[1], highest[2], highest[3]});
  Fit best{0.0f, -low, weighted_error(values, Levels<kSize>{}, 0.0f, -low)};
  const auto top = static_cast<float>(max_level);
  const auto consider = [&](float inverse, float offset) {
    const Levels<kSize> q = nearest_levels(values, inverse, offset, 0.0f, top);
    Fit fit = solve_affine(moments(values, q), offsets);
    if (!(fit.scale > 0.0f)) return false;
    fit.error = weighted_error(values, q, fit.scale, fit.offset);
    if (!(fit.error < best.error)) return false;
    best = fit;
    return true;
  };
  if (!(high > low)) return best;
  constexpr int kGuesses = 21;
  for (int i = 0; i < kGuesses; ++i) {
    consider((top - 1.0f + 0.1f * static_cast<float>(i)) / (high - low), -low);
  }
  constexpr int kRounds = 4;
  for (int i = 0; i < kRounds && best.scale > 0.0f; ++i) {
    if (!consider(1.0f / best.scale, best.offset)) break;
  }
  return best;
}

// Levels low_level..-low_level - 1, offset 0. The scale may be negative.
template <int kSize>
Fit fit_symmetric(const Values<kSize>& values, int low_level) {
  float extreme = 0.0f;
  for (const Lanes x : values.x) {
    for (int lane = 0; lane < kLanes; ++lane) {
      if (std::fabs(x[lane]) > std::fabs(extreme)) extreme = x[lane];
    }
  }
  const auto low = static_cast<float>(low_level);
  Fit best{0.0f, 0.0f, weighted_error(values, Levels<kSize>{}, 0.0f, 0.0f)};
  const auto consider = [&](float inverse) {
    const Levels<kSize> q = nearest_levels(values, inverse, 0.0f, low, -low - 1.0f);
    const Moments sums = moments(values, q);
    if (!(sums.wqq > 0.0f)) return false;
    const float scale = sums.wxq / sums.wqq;
    const float error = weighted_error(values, q, scale, 0.0f);
    if (!(error < best.error)) return false;
    best = {scale, 0.0f, error};
    return true;
  };
  if (extreme == 0.0f) return best;
  constexpr int kGuesses = 10;  // on either side of the step that makes the extreme the lowest level
  for (int i = -kGuesses; i <= kGuesses; ++i) consider((low - 0.1f * static_cast<float>(i)) / extreme);
  constexpr int kRounds = 4;
  for (int i = 0; i < kRounds && best.scale != 0.0f; ++i) {
    if (!consider(1.0f / best.scale)) break;
  }
  return best;
}

}  // namespace bp::quant
