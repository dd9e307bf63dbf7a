// What one kernel row does for one region: checked when it is queried and planned, then run over and over.
// init() is called once and calls no device, prepare() once by plan; run() enqueues and may be called by one thread at
// a time for each bound.
#pragma once

#include <backplane/plugin_op.hpp>

#include <cstddef>
#include <cstdint>

#include "portable/extent.h"
#include "portable/launch.h"

namespace bp::cuda {

using plugin::element_bytes;
using plugin::is_plain_float;
using plugin::RegionView;
using plugin::Symbols;
using plugin::Tensor;

struct OpRun {
  gpu::Launch& at;
  std::byte* const* args;  // by slot; null: absent. While kernels are only loaded, all are null.
  const int64_t* dyn;
  const Symbols& symbols;
  std::byte* ws;  // ws_bytes() of scratch

  template <class T>
  T* arg(uint32_t slot) const {
    return reinterpret_cast<T*>(args[slot]);
  }
  gpu::Extent extent(const Tensor& t, uint32_t d) const;
  gpu::Shape shape(const Tensor& t) const;
  // The product over [begin, end). REQUIRES: at most two of them are dynamic.
  gpu::Count count(const Tensor& t, uint32_t begin, uint32_t end) const;
  gpu::Count elements(const Tensor& t) const { return count(t, 0, t.rank); }
  gpu::Count rows(const Tensor& t) const { return count(t, 0, t.rank == 0 ? 0 : t.rank - 1); }
};

class Op : public plugin::AddressedOp {
 public:
  // Null, or why this region is not for the row. `user` is the row's. Allocates nothing.
  virtual const char* init(const RegionView& region, const void* user) = 0;
  // Null, or why this device cannot run the row: what init() learns of the device without calling it.
  virtual const char* fits(const bp_device&) const { return nullptr; }
  // What only plan may do.
  virtual cudaError_t prepare(const bp_device&) { return cudaSuccess; }
  virtual void run(const OpRun& run) const = 0;

  uint64_t ws_align() const final;
  const char* accept(const RegionView& region, const bp_device& device, const void* user) final;
  bp_status make_ready(bp_device& device, const bp_region& region, bp_err* err) final;
  // On a queue for blame it waits, too.
  bp_status launch(const plugin::Addresses& at, const bp_launch& launch, bp_err* err) const final;

 protected:
  std::byte* address(const bp_span& span) const final;

 private:
  bp_status load_kernels(const bp_region& region, bp_err* err) const;

  Symbols symbols_;
};

// Of ops whose kernels take at most two dynamic dims.
inline const char* check_dynamic(const Tensor& t) {
  return t.n_dynamic(0, t.rank) > 2 ? "more than two dims are dynamic" : nullptr;
}

}  // namespace bp::cuda
