// A few values of a block and the weights of their errors, four lanes at a time. The lanes are added up in one fixed
// order, so that a block is encoded alike on every processor. Internal to the module. Thread-safe: plain values.
#pragma once

#include <array>
#include <cstring>

namespace bp::quant {

using Lanes = float __attribute__((vector_size(16)));
inline constexpr int kLanes = 4;

inline Lanes lanes_of(float x) { return Lanes{x, x, x, x}; }
inline Lanes lanes_min(Lanes a, Lanes b) { return a < b ? a : b; }
inline Lanes lanes_max(Lanes a, Lanes b) { return a > b ? a : b; }  // b where a is NaN
inline float lanes_sum(Lanes x) { return (x[0] + x[2]) + (x[1] + x[3]); }

template <int kSize>
struct Values {
  static constexpr int kVectors = kSize / kLanes;
  std::array<Lanes, kVectors> x, weight;

  void load(const float* x_src, const float* weight_src) {
    std::memcpy(x.data(), x_src, sizeof(x));
    std::memcpy(weight.data(), weight_src, sizeof(weight));
  }
};

template <int kSize>
using Levels = std::array<Lanes, kSize / kLanes>;

template <int kSize>
int level_at(const Levels<kSize>& q, int i) {
  return static_cast<int>(q[static_cast<size_t>(i / kLanes)][i % kLanes]);
}

// The whole number nearest to (x + offset) * inverse, within [low, high]; low where that is NaN.
template <int kSize>
Levels<kSize> nearest_levels(const Values<kSize>& values, float inverse, float offset, float low, float high) {
  constexpr float kRounder = 12582912.0f;  // 1.5 * 2^23: adding it leaves no bits for a fraction
  Levels<kSize> q;
  for (size_t i = 0; i < q.size(); ++i) {
    const Lanes scaled = (values.x[i] + lanes_of(offset)) * lanes_of(inverse);
    const Lanes clamped = lanes_min(lanes_max(scaled, lanes_of(low)), lanes_of(high));
    q[i] = (clamped + lanes_of(kRounder)) - lanes_of(kRounder);
  }
  return q;
}

// Σ weight (x - (scale * q - offset))^2
template <int kSize>
float weighted_error(const Values<kSize>& values, const Levels<kSize>& q, float scale, float offset) {
  Lanes sum = lanes_of(0.0f);
  for (size_t i = 0; i < q.size(); ++i) {
    const Lanes error = values.x[i] - (lanes_of(scale) * q[i] - lanes_of(offset));
    sum += values.weight[i] * error * error;
  }
  return lanes_sum(sum);
}

}  // namespace bp::quant
