// Attention over keys in pages or one after another, and what writes and reads the pages. Lengths and page tables are
// read on the device. Formulas: docs/opset.md.
#pragma once

#include "extent.h"

namespace bp::gpu {

constexpr int64_t kMostValueColumns = 1024;

struct AttentionArgs {
  const float* q;  // [T, H, D]
  const void *k, *v;
  float* y;  // [T, H, v_dim]
  int kv_dtype;
  Extent tokens;
  int64_t heads, kv_heads, head_dim, v_dim;
  int64_t v_row;              // elements of a row of v, of which v_dim count
  const int32_t* seq_start;   // [n_starts]
  Extent n_starts;            // sequences + 1
  const int32_t* seq_len;     // [sequences]; paged
  const int32_t* page_table;  // [sequences, max_pages]; null: keys k_start[s] .. k_start[s+1] - 1
  Extent max_pages;
  int64_t n_pages, page;
  const int32_t* k_start;
  Extent n_keys;      // ragged: rows of k
  const float* mask;  // [T, mask_columns], or null
  Extent mask_columns;
  const float *sinks, *alibi;  // [H], or null
  float scale, softcap;
  int64_t window;
  bool causal;
};
void attention(Launch& at, const AttentionArgs& args);

// A cache [pages, heads, page, head_dim].
struct Cache {
  void* data;
  int dtype;
  int64_t pages, heads, page, head_dim;
};
struct KvWriteArgs {
  Cache cache;
  const float* x;  // [T, heads, head_dim]
  const int32_t* slots;
  Extent tokens;
};
void kv_write(Launch& at, const KvWriteArgs& args);

struct KvGatherArgs {
  Cache cache;
  const int32_t* page_table;
  const int32_t* k_start;
  void* y;
  int y_dtype;
  Extent rows, n_starts, max_pages;
};
void kv_gather(Launch& at, const KvGatherArgs& args);

}  // namespace bp::gpu
