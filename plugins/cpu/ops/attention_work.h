// How a launch of attention is divided among threads: into items, and where those are too few, into parts of the keys.
#pragma once

#include "kernels/attention.h"
#include "ops/op.h"

namespace bp::cpu {

// Made once for an op. `max_seqs` bounds a launch.
class AttentionWork {
 public:
  struct Division {
    int64_t block_rows;        // that are worked on together, at most; 0: attention_max_rows()
    int64_t items_per_thread;  // so many are enough not to be divided by keys
  };
  void init(const OpTarget& target, int64_t head_dim, int64_t v_dim, int64_t max_seqs, const Division& division);

  uint64_t ws_bytes() const;
  // Every row of every sequence. `ws`: ws_bytes().
  void run(const OpRun& run, const AttentionArgs& args, int64_t n_seqs) const;

 private:
  // Some kv heads of some rows of a sequence are an item; latest rows first, since they see most keys.
  struct Items {
    int64_t* first = nullptr;  // [n_seqs + 1], of each sequence
    int64_t n_seqs = 0;
    int64_t n = 0;
    int64_t n_heads = 1;     // kv heads of an item
    int64_t n_parts = 0;     // the most that an item has
    int64_t n_products = 0;  // rows x keys
  };
  struct Part {
    int64_t item, part;
  };

  Items divide(const OpRun& run, const AttentionArgs& a, int64_t n_seqs) const;
  AttentionRows item(const AttentionArgs& a, const Items& items, int64_t index) const;
  void run_item(const AttentionArgs& a, const AttentionRows& rows, float* memory) const;
  void run_in_parts(const OpRun& run, const AttentionArgs& a, const Items& items) const;
  void merge(const OpRun& run, const AttentionArgs& a, const Items& items, int64_t n_parts) const;

  int64_t blocks(const AttentionArgs& a, int64_t seq) const;
  // At most max_rows_, of each block but the last: blocks of a sequence are as equal as whole tiles allow.
  int64_t block_rows(const AttentionArgs& a, int64_t seq) const;
  // At once; as many items are enough not to be divided.
  int64_t max_parts() const { return n_threads_ > 1 ? items_per_thread_ * n_threads_ : 0; }
  int64_t state_floats() const { return attention_state_floats(max_rows_, v_dim_); }
  int64_t thread_floats() const { return attention_scratch_floats(max_rows_, head_dim_, v_dim_) + 2 * state_floats(); }
  // The workspace: each thread's floats, the states of parts, the totals of items, the parts, Items::first.
  float* thread_memory(const OpRun& run, int64_t thread) const;
  AttentionState part_state(const OpRun& run, int64_t i, int64_t n_rows) const;
  AttentionState item_state(const OpRun& run, int64_t i, int64_t n_rows) const;
  int64_t n_floats() const { return n_threads_ * thread_floats() + 2 * max_parts() * state_floats(); }
  Part* parts(const OpRun& run) const;

  int64_t n_threads_ = 1;
  int64_t head_dim_ = 0;
  int64_t v_dim_ = 0;
  int64_t max_seqs_ = 0;
  int64_t max_rows_ = 1;
  int64_t items_per_thread_ = 4;
  bool avx512_ = false;
};

}  // namespace bp::cpu
