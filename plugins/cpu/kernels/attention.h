// Attention over f32, f16 or bf16 keys and values, in pages or one after another, as an online softmax over fixed
// blocks of key positions.
//   s = scale q·k; softcap; + alibi; + mask; softmax over the keys a row may see (sinks joins the denominator); × v
// A row's bits depend on its query, its keys and its positions alone: keys are taken in blocks of kBlockKeys from
// position 0 on, blocks in parts of kPartKeys, parts merged in ascending order; decode and prefill run the same
// operations in the same order. Rows of a sequence are flattened: row = (token within the step) * group + (head within
// the kv head's group).
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace bp::cpu {

constexpr int64_t kBlockKeys = 64;
constexpr int64_t kPartKeys = 512;
constexpr int64_t kAttentionTileRows = 6;  // that share each load of a key or value

// How far apart keys (or values) lie, in bytes. Within a page one token follows the other.
struct AttentionStrides {
  int64_t page, head, token;
};

struct AttentionArgs {
  const float* q;  // [n_tokens, n_heads, head_dim]
  const void* k;   // rows of head_dim values of kv_dtype
  const void* v;   // rows of which the first v_dim columns are read; may be k
  AttentionStrides k_stride;
  AttentionStrides v_stride;
  const int32_t* page_table;  // [n_seqs, max_pages], entries outside [0, n_pages) are never read; null: see k_start
  const int32_t* seq_start;   // [n_seqs + 1]
  const int32_t* seq_len;     // [n_seqs] keys of each sequence; null without a page table
  const int32_t* k_start;     // [n_seqs + 1] without a page table: key 0 of sequence s is row k_start[s]
  const float* mask;          // [n_tokens, mask_cols] or null
  const float* sinks;         // [n_heads] or null
  const float* alibi;         // [n_heads] or null
  float* y;                   // [n_tokens, n_heads, v_dim]
  int64_t n_pages, max_pages, page_size, mask_cols;
  int64_t n_heads, n_kv_heads, head_dim, v_dim;
  int64_t window;        // 0: none
  float scale, softcap;  // softcap 0: none
  uint16_t kv_dtype;     // BP_DT_*
  bool causal;

  int64_t group() const { return n_heads / n_kv_heads; }
  int64_t n_new(int64_t seq) const { return seq_start[seq + 1] - seq_start[seq]; }
  // As many as the page table has room for.
  int64_t n_keys(int64_t seq) const {
    const int64_t n = page_table == nullptr ? k_start[seq + 1] - k_start[seq] : seq_len[seq];
    const int64_t room = page_table == nullptr ? n : max_pages * page_size;
    return n < room ? n : room;
  }
};

// The rows [begin, end) of one sequence under each of some kv heads.
struct AttentionRows {
  int64_t seq, head_begin, head_end, begin, end;
  int64_t n() const { return (head_end - head_begin) * (end - begin); }
};

// Running softmax of AttentionRows, those of one kv head after those of the other: the largest score, the sum of
// exponentials, and the weighted sum of values.
struct AttentionState {
  float* top;     // [n], -inf: no key yet
  float* weight;  // [n]
  float* sum;     // [n, padded(v_dim)]
};

// Rows that are worked on together, a multiple of the tile: more reuse each block of keys more often, but must stay
// within the cache.
int64_t attention_max_rows(int64_t head_dim, int64_t v_dim);
int64_t attention_state_floats(int64_t n_rows, int64_t v_dim);
AttentionState attention_state(float* memory, int64_t n_rows);
int64_t attention_scratch_floats(int64_t n_rows, int64_t head_dim, int64_t v_dim);
// The parts that hold keys of these rows: [first, last). Without keys first == last, and is 0 or lies within the page
// table.
void attention_parts(const AttentionArgs& args, const AttentionRows& rows, int64_t* first, int64_t* last);

BP_CPU_EACH_ISA(
    // The state over the keys of one part. `scratch`: attention_scratch_floats(rows.n(), …).
    void attention_part(const AttentionArgs& args, const AttentionRows& rows, int64_t part, float* scratch,
                        const AttentionState& out);
    // total = total and then part, of the rows [begin, end). A total without keys becomes part, bit for bit.
    void attention_merge(int64_t begin, int64_t end, int64_t v_dim, const AttentionState& part,
                         const AttentionState& total);
    // Joins the sinks, divides, and writes y. Rows that saw no key give zeros.
    void attention_finish(const AttentionArgs& args, const AttentionRows& rows, const AttentionState& total);)

}  // namespace bp::cpu
