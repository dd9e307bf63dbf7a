// Ops that move elements and compute nothing. Block formats move whole blocks: the last dim counts those.
#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>

#include "reference/call.h"

namespace bp {
namespace {

int64_t product(std::span<const int64_t> dims) {
  return std::accumulate(dims.begin(), dims.end(), int64_t{1}, std::multiplies<>());
}

struct Units {
  std::vector<int64_t> dims;
  int64_t bytes;  // of one unit

  explicit Units(const RefTensor& tensor) : dims(tensor.dims), bytes(dtype_info(tensor.dtype).block_bytes) {
    if (!dims.empty()) dims.back() /= dtype_info(tensor.dtype).block_elements;
  }
  int64_t outer(size_t axis) const { return product(std::span(dims).first(axis)); }
  int64_t inner(size_t axis) const { return product(std::span(dims).subspan(axis + 1)); }
};

void copy_units(const std::byte* from, std::byte* to, int64_t bytes) {
  if (bytes > 0) std::memcpy(to, from, static_cast<size_t>(bytes));
}

// Every element of `to`, from where `steps` (in elements, one per dim of `to`) say.
void copy_by_steps(const RefTensor& from, const RefTensor& to, std::span<const int64_t> steps) {
  const int64_t bytes = dtype_info(from.dtype).block_bytes;
  for (int64_t i = 0; i < n_elements(to); ++i) {
    int64_t rest = i, offset = 0;
    for (size_t d = to.dims.size(); d-- > 0; rest /= to.dims[d]) offset += rest % to.dims[d] * steps[d];
    copy_units(from.data + offset * bytes, to.data + i * bytes, bytes);
  }
}

}  // namespace

Status ref_copy(const RefCall& call) {
  copy_bytes(call.in[0], call.out[0]);
  return {};
}

Status ref_transpose(const RefCall& call) {
  const RefTensor& x = call.in[0];
  std::vector<int64_t> steps;
  for (const int64_t axis : call.attr_ints("perm")) {
    steps.push_back(product(std::span(x.dims).subspan(static_cast<size_t>(axis) + 1)));
  }
  copy_by_steps(x, call.out[0], steps);
  return {};
}

Status ref_broadcast(const RefCall& call) {
  copy_by_steps(call.in[0], call.out[0], broadcast_steps(call.in[0].dims, call.out[0].dims));
  return {};
}

Status ref_slice(const RefCall& call) {
  const size_t axis = axis_of(call, call.in[0]);
  const Units x(call.in[0]), y(call.out[0]);
  const int64_t start = call.attr_int("start"), step = call.attr_int("step"), bytes = x.inner(axis) * x.bytes;
  for (int64_t outer = 0; outer < x.outer(axis); ++outer) {
    for (int64_t i = 0; i < y.dims[axis]; ++i) {
      copy_units(call.in[0].data + (outer * x.dims[axis] + start + i * step) * bytes,
                 call.out[0].data + (outer * y.dims[axis] + i) * bytes, bytes);
    }
  }
  return {};
}

Status ref_concat(const RefCall& call) {
  const size_t axis = axis_of(call, call.in[0]);
  const Units y(call.out[0]);
  int64_t at = 0;
  for (const RefTensor& tensor : call.in) {
    const Units x(tensor);
    const int64_t bytes = x.dims[axis] * x.inner(axis) * x.bytes;
    for (int64_t outer = 0; outer < x.outer(axis); ++outer) {
      copy_units(tensor.data + outer * bytes, call.out[0].data + (outer * y.dims[axis] + at) * y.inner(axis) * y.bytes,
                 bytes);
    }
    at += x.dims[axis];
  }
  return {};
}

Status ref_iota(const RefCall& call) {
  for (int64_t i = 0; i < n_elements(call.out[0]); ++i) write_int(call.out[0], i, i);
  return {};
}

}  // namespace bp
