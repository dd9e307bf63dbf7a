#include "kernels/attention.h"

#include <algorithm>
#include <cstring>

#include "ops/rows.h"

namespace bp::cpu {
namespace {

// Slots as the op names them.
enum : uint32_t { kQ, kK, kV, kPageTable, kSeqStart, kSeqLen, kMask, kSinks, kAlibi, kKScales, kVScales, kY };

// Work items so few that some threads would idle are divided further, by parts of the keys; only for this many rows
// each, since every part's state is kept until they are merged.
constexpr int64_t kSplitRows = 16;
constexpr int64_t kItemsPerThread = 4;
constexpr int64_t kMaxStates = 4096;
constexpr int64_t kSmallKeys = 16;  // rows x keys x heads below which one thread does it all: in units of kSmallWork

class AttentionOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void*) override;
  uint64_t ws_bytes() const override {
    const int64_t floats = n_threads_ * thread_floats() + split_floats();
    return static_cast<uint64_t>(floats) * sizeof(float) +
           static_cast<uint64_t>(page_table_.dim[0] + 1) * sizeof(int64_t);
  }
  void run(const OpRun& run) const override;

 private:
  // The items of one launch: for each sequence, kv head and block of rows, latest rows first since they see most keys.
  struct Items {
    const int64_t* first;  // [n_seqs + 1], of each sequence
    int64_t n_seqs;
    int64_t n = 0;
    int64_t keys = 0;  // sum over sequences of rows x keys
    int64_t most_parts = 0;
    int64_t most_rows = 0;
  };

  AttentionArgs bind(const OpRun& run) const;
  int64_t n_rows(const AttentionArgs& a, int64_t seq) const;
  int64_t blocks(const AttentionArgs& a, int64_t seq) const { return (n_rows(a, seq) + max_rows_ - 1) / max_rows_; }
  Items count(const OpRun& run, const AttentionArgs& a) const;
  AttentionRows item(const AttentionArgs& a, const Items& items, int64_t index) const;
  void run_item(const AttentionArgs& a, const AttentionRows& rows, float* memory) const;
  void run_split(const OpRun& run, const AttentionArgs& a, const Items& items) const;
  void clear_rest(const AttentionArgs& a, int64_t n_seqs, int64_t n_tokens) const;

  // Of one thread: scratch, the state of a part, the state of all.
  int64_t thread_floats() const {
    return attention_scratch_floats(max_rows_, a_.head_dim, a_.v_dim) + 2 * attention_state_floats(max_rows_, a_.v_dim);
  }
  int64_t split_floats() const { return max_states() * attention_state_floats(kSplitRows, a_.v_dim); }
  // Of parts that wait to be merged.
  int64_t max_states() const {
    return n_threads_ > 1 ? std::min(kMaxStates, kItemsPerThread * n_threads_ * max_parts_) : 0;
  }

  AttentionArgs a_{};  // what a launch does not change
  Tensor q_;
  Tensor page_table_;
  Tensor seq_len_;
  Tensor mask_;
  int64_t n_threads_ = 1;
  int64_t max_rows_ = 1;
  int64_t max_parts_ = 1;
  bool avx512_ = false;
};

