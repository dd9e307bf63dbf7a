#include "quant/tensor_bytes.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace bp::quant {
namespace {

std::string dims_of(const std::vector<int64_t>& dims) { return fmt::format("[{}]", fmt::join(dims, ", ")); }

std::string names_of(std::span<const DType> dtypes) {
  std::vector<std::string_view> names;
  for (const DType dtype : dtypes) names.push_back(dtype_name(dtype));
  return fmt::format("{}", fmt::join(names, " or "));
}

}  // namespace

Status expect_tensor(const TensorBytes& tensor, std::span<const DType> dtypes, const std::vector<int64_t>& dims,
                     std::string_view name, const std::string& where) {
  const std::string_view dtype = dtype_name(tensor.dtype);
  if (std::ranges::find(dtypes, tensor.dtype) == dtypes.end()) {
    return fail(ErrorCode::kRefused, where, fmt::format("{} is {}, not {}", name, dtype, names_of(dtypes)),
                "the quantisation is not what its description says; convert the model again");
  }
  uint64_t n_bytes = dtype_info(tensor.dtype).block_bytes;
  bool same = tensor.dims == dims;
  for (const int64_t dim : dims) same = same && dim >= 0 && !__builtin_mul_overflow(n_bytes, dim, &n_bytes);
  if (same && n_bytes == tensor.bytes.size()) return {};
  return fail(ErrorCode::kRefused, where,
              fmt::format("{} is {} {} in {} bytes, not {}", name, dtype, dims_of(tensor.dims), tensor.bytes.size(),
                          dims_of(dims)),
              "the quantisation is not what its description says; convert the model again");
}

}  // namespace bp::quant
