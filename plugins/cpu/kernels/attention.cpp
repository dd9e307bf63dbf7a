// Bound by memory for decode (each K and V row is read once for all heads of its group, page after page for all kv
// heads), by f32 FMA for prefill. A block of keys is transposed to [head_dim, 64] so that scores run across keys; each
// score is one chain of FMAs over head_dim and each output one chain over keys, whatever the number of rows: that is
// what makes decode and prefill agree bit for bit.
#include "kernels/attention.h"

#include <backplane/plugin.h>

#include "kernels/attention_scores.h"

namespace bp::cpu::BP_CPU_ISA {
namespace {

// Values where the cache has them; nobody has asked for those of the next block yet.
template <class Load>
struct CachedValues {
  const HeadBlock* at;
  mutable Ahead ahead;
  V whole(int64_t key, int64_t column) const { return Load::whole(at->v[key], column); }
  void foresee(int64_t n) const {
    for (int64_t i = 0; i < n * kElementBytes<Load>; i += 64) ahead.step();
  }
};

// Values that copy_values has widened.
struct StagedValues {
  const float* data;
  int64_t stride;
  V whole(int64_t key, int64_t column) const { return load(data + key * stride + column); }
  void foresee(int64_t) const {}
};

// sum[r, i] = sum[r, i] * decay[r] + sum over keys of p[r, key] v[key, i], one chain of FMAs each.
template <int R, int C, class Values>
inline void accumulate_columns(const float* p, const float* decay, const Values& v, int64_t begin, int64_t end,
                               int64_t column, float* sum_out, int64_t stride) {
  V acc[R][C];
  for (int r = 0; r < R; ++r) {
    const V f = set1(decay[r]);
    for (int c = 0; c < C; ++c) acc[r][c] = mul(load(sum_out + r * stride + column + c * kLanes), f);
  }
  for (int64_t j = begin; j < end; ++j) {
    V x[C];
    for (int c = 0; c < C; ++c) x[c] = v.whole(j, column + c * kLanes);
    v.foresee(C * kLanes);
    for (int r = 0; r < R; ++r) {
      const V w = set1(p[r * kBlockKeys + j]);
      for (int c = 0; c < C; ++c) acc[r][c] = fma(w, x[c], acc[r][c]);
    }
  }
  for (int r = 0; r < R; ++r) {
    for (int c = 0; c < C; ++c) store(sum_out + r * stride + column + c * kLanes, acc[r][c]);
  }
}

template <int R, class Values>
inline void accumulate(const float* p, const float* decay, const Values& v, int64_t begin, int64_t end, float* sum_out,
                       int64_t stride, int64_t width) {
  int64_t column = 0;
  for (; column + kTileVectors * kLanes <= width; column += kTileVectors * kLanes) {
    accumulate_columns<R, kTileVectors>(p, decay, v, begin, end, column, sum_out, stride);
  }
  for (; column < width; column += kLanes) {
    accumulate_columns<R, 1>(p, decay, v, begin, end, column, sum_out, stride);
  }
}

template <int R, class Keys, class Values>
inline void run_tile(const Span& span, const Block& block, const Tile& tile, const Values& v, Ahead* ahead,
                     const AttentionState& state) {
  uint64_t bits[R];
  uint64_t any_bits = 0;
  for (int r = 0; r < R; ++r) {
    bits[r] = visible(span, block, tile.row + r);
    any_bits |= bits[r];
  }
  if (any_bits == 0) return;
  alignas(64) float s[R * kBlockKeys];
  alignas(64) float decay[kLanes];
  const int64_t begin = __builtin_ctzll(any_bits);
  const int64_t end = 64 - __builtin_clzll(any_bits);
  const AttentionArgs& a = *span.args;
  scores<R, Keys>(span.q + tile.at * a.head_dim, a.head_dim, static_cast<const typename Keys::Element*>(span.keys),
                  tile.row == 0 ? ahead : nullptr, s);
  softmax_step<R>(span, block, tile, bits, s, decay, state);
  accumulate<R>(s, decay, v, begin, end, state.sum + tile.at * span.sum_stride, span.sum_stride,
                (a.v_dim + kLanes - 1) / kLanes * kLanes);
}

// All rows under one kv head, in tiles as equal as can be.
template <class Keys, class Values>
inline void run_tiles(const Span& span, const HeadBlock& at, const Values& v, Ahead* ahead,
                      const AttentionState& state) {
  const Block& block = *at.block;
  const int64_t first = (at.head - span.rows.head_begin) * span.head_rows;
  for (int64_t row = 0; row < span.head_rows;) {
    const int64_t left = span.head_rows - row;
    const int64_t n_tiles = (left + kTileRows - 1) / kTileRows;
    const int64_t n = (left + n_tiles - 1) / n_tiles;
    const Tile tile{at.head, row, first + row};
    row += n;
    switch (n) {
      case 1:
        run_tile<1, Keys>(span, block, tile, v, ahead, state);
        break;
      case 2:
        run_tile<2, Keys>(span, block, tile, v, ahead, state);
        break;
      case 3:
        run_tile<3, Keys>(span, block, tile, v, ahead, state);
        break;
      case 4:
        run_tile<4, Keys>(span, block, tile, v, ahead, state);
        break;
      case 5:
        run_tile<5, Keys>(span, block, tile, v, ahead, state);
        break;
      default:
        run_tile<kTileRows, Keys>(span, block, tile, v, ahead, state);
        break;
    }
  }
}

// Few rows read K and V little more than once: converting on the way is cheaper than storing the converted block. For
// many it serves every tile.
template <class Load>
inline void run_block(const Span& span, const HeadBlock& at, const AttentionState& state) {
  const AttentionArgs& a = *span.args;
  Ahead keys_ahead(at.next_k, a.head_dim * kElementBytes<Load>);
  if (span.head_rows <= 2 * kTileRows && a.v_dim % kLanes == 0) {
    const CachedValues<Load> values{&at, Ahead(at.next_v, a.v_dim * kElementBytes<Load>)};
#if defined(__AVX512F__)
    if constexpr (Load::kHalves) {
      copy_halves(at, a.head_dim, static_cast<uint16_t*>(span.keys));
      return run_tiles<Load>(span, at, values, &keys_ahead, state);
    }
#endif
    transpose_keys<Load>(at, a.head_dim, static_cast<float*>(span.keys));
    return run_tiles<LoadF32>(span, at, values, &keys_ahead, state);
  }
  transpose_keys<Load>(at, a.head_dim, static_cast<float*>(span.keys));
  copy_values<Load>(at, a.v_dim, span.sum_stride, span.values);
  run_tiles<LoadF32>(span, at, StagedValues{span.values, span.sum_stride}, &keys_ahead, state);
}

// One block under every kv head: heads lie one after another in a page, so memory is read in order.
template <class Load>
inline void run_heads(const Span& span, const Block& block, const Block& next, const AttentionState& state) {
  const AttentionArgs& a = *span.args;
  const Block* after = next.exist != 0 ? &next : nullptr;
  for (int64_t head = span.rows.head_begin; head < span.rows.head_end; ++head) {
    const int64_t i = head - span.rows.head_begin;
    const int64_t k = i * a.k_stride.head;
    const int64_t v = i * a.v_stride.head;
    HeadBlock at{head, &block, {block.k, k}, {block.v, v}, {}, {}};
    if (head + 1 < span.rows.head_end) {
      at.next_k = {block.k, k + a.k_stride.head};
      at.next_v = {block.v, v + a.v_stride.head};
    } else if (after != nullptr) {
      at.next_k = {after->k, 0};
      at.next_v = {after->v, 0};
    }
    run_block<Load>(span, at, state);
  }
}

template <class Load>
inline void run_part(const Span& span, int64_t part, const AttentionState& state) {
  const AttentionArgs& a = *span.args;
  const int64_t oldest = a.window > 0 ? most(0, span.row_pos(0) - a.window + 1) : 0;
  const int64_t begin = most(part * kPartKeys, oldest / kBlockKeys * kBlockKeys);
  const int64_t end = least((part + 1) * kPartKeys, span.n_keys);
  Block blocks[2];
  locate(span, begin, &blocks[0]);
  for (int64_t key = begin, i = 0; key < end; key += kBlockKeys, ++i) {
    const Block& block = blocks[i % 2];
    Block& next = blocks[(i + 1) % 2];
    locate(span, key + kBlockKeys, &next);  // of the next part, too
    if (block.exist != 0) run_heads<Load>(span, block, next, state);
  }
}

inline void scale_queries(const Span& span) {
  const AttentionArgs& a = *span.args;
  const V scale = set1(a.scale);
  float* y = span.q;
  for (int64_t head = span.rows.head_begin; head < span.rows.head_end; ++head) {
    for (int64_t r = 0; r < span.head_rows; ++r, y += a.head_dim) {
      const float* x = a.q + ((span.token0 + span.row_token(r)) * a.n_heads + span.row_head(head, r)) * a.head_dim;
      for_lanes(
          a.head_dim, [&](int64_t i) { store(y + i, mul(load(x + i), scale)); },
          [&](int64_t i, int64_t n) { store(y + i, mul(load(x + i, first(n)), scale), first(n)); });
    }
  }
}

inline Span make_span(const AttentionArgs& a, const AttentionRows& rows, float* scratch) {
  Span span;
  span.args = &a;
  span.rows = rows;
  span.head_rows = rows.end - rows.begin;
  span.token0 = a.seq_start[rows.seq];
  const int64_t n_keys = a.n_keys(rows.seq);
  const int64_t n_all = a.page_table == nullptr ? n_keys : a.seq_len[rows.seq];
  span.first_pos = n_all - a.n_new(rows.seq);
  span.n_keys = a.causal ? least(n_keys, span.row_pos(span.head_rows - 1) + 1) : n_keys;
  span.sum_stride = padded(a.v_dim);
  span.q = scratch;
  span.keys = span.q + padded(rows.n() * a.head_dim);
  span.values = static_cast<float*>(span.keys) + kBlockKeys * padded(a.head_dim);
  return span;
}

}  // namespace

void attention_part(const AttentionArgs& args, const AttentionRows& rows, int64_t part, float* scratch,
                    const AttentionState& out) {
  const Span span = make_span(args, rows, scratch);
  for (int64_t r = 0; r < rows.n(); ++r) {
    out.top[r] = -kInfinity;
    out.weight[r] = 0;
  }
  __builtin_memset(out.sum, 0, static_cast<uint64_t>(rows.n() * span.sum_stride) * sizeof(float));
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

void attention_merge(int64_t begin, int64_t end, int64_t v_dim, const AttentionState& part,
                     const AttentionState& total) {
  const int64_t stride = padded(v_dim);
  for (int64_t r = begin; r < end; ++r) {
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
  const int64_t head_rows = rows.end - rows.begin;
  for (int64_t r = 0; r < rows.n(); ++r) {
    const int64_t row = rows.begin + r % head_rows;
    const int64_t token = args.seq_start[rows.seq] + row / group;
    const int64_t head = (rows.head_begin + r / head_rows) * group + row % group;
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