const char* AttentionOp::init(const RegionView& region, const OpTarget& target, const void*) {
  avx512_ = target.avx512;
  n_threads_ = target.n_threads;
  q_ = region.slot(kQ);
  page_table_ = region.slot(kPageTable);
  seq_len_ = region.slot(kSeqLen);
  mask_ = region.slot(kMask);
  const Tensor k = region.slot(kK);
  const Tensor v = region.slot(kV);
  if (q_.rank != 3 || !q_.is_static(1) || !q_.is_static(2)) return "q is not [tokens, heads, head_dim]";
  for (uint32_t i = 0; i < 4; ++i) {
    if (!k.is_static(i) || !v.is_static(i)) return "the cache is dynamic";
  }
  if (k.dtype != v.dtype || !is_plain_float(k.dtype)) return "k and v are not both f32, f16 or bf16";
  if (region.slot(kKScales).present || region.slot(kVScales).present) return "caches with scales are not for this row";
  const int64_t v_dim = region.attr_int(0, "v_dim").value_or(0);
  a_.kv_dtype = k.dtype;
  a_.n_pages = k.dim[0];
  a_.n_kv_heads = k.dim[1];
  a_.page_size = k.dim[2];
  a_.n_heads = q_.dim[1];
  a_.head_dim = q_.dim[2];
  a_.v_row = v.dim[3];
  a_.v_dim = v_dim > 0 ? v_dim : a_.v_row;
  if (a_.n_kv_heads <= 0 || a_.n_heads % a_.n_kv_heads != 0) return "the kv heads do not divide the heads";
  if (k.dim[3] != a_.head_dim || a_.v_dim > a_.v_row || a_.page_size <= 0) return "the cache does not fit q";
  a_.scale = static_cast<float>(region.attr_float(0, "scale").value_or(1));
  a_.softcap = static_cast<float>(region.attr_float(0, "softcap").value_or(0));
  a_.window = region.attr_int(0, "window").value_or(0);
  a_.causal = region.attr_int(0, "causal").value_or(1) != 0;
  max_rows_ = attention_max_rows(a_.head_dim, a_.v_dim);
  max_parts_ = page_table_.dim[1] * a_.page_size / kPartKeys + 1;
  return nullptr;
}

AttentionArgs AttentionOp::bind(const OpRun& run) const {
  AttentionArgs a = a_;
  a.q = run.arg<const float>(kQ);
  a.k = run.args[kK];
  a.v = run.args[kV];
  a.page_table = run.arg<const int32_t>(kPageTable);
  a.seq_start = run.arg<const int32_t>(kSeqStart);
  a.seq_len = run.arg<const int32_t>(kSeqLen);
  a.mask = run.arg<const float>(kMask);
  a.sinks = run.arg<const float>(kSinks);
  a.alibi = run.arg<const float>(kAlibi);
  a.y = run.arg<float>(kY);
  a.max_pages = page_table_.size(1, run.dyn);
  a.mask_cols = mask_.present ? mask_.size(1, run.dyn) : 0;
  return a;
}

int64_t AttentionOp::n_rows(const AttentionArgs& a, int64_t seq) const {
  const int64_t n = a.seq_start[seq + 1] - a.seq_start[seq];
  return n > 0 ? n * a.group() : 0;
}

AttentionOp::Items AttentionOp::count(const OpRun& run, const AttentionArgs& a) const {
  auto* first = reinterpret_cast<int64_t*>(run.ws + ws_bytes()) - (page_table_.dim[0] + 1);
  Items items{first, page_table_.size(0, run.dyn)};
  for (int64_t s = 0; s < items.n_seqs; ++s) {
    const int64_t rows = n_rows(a, s);
    const int64_t parts = (a.seq_len[s] + kPartKeys - 1) / kPartKeys;
    first[s] = items.n;
    items.n += blocks(a, s) * a.n_kv_heads;
    items.keys += rows * a.seq_len[s] * a.n_kv_heads;
    items.most_parts = std::max(items.most_parts, std::min(parts, max_parts_));
    items.most_rows = std::max(items.most_rows, rows);
  }
  first[items.n_seqs] = items.n;
  return items;
}

AttentionRows AttentionOp::item(const AttentionArgs& a, const Items& items, int64_t index) const {
  const int64_t s = std::upper_bound(items.first, items.first + items.n_seqs, index) - items.first - 1;
  index -= items.first[s];
  const int64_t begin = (blocks(a, s) - 1 - index / a.n_kv_heads) * max_rows_;
  return {s, index % a.n_kv_heads, begin, std::min(begin + max_rows_, n_rows(a, s))};
}

