#include "kernels/attention.h"

namespace bp::cpu {
namespace {

constexpr int64_t kPad = 16;  // floats, the widest vector

int64_t padded(int64_t n) { return (n + kPad - 1) / kPad * kPad; }

}  // namespace

int64_t attention_max_rows(int64_t head_dim, int64_t v_dim) {
  const int64_t width = head_dim > v_dim ? head_dim : v_dim;
  const int64_t rows = 65536 / (width > 0 ? width : 1);
  const int64_t bounded = rows > 126 ? 126 : rows;
  return bounded < 2 * kAttentionTileRows ? 2 * kAttentionTileRows : bounded / kAttentionTileRows * kAttentionTileRows;
}

int64_t attention_state_floats(int64_t n_rows, int64_t v_dim) {
  return 2 * padded(n_rows + kPad) + n_rows * padded(v_dim);
}

AttentionState attention_state(float* memory, int64_t n_rows) {
  const int64_t column = padded(n_rows + kPad);
  return {memory, memory + column, memory + 2 * column};
}

int64_t attention_scratch_floats(int64_t n_rows, int64_t head_dim, int64_t v_dim) {
  const int64_t q = padded(n_rows * head_dim);
  const int64_t keys = kBlockKeys * padded(head_dim);
  const int64_t values = kBlockKeys * padded(v_dim);
  return q + keys + values;
}

void attention_parts(const AttentionArgs& args, const AttentionRows& rows, int64_t* first, int64_t* last) {
  const int64_t group = args.group();
  const int64_t n_keys = args.n_keys(rows.seq);
  const int64_t n_all = args.page_table == nullptr ? n_keys : args.seq_len[rows.seq];
  const int64_t first_pos = n_all - args.n_new(rows.seq) + rows.begin / group;
  const int64_t last_pos = first_pos - rows.begin / group + (rows.end - 1) / group;
  const int64_t end = args.causal && last_pos + 1 < n_keys ? last_pos + 1 : n_keys;
  int64_t begin = args.window > 0 && first_pos + 1 > args.window ? first_pos + 1 - args.window : 0;
  if (begin >= end) begin = end > 0 ? end - 1 : 0;
  *first = begin / kPartKeys;
  *last = end > begin ? (end - 1) / kPartKeys + 1 : *first;
}

}  // namespace bp::cpu
