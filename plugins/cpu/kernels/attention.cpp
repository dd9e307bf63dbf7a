// Bound by memory for decode (each K and V row is read once for all heads of its group), by f32 FMA for prefill.
// A block of keys is transposed to [head_dim, 64] so that scores run across keys; each score is one chain of FMAs over
// head_dim and each output one chain over keys, whatever the number of rows: that is what makes decode and prefill
// agree bit for bit.
#include "kernels/attention.h"

#include <backplane/plugin.h>

#include "kernels/attention_block.h"

namespace bp::cpu::BP_CPU_ISA {
namespace {

constexpr float kInfinity = __builtin_inff();
constexpr int kTileRows = 6;
#if defined(__AVX512F__)
constexpr int kTileVectors = 4;  // 6 x 4 accumulators of 32 registers
#else
constexpr int kTileVectors = 2;  // 6 x 2 of 16
#endif
constexpr int64_t kVectorsPerBlock = kBlockKeys / kLanes;

// s[r, key] = sum over d of q[r, d] keys[d, key], one chain of FMAs each.
template <int R>
inline void scores(const float* q, int64_t head_dim, const float* keys, int64_t n_keys, float* s) {
  constexpr int C = kTileVectors;
  for (int64_t c0 = 0; c0 < n_keys; c0 += C * kLanes) {
    V acc[R][C];
    for (int r = 0; r < R; ++r) {
      for (int c = 0; c < C; ++c) acc[r][c] = zero();
    }
    const float* column = keys + c0;
    for (int64_t d = 0; d < head_dim; ++d) {
      V k[C];
      for (int c = 0; c < C; ++c) k[c] = load(column + d * kBlockKeys + c * kLanes);
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

// sum[r, i] = sum[r, i] * decay[r] + sum over keys of p[r, key] v[key, i], one chain of FMAs each.
template <int R, int C, class Load>
inline void accumulate_columns(const float* p, const float* decay, const Values& v, int64_t begin, int64_t end,
                               int64_t column, float* sum_out, int64_t stride) {
  V acc[R][C];
  for (int r = 0; r < R; ++r) {
    const V f = set1(decay[r]);
    for (int c = 0; c < C; ++c) acc[r][c] = mul(load(sum_out + r * stride + column + c * kLanes), f);
  }
  for (int64_t j = begin; j < end; ++j) {
    V x[C];
    for (int c = 0; c < C; ++c) x[c] = Load::whole(v.rows[j], column + c * kLanes);
    if (v.next != nullptr) prefetch(v.next[j], column * Load::kBytes, C * kLanes * Load::kBytes);
    for (int r = 0; r < R; ++r) {
      const V w = set1(p[r * kBlockKeys + j]);
      for (int c = 0; c < C; ++c) acc[r][c] = fma(w, x[c], acc[r][c]);
    }
  }
  for (int r = 0; r < R; ++r) {
    for (int c = 0; c < C; ++c) store(sum_out + r * stride + column + c * kLanes, acc[r][c]);
  }
}

template <int R, class Load>
inline void accumulate(const float* p, const float* decay, const Values& v, int64_t begin, int64_t end, float* sum_out,
                       int64_t stride, int64_t width) {
  int64_t column = 0;
  for (; column + kTileVectors * kLanes <= width; column += kTileVectors * kLanes) {
    accumulate_columns<R, kTileVectors, Load>(p, decay, v, begin, end, column, sum_out, stride);
  }
  for (; column < width; column += kLanes) {
    accumulate_columns<R, 1, Load>(p, decay, v, begin, end, column, sum_out, stride);
  }
}

// Bits of the keys of a block that a row may see.
inline uint64_t visible(const Span& span, const Block& block, int64_t r) {
  const AttentionArgs& a = *span.args;
  const int64_t pos = span.row_pos(r);
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
inline void adjust(const Span& span, const Block& block, int64_t r, float* s) {
  const AttentionArgs& a = *span.args;
  if (a.softcap > 0) {
    const V cap = set1(a.softcap);
    const V inverse = set1(1.0f / a.softcap);
    for (int64_t c = 0; c < kBlockKeys; c += kLanes) store(s + c, mul(tanh(mul(load(s + c), inverse)), cap));
  }
  if (a.alibi != nullptr) {
    const float slope = a.alibi[span.row_head(r)];
    const int64_t distance = block.first_key - span.row_pos(r);
    for (int64_t j = 0; j < kBlockKeys; ++j) s[j] += slope * static_cast<float>(distance + j);
  }
  if (a.mask != nullptr) {
    const float* mask = a.mask + (span.token0 + span.row_token(r)) * a.mask_cols + block.first_key;
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
inline void softmax_step(const Span& span, const Block& block, int64_t row, const uint64_t* bits, float* s,
                         float* decay, const AttentionState& state) {
  const bool plain = span.args->softcap <= 0 && span.args->alibi == nullptr && span.args->mask == nullptr;
  alignas(64) float shift[kLanes] = {};
  float next[R];
  for (int r = 0; r < R; ++r) {
    float* sr = s + r * kBlockKeys;
    if (!plain) adjust(span, block, row + r, sr);
    const float before = state.top[row + r];
    const float here = row_max(sr, bits[r]);
    next[r] = here > before ? here : before;
    shift[r] = next[r] == -kInfinity ? 0.0f : before - next[r];
  }
  store(decay, exp(load(shift)));
  for (int r = 0; r < R; ++r) {
    const uint64_t seen = next[r] == -kInfinity ? 0 : bits[r];
    const float weight = exponentials(s + r * kBlockKeys, seen, next[r]);
    state.weight[row + r] = state.weight[row + r] * decay[r] + weight;
    state.top[row + r] = next[r];
  }
}

template <int R, class Load>
inline void tile(const Span& span, const Block& block, int64_t row, const Values& v, const AttentionState& state) {
  uint64_t bits[R];
  uint64_t any_bits = 0;
  for (int r = 0; r < R; ++r) {
    bits[r] = visible(span, block, row + r);
    any_bits |= bits[r];
  }
  if (any_bits == 0) return;
  alignas(64) float s[R * kBlockKeys];
  alignas(64) float decay[kLanes];
  const int64_t begin = __builtin_ctzll(any_bits);
  const int64_t end = 64 - __builtin_clzll(any_bits);
  const AttentionArgs& a = *span.args;
  scores<R>(span.q + row * a.head_dim, a.head_dim, span.keys, kBlockKeys, s);
  softmax_step<R>(span, block, row, bits, s, decay, state);
  accumulate<R, Load>(s, decay, v, begin, end, state.sum + row * span.sum_stride, span.sum_stride,
                      (a.v_dim + kLanes - 1) / kLanes * kLanes);
}

template <class Load>
inline void tiles(const Span& span, const Block& block, const Values& v, const AttentionState& state) {
  int64_t row = 0;
  for (; row + kTileRows <= span.n_rows; row += kTileRows) tile<kTileRows, Load>(span, block, row, v, state);
  switch (span.n_rows - row) {
    case 1:
      return tile<1, Load>(span, block, row, v, state);
    case 2:
      return tile<2, Load>(span, block, row, v, state);
    case 3:
      return tile<3, Load>(span, block, row, v, state);
    case 4:
      return tile<4, Load>(span, block, row, v, state);
    case 5:
      return tile<5, Load>(span, block, row, v, state);
    default:
      return;
  }
}

// Few rows read V once: converting on the way is cheaper than storing it. Else the converted block serves every tile.
template <class Load>
inline void run_block(const Span& span, const Block& block, const Block& next, const AttentionState& state) {
  const AttentionArgs& a = *span.args;
  transpose_keys<Load>(block, next, a.head_dim, span.keys);
  if (span.n_rows <= kTileRows && a.v_dim % kLanes == 0) {
    tiles<Load>(span, block, {block.v, next.v}, state);
    return;
  }
  copy_values<Load>(block, next, a.v_dim, span.sum_stride, span.values);
  const void* rows[kBlockKeys];
  for (int64_t j = 0; j < kBlockKeys; ++j) rows[j] = span.values + j * span.sum_stride;
  tiles<LoadF32>(span, block, {rows, nullptr}, state);
}

template <class Load>
inline void run_part(const Span& span, int64_t part, const AttentionState& state) {
  const AttentionArgs& a = *span.args;
  const int64_t oldest = a.window > 0 ? most(0, span.row_pos(0) - a.window + 1) : 0;
  const int64_t begin = most(part * kPartKeys, oldest / kBlockKeys * kBlockKeys);
  const int64_t end = least((part + 1) * kPartKeys, span.n_keys);
  Block blocks[2];
  locate(span, begin, Load::kBytes, &blocks[0]);
  for (int64_t key = begin, i = 0; key < end; key += kBlockKeys, ++i) {
    const Block& block = blocks[i % 2];
    Block& next = blocks[(i + 1) % 2];
    locate(span, key + kBlockKeys, Load::kBytes, &next);  // of the next part, too
    if (block.exist != 0) run_block<Load>(span, block, next, state);
  }
}

inline void scale_queries(const Span& span) {
  const AttentionArgs& a = *span.args;
  const V scale = set1(a.scale);
  for (int64_t r = 0; r < span.n_rows; ++r) {
    const float* x = a.q + ((span.token0 + span.row_token(r)) * a.n_heads + span.row_head(r)) * a.head_dim;
    float* y = span.q + r * a.head_dim;
    for_lanes(
        a.head_dim, [&](int64_t i) { store(y + i, mul(load(x + i), scale)); },
        [&](int64_t i, int64_t n) { store(y + i, mul(load(x + i, first(n)), scale), first(n)); });
  }
}

inline Span make_span(const AttentionArgs& a, const AttentionRows& rows, float* scratch) {
  Span span;
  span.args = &a;
  span.rows = rows;
  span.n_rows = rows.end - rows.begin;
  span.token0 = a.seq_start[rows.seq];
  span.first_pos = a.seq_len[rows.seq] - (a.seq_start[rows.seq + 1] - a.seq_start[rows.seq]);
  span.n_keys = a.causal ? least(a.seq_len[rows.seq], span.row_pos(span.n_rows - 1) + 1) : a.seq_len[rows.seq];
  span.sum_stride = padded(a.v_dim);
  span.q = scratch;
  span.keys = span.q + padded(span.n_rows * a.head_dim);
  span.values = span.keys + kBlockKeys * padded(a.head_dim);
  span.zeros = span.values + kBlockKeys * span.sum_stride;
  return span;
}

}  // namespace

void attention_part(const AttentionArgs& args, const AttentionRows& rows, int64_t part, float* scratch,
                    const AttentionState& out) {
  const Span span = make_span(args, rows, scratch);
  for (int64_t r = 0; r < span.n_rows; ++r) {
    out.top[r] = -kInfinity;
    out.weight[r] = 0;
  }
  __builtin_memset(out.sum, 0, static_cast<uint64_t>(span.n_rows * span.sum_stride) * sizeof(float));
  __builtin_memset(span.zeros, 0, static_cast<uint64_t>(padded(most(args.head_dim, args.v_dim))) * sizeof(float));
  scale_queries(span);
  switch (args.kv_dtype) {
    case BP_DT_F32:
      return run_part<LoadF32>(span, part, out);
    case BP_DT_F16:
      return run_part<LoadF16>(span, part, out);
    case BP_DT_BF16:
      return run_part<LoadBF16>(span, part, out);
    default:
      return;
  }
}

void attention_merge(const AttentionRows& rows, int64_t v_dim, const AttentionState& part,
                     const AttentionState& total) {
  const int64_t stride = padded(v_dim);
  for (int64_t r = 0; r < rows.end - rows.begin; ++r) {
    if (part.top[r] == -kInfinity) continue;
    const float* from = part.sum + r * stride;
    float* to = total.sum + r * stride;
    if (total.top[r] == -kInfinity) {
      total.top[r] = part.top[r];
      total.weight[r] = part.weight[r];
      __builtin_memcpy(to, from, static_cast<uint64_t>(stride) * sizeof(float));
      continue;
    }
    const float top = part.top[r] > total.top[r] ? part.top[r] : total.top[r];
    alignas(64) float factor[kLanes] = {part.top[r] - top, total.top[r] - top};
    store(factor, exp(load(factor)));
    const V a = set1(factor[0]);
    const V b = set1(factor[1]);
    total.top[r] = top;
    total.weight[r] = part.weight[r] * factor[0] + total.weight[r] * factor[1];
    for (int64_t i = 0; i < stride; i += kLanes) store(to + i, add(mul(load(from + i), a), mul(load(to + i), b)));
  }
}

void attention_finish(const AttentionArgs& args, const AttentionRows& rows, const AttentionState& total) {
  const int64_t stride = padded(args.v_dim);
  const int64_t group = args.group();
  for (int64_t r = 0; r < rows.end - rows.begin; ++r) {
    const int64_t token = args.seq_start[rows.seq] + (rows.begin + r) / group;
    const int64_t head = rows.kv_head * group + (rows.begin + r) % group;
    float weight = total.weight[r];
    float decay = 1.0f;
    if (args.sinks != nullptr && total.top[r] != -kInfinity) {
      const float sink = args.sinks[head];
      const float top = sink > total.top[r] ? sink : total.top[r];
      alignas(64) float e[kLanes] = {total.top[r] - top, sink - top};
      store(e, exp(load(e)));
      decay = e[0];
      weight = weight * decay + e[1];
    }
    const V factor = set1(weight > 0 ? decay / weight : weight == 0 ? 0.0f : weight);
    const float* from = total.sum + r * stride;
    float* to = args.y + (token * args.n_heads + head) * args.v_dim;
    for_lanes(
        args.v_dim, [&](int64_t i) { store(to + i, mul(load(from + i), factor)); },
        [&](int64_t i, int64_t n) { store(to + i, mul(load(from + i), factor), first(n)); });
  }
}

}  // namespace bp::cpu::BP_CPU_ISA
