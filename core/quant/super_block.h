// The search behind the K formats: 256 values in sub-blocks of kSub, whose scales are small integers times float16.
// First each sub-block is fitted alone (fit.h); then, for the scales those fits suggest, the integers near them are
// tried with the error that the decoder will make; then the float16 factors are solved for again, while that helps.
// Internal to the module. Thread-safe: pure functions.
#pragma once

#include "quant/fit.h"

namespace bp::quant {

inline constexpr int kSuperBlock = 256;

// x[i] ≈ d * s[j] * q[i] - d_min * m[j], j = i / kSub
template <int kSub>
struct SuperBlock {
  static constexpr int kCount = kSuperBlock / kSub;
  float d = 0.0f, d_min = 0.0f;  // float16 numbers
  std::array<int, kCount> s{}, m{};
  std::array<Levels<kSub>, kCount> q{};
  float error = 0.0f;

  int s_at(int j) const { return s[static_cast<size_t>(j)]; }
  int m_at(int j) const { return m[static_cast<size_t>(j)]; }
  int level(int i) const { return level_at<kSub>(q[static_cast<size_t>(i / kSub)], i % kSub); }
};

// Ranges of the integers: q and s within [low, high], m within [0, s_high] if the format has it, else 0.
struct SuperBlockRange {
  int q_low, q_high, s_low, s_high;
  bool has_minimum;
};

template <int kSub>
class SuperBlockSearch {
 public:
  static constexpr int kCount = kSuperBlock / kSub;

  // x, weight [256]
  SuperBlockSearch(const float* x, const float* weight, const SuperBlockRange& range) : range_(range) {
    for (size_t j = 0; j < kCount; ++j) {
      values_[j].load(x + j * kSub, weight + j * kSub);
      fits_[j] = range.has_minimum ? fit_affine(values_[j], range.q_high, OffsetRange::kNotNegative)
                                   : fit_symmetric(values_[j], range.q_low);
    }
  }

  SuperBlock<kSub> run() const {
    float scale = 0.0f, offset = 0.0f;  // the extremes, the first with its sign
    for (const Fit& fit : fits_) {
      if (std::fabs(fit.scale) > std::fabs(scale)) scale = fit.scale;
      offset = std::max(offset, fit.offset);
    }
    const auto s_limit = static_cast<float>(range_.has_minimum ? range_.s_high : range_.s_low);
    SuperBlock<kSub> best = choose(as_f16(scale / s_limit), as_f16(offset / static_cast<float>(range_.s_high)));
    constexpr int kRounds = 3;
    for (int round = 0; round < kRounds; ++round) {
      const auto [d, d_min] = solve(best);
      const SuperBlock<kSub> next = choose(d, d_min);
      if (!(next.error < best.error)) break;
      best = next;
    }
    return best;
  }

 private:
  static int nearest(float value, float step, int low, int high) {
    const float x = value / step;
    return std::isfinite(x)
               ? static_cast<int>(std::nearbyint(std::clamp(x, static_cast<float>(low), static_cast<float>(high))))
               : 0;
  }

  // The best integers for given factors.
  SuperBlock<kSub> choose(float d, float d_min) const {
    SuperBlock<kSub> block;
    block.d = d;
    block.d_min = d_min;
    for (size_t j = 0; j < kCount; ++j) {
      float best = std::numeric_limits<float>::infinity();
      const int s_near = nearest(fits_[j].scale, d, range_.s_low, range_.s_high);
      const int m_near = nearest(fits_[j].offset, d_min, 0, range_.s_high);
      for (const int s_step : {0, -1, 1}) {
        for (const int m_step : {0, -1, 1}) try_integers(block, j, s_near + s_step, m_near + m_step, best);
      }
      block.error += best;
    }
    return block;
  }

  void try_integers(SuperBlock<kSub>& block, size_t j, int s, int m, float& best) const {
    if (s < range_.s_low || s > range_.s_high || m < 0 || m > (range_.has_minimum ? range_.s_high : 0)) return;
    const float scale = block.d * static_cast<float>(s), offset = block.d_min * static_cast<float>(m);
    const float inverse = scale == 0.0f ? 0.0f : 1.0f / scale;
    const float low = scale == 0.0f ? 0.0f : static_cast<float>(range_.q_low);
    const float high = scale == 0.0f ? 0.0f : static_cast<float>(range_.q_high);
    const Levels<kSub> q = nearest_levels(values_[j], inverse, offset, low, high);
    const float error = weighted_error(values_[j], q, scale, offset);
    if (!(error < best)) return;
    best = error;
    block.s[j] = s;
    block.m[j] = m;
    block.q[j] = q;
  }

  struct Factors {
    float d, d_min;
  };

  // The least-squares factors for given integers: two unknowns, a[i] = s q and b[i] = -m.
  Factors solve(const SuperBlock<kSub>& block) const {
    double aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;
    for (size_t j = 0; j < kCount; ++j) {
      const Moments sums = moments(values_[j], block.q[j]);
      const double s = block.s[j], m = block.m[j];
      aa += s * s * static_cast<double>(sums.wqq);
      ab -= s * m * static_cast<double>(sums.wq);
      bb += m * m * static_cast<double>(sums.w);
      ax += s * static_cast<double>(sums.wxq);
      bx -= m * static_cast<double>(sums.wx);
    }
    const double determinant = aa * bb - ab * ab;
    if (bb > 0 && determinant > 1e-12 * aa * bb) {
      const double d_min = (aa * bx - ab * ax) / determinant;
      if (d_min >= 0)
        return {as_f16(static_cast<float>((bb * ax - ab * bx) / determinant)), as_f16(static_cast<float>(d_min))};
    }
    const double left = ax - static_cast<double>(block.d_min) * ab;
    return {aa > 0 ? as_f16(static_cast<float>(left / aa)) : block.d, block.d_min};
  }

  SuperBlockRange range_;
  std::array<Values<kSub>, kCount> values_;
  std::array<Fit, kCount> fits_;
};

}  // namespace bp::quant
