// A tensor of a model file as the unpackers of this module see it: where it lies, unread and unchecked.
// Lives as long as the file's mapping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/result.h"

namespace bp::quant {

struct TensorBytes {
  DType dtype = DType::kInvalid;
  std::vector<int64_t> dims;  // row-major
  std::span<const std::byte> bytes;
};

// An error unless the tensor has one of `dtypes`, `dims` and as many bytes as those need. `name` and `where` are for
// the error.
Status expect_tensor(const TensorBytes& tensor, std::span<const DType> dtypes, const std::vector<int64_t>& dims,
                     std::string_view name, const std::string& where);

}  // namespace bp::quant
