#include "reference/call.h"

#include <fmt/format.h>

#include <cstring>
#include <functional>
#include <numeric>

#include "base/check.h"

namespace bp {
namespace {

const AttrValue& find_attr(const RefCall& call, std::string_view key) {
  for (const Attr& attr : call.attrs) {
    if (attr.key == key) return attr.value;
  }
  BP_CHECK(false, "{} without attribute {}", call.op.name, key);
}

}  // namespace

int64_t RefCall::attr_int(std::string_view key) const { return std::get<int64_t>(find_attr(*this, key)); }
float RefCall::attr_float(std::string_view key) const {
  return static_cast<float>(std::get<double>(find_attr(*this, key)));
}
const std::vector<int64_t>& RefCall::attr_ints(std::string_view key) const {
  return std::get<std::vector<int64_t>>(find_attr(*this, key));
}

std::unexpected<Error> RefCall::error(std::string what) const {
  return fail(ErrorCode::kFailed, fmt::format("reference {}", op.name), std::move(what));
}

int64_t n_elements(const RefTensor& tensor) {
  return std::accumulate(tensor.dims.begin(), tensor.dims.end(), int64_t{1}, std::multiplies<>());
}

int64_t row_size(const RefTensor& tensor) { return tensor.dims.empty() ? 1 : tensor.dims.back(); }

int64_t n_rows(const RefTensor& tensor) {
  if (tensor.dims.empty()) return 1;
  return std::accumulate(tensor.dims.begin(), tensor.dims.end() - 1, int64_t{1}, std::multiplies<>());
}

int64_t slab_size(const RefTensor& tensor) {
  return std::accumulate(tensor.dims.begin() + 1, tensor.dims.end(), int64_t{1}, std::multiplies<>());
}

int64_t tensor_bytes(const RefTensor& tensor) {
  const auto bytes = row_bytes(tensor.dtype, static_cast<uint64_t>(n_elements(tensor)));
  BP_CHECK(bytes.has_value(), "{} elements of {}", n_elements(tensor), dtype_name(tensor.dtype));
  return static_cast<int64_t>(*bytes);
}

size_t axis_of(const RefCall& call, const RefTensor& tensor) {
  const int64_t axis = call.attr_int("axis");
  return static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(tensor.dims.size()) : axis);
}

std::vector<float> read_all(const RefTensor& tensor) {
  std::vector<float> out(static_cast<size_t>(n_elements(tensor)));
  read_floats(tensor, 0, n_elements(tensor), out.data());
  return out;
}

std::vector<float> read_row(const RefTensor& tensor, int64_t row) {
  std::vector<float> out(static_cast<size_t>(row_size(tensor)));
  read_floats(tensor, row * row_size(tensor), row_size(tensor), out.data());
  return out;
}

void write_row(const RefTensor& tensor, int64_t row, std::span<const float> values) {
  write_floats(tensor, row * row_size(tensor), static_cast<int64_t>(values.size()), values.data());
}

void copy_bytes(const RefTensor& from, const RefTensor& to) {
  const int64_t bytes = tensor_bytes(from);
  if (bytes > 0 && from.data != to.data) std::memcpy(to.data, from.data, static_cast<size_t>(bytes));
}

float dot(const float* a, const float* b, int64_t n) {
  float sum[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (int64_t j = 0; j < 8; ++j) sum[j] += a[i + j] * b[i + j];
  }
  for (int64_t j = 0; i < n; ++i, ++j) sum[j] += a[i] * b[i];
  return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

Result<std::vector<int64_t>> read_offsets(const RefCall& call, const RefTensor& tensor, int64_t limit) {
  std::vector<int64_t> out;
  for (int64_t i = 0; i < n_elements(tensor); ++i) {
    out.push_back(read_int(tensor, i));
    const int64_t low = i == 0 ? 0 : out[static_cast<size_t>(i - 1)];
    if (out.back() >= low && out.back() <= limit) continue;
    return call.error(fmt::format("offset {} is {}, outside [{}, {}]", i, out.back(), low, limit));
  }
  return out;
}

std::vector<int64_t> broadcast_steps(const std::vector<int64_t>& from, const std::vector<int64_t>& to) {
  std::vector<int64_t> steps(to.size(), 0);
  int64_t step = 1;
  for (size_t i = 0; i < from.size(); ++i) {
    const int64_t size = from[from.size() - 1 - i];
    steps[to.size() - 1 - i] = size == 1 ? 0 : step;
    step *= size;
  }
  return steps;
}

int64_t broadcast_offset(const std::vector<int64_t>& steps, const std::vector<int64_t>& to, int64_t row) {
  int64_t offset = 0;
  for (size_t i = to.size() - 1; i-- > 0;) {
    offset += row % to[i] * steps[i];
    row /= to[i];
  }
  return offset;
}

}  // namespace bp
