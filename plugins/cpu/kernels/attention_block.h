// What a call of attention_part works on: its rows, and a block of keys with the places of its rows. Included like
// simd.h.
#pragma once

#include "kernels/attention.h"
#include "kernels/simd.h"

namespace bp::cpu::BP_CPU_ISA {
namespace {

inline int64_t padded(int64_t n) { return (n + 15) / 16 * 16; }
inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

// What is fixed for one call of attention_part.
struct Span {
  const AttentionArgs* args;
  AttentionRows rows;
  int64_t head_rows;  // of each kv head
  int64_t n_keys;     // of the sequence, as far as any of the rows sees
  int64_t first_pos;  // of the token of row 0 of the sequence in this step
  int64_t token0;     // index in q and y of that token
  int64_t sum_stride;
  float* q;       // [n rows, head_dim], scaled
  void* keys;     // [head_dim, kBlockKeys] of f32, or of 16 bits
  float* values;  // [kBlockKeys, sum_stride]

  int64_t row_token(int64_t r) const { return (rows.begin + r) / args->group(); }
  int64_t row_head(int64_t head, int64_t r) const { return head * args->group() + (rows.begin + r) % args->group(); }
  int64_t row_pos(int64_t r) const { return first_pos + row_token(r); }
};

// One block of keys: which exist, and where those of the first kv head lie. The place of a key that does not exist is
// that of another.
struct Block {
  int64_t first_key;
  int64_t n;  // keys up to the last that exists
  uint64_t exist;
  const char* k[kBlockKeys];
  const char* v[kBlockKeys];
};

// The places of some rows: at[j] + offset.
struct Places {
  const char* const* at;
  int64_t offset;
  const char* operator[](int64_t j) const { return at[j] + offset; }
};

// A block under one of the kv heads, and what comes after it: null when that is unknown.
struct HeadBlock {
  int64_t head;
  const Block* block;
  Places k, v;
  Places next_k, next_v;
};

inline void locate_run(const Span& span, int64_t page, int64_t within, int64_t begin, int64_t end, Block* block) {
  const AttentionArgs& a = *span.args;
  const char* k = static_cast<const char*>(a.k) + page * a.k_stride.page + within * a.k_stride.token +
                  span.rows.head_begin * a.k_stride.head;
  const char* v = static_cast<const char*>(a.v) + page * a.v_stride.page + within * a.v_stride.token +
                  span.rows.head_begin * a.v_stride.head;
  for (int64_t j = begin; j < end; ++j, k += a.k_stride.token, v += a.v_stride.token) {
    block->k[j] = k;
    block->v[j] = v;
  }
  const uint64_t upto = end == kBlockKeys ? ~uint64_t{0} : (uint64_t{1} << end) - 1;
  block->exist |= upto & ~((uint64_t{1} << begin) - 1);
  block->n = end;
}

// REQUIRES: block->exist != 0.
inline void fill_holes(Block* block) {
  const int64_t some = __builtin_ctzll(block->exist);
  for (uint64_t holes = ~block->exist; holes != 0; holes &= holes - 1) {
    const int64_t j = __builtin_ctzll(holes);
    block->k[j] = block->k[some];
    block->v[j] = block->v[some];
  }
}

inline void locate(const Span& span, int64_t first_key, Block* block) {
  const AttentionArgs& a = *span.args;
  block->first_key = first_key;
  block->exist = 0;
  block->n = 0;
  const int64_t end = least(kBlockKeys, span.n_keys - first_key);
  if (end <= 0) return;
  if (a.page_table == nullptr) {
    locate_run(span, 0, a.k_start[span.rows.seq] + first_key, 0, end, block);
  } else {
    const int32_t* pages = a.page_table + span.rows.seq * a.max_pages;
    int64_t slot = first_key / a.page_size;
    int64_t within = first_key % a.page_size;
    for (int64_t j = 0; j < end; ++slot, within = 0) {
      const int64_t run_end = least(end, j + a.page_size - within);
      const int64_t page = pages[slot];
      if (page >= 0 && page < a.n_pages) locate_run(span, page, within, j, run_end, block);
      j = run_end;
    }
  }
  if (block->exist != 0) fill_holes(block);
}

// Asks for the rows of the next block, a line at a time. Pages lie anywhere, so the hardware does not foresee them; a
// burst would wait for itself, so lines are asked for between the arithmetic. Into L2, which takes far more outstanding
// lines than L1 (1.8 times as fast on Zen 4).
class Ahead {
 public:
  Ahead() = default;
  Ahead(const Places& rows, int64_t row_bytes) : rows_(rows), row_bytes_(row_bytes) {}

  void step() {
    if (rows_.at == nullptr) return;
    __builtin_prefetch(rows_[key_] + at_, 0, 2);
    at_ += 64;
    if (at_ < row_bytes_) return;
    at_ = 0;
    if (++key_ == kBlockKeys) rows_.at = nullptr;
  }

 private:
  Places rows_{};
  int64_t row_bytes_ = 0;
  int64_t key_ = 0;
  int64_t at_ = 0;
};

}  // namespace
}  // namespace bp::cpu::BP_CPU_ISA
