// Elements moved, not changed. (reshape is the host's: no bytes move.)
#include "work.h"

namespace bp::opencl {
namespace {

constexpr int kStatic = 40;  // args.n from here on: what init leaves for size

// Elements between neighbours along an axis of a dense tensor.
int64_t stride_of(const Tensor& x, uint32_t axis, const int64_t* dyn) { return x.sizes(axis + 1, x.rank, dyn); }

const char* set_element(Work& work) {
  work.args.n[2] = element_bytes(work.slot[0].dtype);
  return work.args.n[2] > 0 ? nullptr : "elements are no whole bytes";
}

void set_output(const Tensor& y, const int64_t* dyn, Args& args) {
  args.n[1] = y.rank;
  for (uint32_t axis = 0; axis < y.rank; ++axis) args.n[8 + axis] = y.size(axis, dyn);
}

int64_t size_of_transpose(const Work& work, const int64_t* dyn, Args& args) {
  const Tensor &x = work.slot[0], &y = work.slot[1];
  set_output(y, dyn, args);
  for (uint32_t axis = 0; axis < y.rank; ++axis)
    args.n[16 + axis] = stride_of(x, static_cast<uint32_t>(args.n[kStatic + axis]), dyn);
  return y.elements(dyn);
}

const char* transpose(const RegionView& region, const RowUser&, Work& work) {
  uint32_t n = 0;
  const int64_t* perm = region.attr_ints("perm", &n);
  if (perm == nullptr || n != work.slot[0].rank) return "perm does not fit";
  for (uint32_t i = 0; i < n; ++i) work.args.n[kStatic + i] = perm[i];
  work.size = size_of_transpose;
  return set_element(work);
}

int64_t size_of_slice(const Work& work, const int64_t* dyn, Args& args) {
  const Tensor &x = work.slot[0], &y = work.slot[1];
  const auto cut = static_cast<uint32_t>(args.n[kStatic]);
  set_output(y, dyn, args);
  for (uint32_t axis = 0; axis < y.rank; ++axis)
    args.n[16 + axis] = stride_of(x, axis, dyn) * (axis == cut ? args.n[kStatic + 2] : 1);
  args.n[3] = args.n[kStatic + 1] * stride_of(x, cut, dyn);
  return y.elements(dyn);
}

const char* slice(const RegionView& region, const RowUser&, Work& work) {
  const int64_t axis = region.attr_int("axis", 0);
  work.args.n[kStatic] = axis < 0 ? axis + work.slot[0].rank : axis;
  work.args.n[kStatic + 1] = region.attr_int("start", 0);
  work.args.n[kStatic + 2] = region.attr_int("step", 1);
  if (work.args.n[kStatic + 1] < 0) return "start is negative";
  work.size = size_of_slice;
  return set_element(work);
}

int64_t size_of_broadcast(const Work& work, const int64_t* dyn, Args& args) {
  set_places(work, 1, 0, 16, dyn, args);
  return work.slot[1].elements(dyn);
}

const char* broadcast(const RegionView&, const RowUser&, Work& work) {
  work.size = size_of_broadcast;
  return set_element(work);
}

constexpr int kConcatInputs = 8;

int64_t size_of_concat(const Work& work, const int64_t* dyn, Args& args) {
  const Tensor& y = work.slot[kConcatInputs];
  const auto axis = static_cast<uint32_t>(args.n[kStatic]);
  args.n[1] = y.sizes(axis + 1, y.rank, dyn) * args.n[kStatic + 1];
  args.n[8] = 0;
  int n = 0;
  for (; n < kConcatInputs && work.slot[n].present; ++n) args.n[9 + n] = args.n[8 + n] + work.slot[n].size(axis, dyn);
  args.n[2] = n;
  return y.elements(dyn) * args.n[kStatic + 1];
}

const char* concat(const RegionView& region, const RowUser&, Work& work) {
  const int64_t axis = region.attr_int("axis", 0);
  work.args.n[kStatic] = axis < 0 ? axis + work.slot[0].rank : axis;
  work.args.n[kStatic + 1] = element_bytes(work.slot[0].dtype);
  work.size = size_of_concat;
  return work.args.n[kStatic + 1] > 0 ? nullptr : "elements are no whole bytes";
}

const char* iota(const RegionView&, const RowUser&, Work& work) {
  work.size = per_element<1>;
  return nullptr;
}

constexpr RowText kRows[] = {
    {"opencl.transpose", "transpose", nullptr, nullptr, {"strided_copy", transpose, 0}},
    {"opencl.slice", "slice", nullptr, nullptr, {"strided_copy", slice, 0}},
    {"opencl.broadcast", "broadcast", nullptr, nullptr, {"strided_copy", broadcast, 0}},
    {"opencl.concat", "(concat ?a ?b* ?c* ?d* ?e* ?f* ?g* ?h*)", nullptr, nullptr, {"concat", concat, 0}},
    {"opencl.iota", "iota", nullptr, nullptr, {"iota", iota, 0}},
};

}  // namespace

std::span<const RowText> shape_rows() { return kRows; }

}  // namespace bp::opencl
