// The tensor types of GGUF files, by their number there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/dtype.h"
#include "base/result.h"

namespace bp {

// Errors: kUnsupported for a type that is known but has no DType (named in the message), kRefused for any other number.
Result<DType> dtype_of_ggml(uint32_t type, const std::string& where, std::string_view tensor);

// nullopt: GGUF has no type for it.
std::optional<uint32_t> ggml_type_of(DType dtype);

}  // namespace bp
