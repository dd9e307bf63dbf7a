#include "api/tensor_state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>

#include "api/session_state.h"
#include "base/half.h"
#include "graph/extent.h"

namespace bp::api {
namespace {

template <class T, class Convert>
std::vector<double> convert(std::span<const std::byte> bytes, Convert to_double) {
  std::vector<double> out(bytes.size() / sizeof(T));
  for (size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    out[i] = to_double(value);
  }
  return out;
}

template <class T>
std::vector<double> plain(std::span<const std::byte> bytes) {
  return convert<T>(bytes, [](T value) { return static_cast<double>(value); });
}

}  // namespace

Result<uint64_t> content_bytes(bp::DType dtype, std::span<const int64_t> dims, const std::string& where) {
  if (dims.size() > kMaxRank) {
    return fail(bp::ErrorCode::kUsage, where, fmt::format("{} dims are too many", dims.size()),
                fmt::format("give at most {}", kMaxRank));
  }
  uint64_t rows = 1;
  bool overflow = false;
  for (size_t i = 0; i + 1 < dims.size(); ++i) {
    // A zero must not hide an overflow.
    overflow |= __builtin_mul_overflow(rows, static_cast<uint64_t>(std::max<int64_t>(dims[i], 1)), &rows);
  }
  bool empty = false;
  for (const int64_t dim : dims) empty |= dim == 0;
  const auto row = row_bytes(dtype, dims.empty() ? 1 : static_cast<uint64_t>(dims.back()));
  if (!row.has_value()) {
    return fail(bp::ErrorCode::kUsage, where,
                fmt::format("rows of {} do not fill blocks of {}", dims_text(dims), dtype_name(dtype)));
  }
  uint64_t total = 0;
  overflow |= __builtin_mul_overflow(rows, std::max<uint64_t>(*row, 1), &total) || total > (uint64_t{1} << 48);
  if (overflow) return fail(bp::ErrorCode::kUsage, where, fmt::format("{} is too large", dims_text(dims)));
  return empty ? 0 : total;
}

std::string dims_text(std::span<const int64_t> dims) { return fmt::format("[{}]", fmt::join(dims, ", ")); }

std::string type_text(bp::DType dtype, std::span<const int64_t> dims) {
  return std::string(dtype_name(dtype)) + dims_text(dims);
}

Shape shape_of(std::span<const int64_t> dims) { return {dims.begin(), dims.end()}; }

Result<std::vector<int64_t>> sizes_of(const Shape& shape, const std::string& where) {
  std::vector<int64_t> sizes;
  for (const Dim& dim : shape) {
    if (dim.is_dynamic() || dim.size() < 0) {
      return fail(bp::ErrorCode::kUsage, where, fmt::format("{} is no shape of numbers", text(shape)),
                  "give each dim its size");
    }
    sizes.push_back(dim.size());
  }
  return sizes;
}

Result<std::vector<double>> numbers(bp::DType dtype, std::span<const std::byte> bytes) {
  switch (dtype) {
    case bp::DType::kF32:
      return plain<float>(bytes);
    case bp::DType::kF64:
      return plain<double>(bytes);
    case bp::DType::kF16:
      return convert<uint16_t>(bytes, [](uint16_t bits) { return static_cast<double>(f16_to_f32(bits)); });
    case bp::DType::kBF16:
      return convert<uint16_t>(bytes, [](uint16_t bits) { return static_cast<double>(bf16_to_f32(bits)); });
    case bp::DType::kI8:
      return plain<int8_t>(bytes);
    case bp::DType::kU8:
    case bp::DType::kBool:
      return plain<uint8_t>(bytes);
    case bp::DType::kI16:
      return plain<int16_t>(bytes);
    case bp::DType::kI32:
      return plain<int32_t>(bytes);
    case bp::DType::kI64:
      return plain<int64_t>(bytes);
    default:
      return fail(bp::ErrorCode::kUnsupported, "tensor",
                  fmt::format("elements of {} cannot be shown as numbers", dtype_name(dtype)),
                  "read its bytes, or dequantise it by an op");
  }
}

Tensor make_tensor(std::shared_ptr<SessionState> session, Content content) {
  auto state = std::make_shared<TensorState>();
  state->session = std::move(session);
  state->dtype = content.dtype;
  state->shape = shape_of(content.dims);
  state->content = std::move(content);
  return Tensor(std::move(state));
}

}  // namespace bp::api
