// Gathers and scatters. Indices are data: what lies outside is zero, or skipped.
#include <algorithm>
#include <cstring>

#include "reference/call.h"

namespace bp {
namespace {

bool inside(int64_t index, int64_t n) { return index >= 0 && index < n; }

int64_t element_bytes(const RefTensor& tensor) { return dtype_info(tensor.dtype).block_bytes; }

void copy_rows(const RefTensor& from, int64_t from_row, const RefTensor& to, int64_t to_row) {
  const int64_t n = slab_size(from);
  if (from.dtype == to.dtype) {
    const auto bytes = static_cast<int64_t>(*row_bytes(from.dtype, static_cast<uint64_t>(n)));
    if (bytes > 0) std::memcpy(to.data + to_row * bytes, from.data + from_row * bytes, static_cast<size_t>(bytes));
    return;
  }
  std::vector<float> values(static_cast<size_t>(n));
  read_floats(from, from_row * n, n, values.data());
  write_floats(to, to_row * n, n, values.data());
}

void copy_element(const RefTensor& from, int64_t from_at, const RefTensor& to, int64_t to_at) {
  const int64_t bytes = element_bytes(from);
  std::memcpy(to.data + to_at * bytes, from.data + from_at * bytes, static_cast<size_t>(bytes));
}

}  // namespace

Status ref_gather_rows(const RefCall& call) {
  const RefTensor &table = call.in[0], &rows = call.in[1], &y = call.out[0];
  if (tensor_bytes(y) > 0) std::memset(y.data, 0, static_cast<size_t>(tensor_bytes(y)));
  for (int64_t i = 0; i < rows.dims[0]; ++i) {
    const int64_t row = read_int(rows, i);
    if (inside(row, table.dims[0])) copy_rows(table, row, y, i);
  }
  return {};
}

Status ref_scatter_rows(const RefCall& call) {
  const RefTensor &rows = call.in[1], &src = call.in[2], &target = call.out[0];
  copy_bytes(call.in[0], target);
  for (int64_t i = 0; i < rows.dims[0]; ++i) {
    const int64_t row = read_int(rows, i);
    if (inside(row, target.dims[0])) copy_rows(src, i, target, row);
  }
  return {};
}

Status ref_gather_last(const RefCall& call) {
  const RefTensor &x = call.in[0], &idx = call.in[1], &y = call.out[0];
  const int64_t n = row_size(x), k = row_size(idx);
  if (tensor_bytes(y) > 0) std::memset(y.data, 0, static_cast<size_t>(tensor_bytes(y)));
  for (int64_t i = 0; i < n_elements(idx); ++i) {
    const int64_t column = read_int(idx, i);
    if (inside(column, n)) copy_element(x, i / k * n + column, y, i);
  }
  return {};
}

Status ref_scatter_last(const RefCall& call) {
  const RefTensor &x = call.in[0], &idx = call.in[1], &src = call.in[2], &y = call.out[0];
  const int64_t n = row_size(x), k = row_size(idx);
  copy_bytes(x, y);
  for (int64_t i = 0; i < n_elements(idx); ++i) {
    const int64_t column = read_int(idx, i);
    if (inside(column, n)) copy_element(src, i, y, i / k * n + column);
  }
  return {};
}

}  // namespace bp
