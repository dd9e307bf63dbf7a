#include "ops/attention_work.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace bp::cpu {
namespace {

// Multiplications below which one thread does it all.
constexpr int64_t kSmallProducts = 8 * kSmallWork;

int64_t n_rows(const AttentionArgs& a, int64_t seq) { return std::max<int64_t>(a.n_new(seq), 0) * a.group(); }

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

void AttentionWork::init(const OpTarget& target, int64_t head_dim, int64_t v_dim, int64_t max_seqs,
                         const Division& division) {
  avx512_ = target.avx512;
  n_threads_ = target.n_threads;
  head_dim_ = head_dim;
  v_dim_ = v_dim;
  max_seqs_ = max_seqs;
  max_rows_ = attention_max_rows(head_dim, v_dim);
  if (division.block_rows > 0) max_rows_ = std::min(max_rows_, division.block_rows);
  items_per_thread_ = division.items_per_thread;
}

uint64_t AttentionWork::ws_bytes() const {
  return static_cast<uint64_t>(n_floats()) * sizeof(float) + static_cast<uint64_t>(max_parts()) * sizeof(Part) +
         static_cast<uint64_t>(max_seqs_ + 1) * sizeof(int64_t);
}

float* AttentionWork::thread_memory(const OpRun& run, int64_t thread) const {
  return reinterpret_cast<float*>(run.ws) + thread * thread_floats();
}

AttentionState AttentionWork::part_state(const OpRun& run, int64_t i, int64_t n_rows) const {
  return attention_state(thread_memory(run, n_threads_) + i * state_floats(), n_rows);
}

AttentionState AttentionWork::item_state(const OpRun& run, int64_t i, int64_t n_rows) const {
  return part_state(run, max_parts() + i, n_rows);
}

AttentionWork::Part* AttentionWork::parts(const OpRun& run) const {
  return reinterpret_cast<Part*>(reinterpret_cast<float*>(run.ws) + n_floats());
}

int64_t AttentionWork::block_rows(const AttentionArgs& a, int64_t seq) const {
  const int64_t tiles = divide_up(n_rows(a, seq), kAttentionTileRows);
  const int64_t n_blocks = divide_up(tiles * kAttentionTileRows, max_rows_);
  return n_blocks == 0 ? max_rows_ : divide_up(tiles, n_blocks) * kAttentionTileRows;
}

int64_t AttentionWork::blocks(const AttentionArgs& a, int64_t seq) const {
  return divide_up(n_rows(a, seq), block_rows(a, seq));
}

// Few rows are bound by memory, which is fastest when an item takes all kv heads of a page; but every thread needs
// items.
AttentionWork::Items AttentionWork::divide(const OpRun& run, const AttentionArgs& a, int64_t n_seqs) const {
  Items items;
  items.first = reinterpret_cast<int64_t*>(parts(run) + max_parts());
  items.n_seqs = n_seqs;
  int64_t most_rows = 1;
  int64_t n_parts = 0;
  for (int64_t s = 0; s < n_seqs; ++s) {
    const int64_t keys = std::max<int64_t>(a.n_keys(s), 0);
    const int64_t parts = divide_up(keys, kPartKeys);
    most_rows = std::max(most_rows, n_rows(a, s));
    items.n_parts = std::max(items.n_parts, parts);
    items.n_products += n_rows(a, s) * keys * a.n_kv_heads;
    n_parts += blocks(a, s) * parts;
  }
  const int64_t together = std::clamp<int64_t>(max_rows_ / most_rows, 1, a.n_kv_heads);
  const int64_t wanted = divide_up(max_parts(), std::max<int64_t>(n_parts, 1));
  const int64_t groups = std::clamp(wanted, divide_up(a.n_kv_heads, together), a.n_kv_heads);
  items.n_heads = divide_up(a.n_kv_heads, groups);
  for (int64_t s = 0; s < n_seqs; ++s) {
    items.first[s] = items.n;
    items.n += blocks(a, s) * divide_up(a.n_kv_heads, items.n_heads);
  }
  items.first[n_seqs] = items.n;
  return items;
}

AttentionRows AttentionWork::item(const AttentionArgs& a, const Items& items, int64_t index) const {
  const int64_t s = std::upper_bound(items.first, items.first + items.n_seqs, index) - items.first - 1;
  index -= items.first[s];
  const int64_t groups = divide_up(a.n_kv_heads, items.n_heads);
  const int64_t head = index % groups * items.n_heads;
  const int64_t rows = block_rows(a, s);
  const int64_t begin = (blocks(a, s) - 1 - index / groups) * rows;
  return {s, head, std::min(head + items.n_heads, a.n_kv_heads), begin, std::min(begin + rows, n_rows(a, s))};
}

void AttentionWork::run_item(const AttentionArgs& a, const AttentionRows& rows, float* memory) const {
  const AttentionState total = attention_state(memory, rows.n());
  const AttentionState part = attention_state(memory + state_floats(), rows.n());
  float* scratch = memory + 2 * state_floats();
  const auto run_part = avx512_ ? avx512::attention_part : avx2::attention_part;
  const auto merge = avx512_ ? avx512::attention_merge : avx2::attention_merge;
  int64_t first;
  int64_t last;
  attention_parts(a, rows, &first, &last);
  run_part(a, rows, first, scratch, total);
  for (int64_t i = first + 1; i < last; ++i) {
    run_part(a, rows, i, scratch, part);
    merge(0, rows.n(), v_dim_, part, total);
  }
  (avx512_ ? avx512::attention_finish : avx2::attention_finish)(a, rows, total);
}

// Parts of all items in turn, so many at once as there is room for; then they are merged in the order in which run_item
// takes them.
void AttentionWork::run_in_parts(const OpRun& run, const AttentionArgs& a, const Items& items) const {
  for (int64_t i = 0; i < items.n; ++i) {
    const int64_t n = item(a, items, i).n();
    const AttentionState total = item_state(run, i, n);
    std::fill(total.top, total.top + n, -INFINITY);
    std::memset(total.weight, 0,
                static_cast<uint64_t>(attention_state_floats(n, v_dim_) - (total.weight - total.top)) * sizeof(float));
  }
  Part* list = parts(run);
  int64_t n = 0;
  const auto work = [&] {
    run.team->parallel_for_dynamic(n, [&](int64_t i, int64_t thread) {
      const AttentionRows rows = item(a, items, list[i].item);
      (avx512_ ? avx512::attention_part : avx2::attention_part)(a, rows, list[i].part, thread_memory(run, thread),
                                                                part_state(run, i, rows.n()));
    });
    merge(run, a, items, n);
    n = 0;
  };
  for (int64_t i = 0; i < items.n; ++i) {
    int64_t first;
    int64_t last;
    attention_parts(a, item(a, items, i), &first, &last);
    for (int64_t part = first; part < last; ++part) {
      list[n++] = {i, part};
      if (n == max_parts()) work();
    }
  }
  work();
  for (int64_t i = 0; i < items.n; ++i) {
    const AttentionRows rows = item(a, items, i);
    (avx512_ ? avx512::attention_finish : avx2::attention_finish)(a, rows, item_state(run, i, rows.n()));
  }
}

// Each thread takes a share of every item's rows.
void AttentionWork::merge(const OpRun& run, const AttentionArgs& a, const Items& items, int64_t n_parts) const {
  const auto share = [&](int64_t i, int64_t n) {
    for (int64_t p = 0; p < n_parts; ++p) {
      const int64_t item_index = parts(run)[p].item;
      const int64_t rows = item(a, items, item_index).n();
      (avx512_ ? avx512::attention_merge : avx2::attention_merge)(
          rows * i / n, rows * (i + 1) / n, v_dim_, part_state(run, p, rows), item_state(run, item_index, rows));
    }
  };
  if (n_parts * state_floats() < 4 * kSmallWork) return share(0, 1);
  run.team->parallel_for(n_threads_, [&](int64_t i) { share(i, n_threads_); });
}

void AttentionWork::run(const OpRun& run, const AttentionArgs& args, int64_t n_seqs) const {
  const Items items = divide(run, args, n_seqs);
  if (n_threads_ <= 1 || items.n_products * head_dim_ < kSmallProducts) {
    for (int64_t i = 0; i < items.n; ++i) run_item(args, item(args, items, i), thread_memory(run, 0));
    return;
  }
  if (items.n < max_parts() && items.n_parts > 1) return run_in_parts(run, args, items);
  run.team->parallel_for_dynamic(
      items.n, [&](int64_t i, int64_t thread) { run_item(args, item(args, items, i), thread_memory(run, thread)); });
}

}  // namespace bp::cpu
