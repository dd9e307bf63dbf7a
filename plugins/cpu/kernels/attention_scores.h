// Scores of a tile of rows against a block of keys, and their softmax. Included like simd.h.
#pragma once

#include "kernels/attention_keys.h"

namespace bp::cpu::BP_CPU_ISA {
namespace {

constexpr float kInfinity = __builtin_inff();
constexpr int kTileRows = static_cast<int>(kAttentionTileRows);
#if defined(__AVX512F__)
constexpr int kTileVectors = 4;  // 6 x 4 accumulators of 32 registers
#else
constexpr int kTileVectors = 2;  // 6 x 2 of 16
#endif
constexpr int64_t kVectorsPerBlock = kBlockKeys / kLanes;

// A tile's rows of a head: `row` counts from the span's begin, `at` within q and the state.
struct Tile {
  int64_t head, row, at;
};

// s[r, key] = sum over d of q[r, d] keys[d, key], one chain of FMAs each.
template <int R, class Keys>
inline void scores(const float* q, int64_t head_dim, const typename Keys::Element* keys, Ahead* ahead, float* s) {
  constexpr int C = kTileVectors;
  for (int64_t c0 = 0; c0 < kBlockKeys; c0 += C * kLanes) {
    V acc[R][C];
    for (int r = 0; r < R; ++r) {
      for (int c = 0; c < C; ++c) acc[r][c] = zero();
    }
    const typename Keys::Element* column = keys + c0;
    for (int64_t d = 0; d < head_dim; ++d) {
      V k[C];
      for (int c = 0; c < C; ++c) k[c] = Keys::whole(column + d * kBlockKeys, c * kLanes);
      if (ahead != nullptr) {
        for (size_t i = 0; i < sizeof(typename Keys::Element); i += 1) ahead->step();
      }
      for (int r = 0; r < R; ++r) {
        const V x = set1(q[r * head_dim + d]);
        for (int c = 0; c < C; ++c) acc[r][c] = fma(x, k[c], acc[r][c]);
      }
    }
    for (int r = 0; r < R; ++r) {
      for (int c = 0; c < C; ++c) store(s + r * kBlockKeys + c0 + c * kLanes, acc[r][c]);
    }
  }
}

// Bits of the keys of a block that a row may see.
inline uint64_t visible(const Span& span, const Block& block, int64_t row) {
  const AttentionArgs& a = *span.args;
  const int64_t pos = span.row_pos(row);
  uint64_t bits = block.exist;
  if (a.causal) {
    const int64_t n = pos + 1 - block.first_key;
    if (n <= 0) return 0;
    if (n < kBlockKeys) bits &= (uint64_t{1} << n) - 1;
  }
  if (a.window > 0) {
    const int64_t n = pos - a.window + 1 - block.first_key;  // so many are too old
    if (n >= kBlockKeys) return 0;
    if (n > 0) bits &= ~((uint64_t{1} << n) - 1);
  }
  return bits;
}

inline VMask lanes_of(uint64_t bits, int64_t vector) {
  return mask_of_bits(static_cast<uint32_t>(bits >> (vector * kLanes)) & ((1u << kLanes) - 1u));
}

// Softcap, alibi and mask of one row's scores in place; of what is not visible only that it is finite matters.
inline void adjust(const Span& span, const Block& block, int64_t head, int64_t row, float* s) {
  const AttentionArgs& a = *span.args;
  if (a.softcap > 0) {
    const V cap = set1(a.softcap);
    const V inverse = set1(1.0f / a.softcap);
    for (int64_t c = 0; c < kBlockKeys; c += kLanes) store(s + c, mul(tanh(mul(load(s + c), inverse)), cap));
  }
  if (a.alibi != nullptr) {
    const V slope = set1(a.alibi[span.row_head(head, row)]);
    const int64_t distance = block.first_key - span.row_pos(row);
    for (int64_t c = 0; c < kBlockKeys; c += kLanes) {
      const V d = add(set1(static_cast<float>(distance + c)), iota());
      store(s + c, add(load(s + c), mul(slope, d)));
    }
  }
  if (a.mask != nullptr) {
    const float* mask = a.mask + (span.token0 + span.row_token(row)) * a.mask_cols + block.first_key;
    const int64_t n = least(kBlockKeys, a.mask_cols - block.first_key);
    for (int64_t j = 0; j < n; ++j) s[j] += mask[j];
  }
}

inline float row_max(const float* s, uint64_t bits) {
  V best = set1(-kInfinity);
  for (int64_t c = 0; c < kVectorsPerBlock; ++c) {
    best = max(select(lanes_of(bits, c), load(s + c * kLanes), set1(-kInfinity)), best);
  }
  return greatest(best);
}

// s = exp(s - top) for visible keys, else 0; returns their sum.
inline float exponentials(float* s, uint64_t bits, float top) {
  const V t = set1(top);
  V total = zero();
  for (int64_t c = 0; c < kVectorsPerBlock; ++c) {
    const V e = select(lanes_of(bits, c), exp(sub(load(s + c * kLanes), t)), zero());
    store(s + c * kLanes, e);
    total = add(total, e);
  }
  return sum(total);
}

// Softmax step of a tile: scores become weights, decay[r] is what the sums so far are worth.
template <int R>
inline void softmax_step(const Span& span, const Block& block, const Tile& tile, const uint64_t* bits, float* s,
                         float* decay, const AttentionState& state) {
  const bool plain = span.args->softcap <= 0 && span.args->alibi == nullptr && span.args->mask == nullptr;
  alignas(64) float shift[kLanes] = {};
  float next[R];
  for (int r = 0; r < R; ++r) {
    float* sr = s + r * kBlockKeys;
    if (!plain) adjust(span, block, tile.head, tile.row + r, sr);
    const float before = state.top[tile.at + r];
    const float here = row_max(sr, bits[r]);
    next[r] = here > before ? here : before;
    shift[r] = next[r] == -kInfinity ? 0.0f : before - next[r];
  }
  store(decay, exp(load(shift)));
  for (int r = 0; r < R; ++r) {
    const uint64_t seen = next[r] == -kInfinity ? 0 : bits[r];
    const float weight = exponentials(s + r * kBlockKeys, seen, next[r]);
    state.weight[tile.at + r] = state.weight[tile.at + r] * decay[r] + weight;
    state.top[tile.at + r] = next[r];
  }
}

}  // namespace
}  // namespace bp::cpu::BP_CPU_ISA
