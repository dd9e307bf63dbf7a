// An op of this plugin: what a kernel row's plan makes, and what launch runs on the calling thread and its team.
// init() is called once, run() by one thread at a time; it neither allocates nor waits for anybody but the team.
#pragma once

#include <backplane/plugin_op.hpp>

#include <cstddef>
#include <cstdint>

#include "isa_level.h"
#include "thread_team.h"

namespace bp::cpu {

using plugin::bytes_of;
using plugin::element_bytes;
using plugin::is_plain_float;
using plugin::RegionView;
using plugin::Tensor;

// What ops are made for.
struct OpTarget {
  bool avx512 = false;  // F, BW, DQ and VL
  IsaLevel isa = IsaLevel::kNone;
  int n_threads = 1;
};

struct OpRun {
  std::byte* const* args;  // by slot; null: absent
  const int64_t* dyn;
  std::byte* ws;  // ws_bytes() of scratch
  ThreadTeam* team;

  template <class T>
  T* arg(uint32_t slot) const {
    return reinterpret_cast<T*>(args[slot]);
  }
};

class Op : public plugin::AddressedOp {
 public:
  // Null, or why this region is not for the row. `user` is the row's. Allocates nothing.
  virtual const char* init(const RegionView& region, const OpTarget& target, const void* user) = 0;
  virtual void run(const OpRun& run) const = 0;

  const char* accept(const RegionView& region, const bp_device& device, const void* user) final;
  bp_status launch(const plugin::Addresses& at, const bp_launch& launch, bp_err* err) const final;

 protected:
  std::byte* address(const bp_span& span) const final;
};

// Work of fewer elements than this is not worth waking threads for.
constexpr int64_t kSmallWork = 16 * 1024;

// f(piece, begin, end) over [0, n) in at most one piece a thread; `cost` is the elements of one item.
template <class F>
void for_pieces(const OpRun& run, int64_t n, int64_t cost, F f) {
  if (n <= 0) return;
  const int64_t n_threads = run.team->size();
  if (n_threads <= 1 || n == 1 || n * cost < kSmallWork) return f(int64_t{0}, int64_t{0}, n);
  const int64_t pieces = n < n_threads ? n : n_threads;
  run.team->parallel_for(pieces, [&](int64_t i) { f(i, n * i / pieces, n * (i + 1) / pieces); });
}

template <class F>
void for_ranges(const OpRun& run, int64_t n, int64_t cost, F f) {
  for_pieces(run, n, cost, [&](int64_t, int64_t begin, int64_t end) { f(begin, end); });
}

}  // namespace bp::cpu
