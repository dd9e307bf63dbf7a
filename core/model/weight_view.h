// One tensor of a model file: name, type, shape and the bytes where the mapped file has them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"

namespace bp {

// Invariant: bytes.size() is what dtype and dims need. Lives as long as the file's mapping.
struct WeightView {
  std::string name;
  DType dtype = DType::kInvalid;
  std::vector<int64_t> dims;  // row-major: a matrix is [out, in]
  std::span<const std::byte> bytes;
  std::array<int64_t, 2> block{};  // of scales and zeros: the rows and columns of the weight that share one
};

// Bytes of dims[…] elements, the last dimension in whole blocks; nullopt where they are not, or the product overflows.
std::optional<uint64_t> tensor_bytes(DType dtype, std::span<const int64_t> dims);

// "[3, 4]"
std::string dims_text(std::span<const int64_t> dims);

}  // namespace bp
