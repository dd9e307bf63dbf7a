// What a row makes of a region: a kernel, and how its arguments and size follow from the extents of a launch.
#pragma once

#include <backplane/plugin_op.hpp>

#include <span>

#include "device.h"

namespace bp::opencl {

using plugin::element_bytes;
using plugin::is_plain_float;
using plugin::RegionView;
using plugin::same_shape;
using plugin::Tensor;

constexpr int kMaxSlots = 16;
constexpr int kParams = 12;  // buffers of every kernel
constexpr int kGroup = 64;   // work-items of a group

// cl/common.cl has the same struct.
struct Args {
  cl_ulong off[kParams];
  cl_long n[48];
  cl_float f[4];
};

struct Work {
  const char* kernel = nullptr;
  Args args{};  // what does not depend on extents
  Tensor slot[kMaxSlots];
  int param[kParams];     // slot of each buffer, -1: none
  bool by_group = false;  // size() counts groups, else work-items
  uint64_t ws_bytes = 0;  // scratch, the buffer after the last slot's …
  int ws_param = -1;      // … this one
  // Work-items or groups of a launch; 0: nothing to do. Fills in what depends on extents; n[0] is the result.
  int64_t (*size)(const Work& work, const int64_t* dyn, Args& args) = nullptr;
};

// A row's own part: null, or why the region is not for it. Cheap; allocates nothing.
struct RowUser {
  const char* kernel;
  const char* (*init)(const RegionView& region, const RowUser& user, Work& work);
  int64_t op;  // which of the kernel's functions
};

// A row of the table, in words.
struct RowText {
  const char *id, *pattern, *where, *alias;
  RowUser user;
};
bp_kernel make_row(const RowText& text);

// One list for each file of ops/.
std::span<const RowText> elementwise_rows();
std::span<const RowText> reduce_rows();
std::span<const RowText> shape_rows();
std::span<const RowText> index_rows();
std::span<const RowText> matmul_rows();
std::span<const RowText> rope_rows();
std::span<const RowText> attention_rows();
std::span<const RowText> sample_rows();

// Of the device table.
bp_status kernels(bp_device* device, const bp_kernel* const** out, uint32_t* n, bp_err* err) noexcept;

// ---- what inits are made of ----

// Elements of a block that cl/common.cl can load; 0: it cannot.
int64_t loadable_block(uint16_t dtype);

// size(): one item for each element, or one item or group for each row, of a slot known at compile time.
template <int Slot>
int64_t per_element(const Work& work, const int64_t* dyn, Args&) {
  return work.slot[Slot].elements(dyn);
}
template <int Slot>
int64_t per_row(const Work& work, const int64_t* dyn, Args&) {
  return work.slot[Slot].rows(dyn);
}

// Dims of slot `out` and strides of `in`, aligned to its last, into n[8 …] and n[at …]: cl/common.cl, place().
void set_places(const Work& work, int out, int in, int at, const int64_t* dyn, Args& args);

}  // namespace bp::opencl