void AttentionOp::run_item(const AttentionArgs& a, const AttentionRows& rows, float* memory) const {
  const int64_t n = rows.end - rows.begin;
  const int64_t state = attention_state_floats(max_rows_, a.v_dim);
  const AttentionState total = attention_state(memory, n, a.v_dim);
  const AttentionState part = attention_state(memory + state, n, a.v_dim);
  float* scratch = memory + 2 * state;
  const auto run_part = avx512_ ? avx512::attention_part : avx2::attention_part;
  const auto merge = avx512_ ? avx512::attention_merge : avx2::attention_merge;
  int64_t first;
  int64_t last;
  attention_parts(a, rows, &first, &last);
  run_part(a, rows, first, scratch, total);
  for (int64_t i = first + 1; i < last; ++i) {
    run_part(a, rows, i, scratch, part);
    merge(rows, a.v_dim, part, total);
  }
  (avx512_ ? avx512::attention_finish : avx2::attention_finish)(a, rows, total);
}

// Every part of every item at once; then the parts of each item are merged in the order in which run_item takes them.
void AttentionOp::run_split(const OpRun& run, const AttentionArgs& a, const Items& items) const {
  const int64_t state = attention_state_floats(kSplitRows, a.v_dim);
  auto* states = reinterpret_cast<float*>(run.ws) + n_threads_ * thread_floats();
  const auto state_of = [&](const AttentionRows& rows, int64_t item_index, int64_t part) {
    return attention_state(states + (item_index * items.most_parts + part) * state, rows.end - rows.begin, a.v_dim);
  };
  run.team->parallel_for_dynamic(items.n * items.most_parts, [&](int64_t i, int64_t thread) {
    const AttentionRows rows = item(a, items, i / items.most_parts);
    int64_t first;
    int64_t last;
    attention_parts(a, rows, &first, &last);
    const int64_t part = i % items.most_parts;
    if (part < first || (part >= last && part != first)) return;
    float* scratch = reinterpret_cast<float*>(run.ws) + thread * thread_floats();
    (avx512_ ? avx512::attention_part : avx2::attention_part)(a, rows, part, scratch,
                                                              state_of(rows, i / items.most_parts, part));
  });
  for (int64_t i = 0; i < items.n; ++i) {
    const AttentionRows rows = item(a, items, i);
    int64_t first;
    int64_t last;
    attention_parts(a, rows, &first, &last);
    const AttentionState total = state_of(rows, i, first);
    const auto merge = avx512_ ? avx512::attention_merge : avx2::attention_merge;
    for (int64_t p = first + 1; p < last; ++p) merge(rows, a.v_dim, state_of(rows, i, p), total);
    (avx512_ ? avx512::attention_finish : avx2::attention_finish)(a, rows, total);
  }
}

// Rows of no sequence give zeros.
void AttentionOp::clear_rest(const AttentionArgs& a, int64_t n_seqs, int64_t n_tokens) const {
  const int64_t row = a.n_heads * a.v_dim;
  const int64_t used = n_seqs > 0 ? a.seq_start[n_seqs] : 0;
  if (used < n_tokens) {
    std::memset(a.y + used * row, 0, static_cast<uint64_t>((n_tokens - used) * row) * sizeof(float));
  }
}

void AttentionOp::run(const OpRun& run) const {
  const AttentionArgs a = bind(run);
  const Items items = count(run, a);
  clear_rest(a, items.n_seqs, q_.size(0, run.dyn));
  auto* ws = reinterpret_cast<float*>(run.ws);
  const int64_t n_threads = run.team->size();
  if (n_threads <= 1 || items.keys * a.head_dim < kSmallKeys * kSmallWork) {
    for (int64_t i = 0; i < items.n; ++i) run_item(a, item(a, items, i), ws);
    return;
  }
  const bool few = items.n < kItemsPerThread * n_threads && items.most_rows <= kSplitRows && items.most_parts > 1 &&
                   items.n * items.most_parts <= max_states();
  if (few) return run_split(run, a, items);
  run.team->parallel_for_dynamic(
      items.n, [&](int64_t i, int64_t thread) { run_item(a, item(a, items, i), ws + thread * thread_floats()); });
}

constexpr bp_kernel kRows[] = {
    row<AttentionOp>({.id = "cpu.attention",
                      .pattern = "attention",
                      .where = "dtype(q)=f32; dtype(k)=f32|f16|bf16; has(k_scales)=0; has(v_scales)=0"}),
};

}  // namespace

std::span<const bp_kernel> attention_rows() { return kRows; }

}  // namespace bp::cpu
