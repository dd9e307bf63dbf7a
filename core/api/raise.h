// From the core's errors as values to the library's exceptions, in one place. Thread-safety: pure functions.
#pragma once

#include <backplane/api/error.h>

#include <utility>

#include "base/result.h"

namespace bp::api {

[[noreturn]] void raise(bp::Error error);
[[noreturn]] void raise(ErrorCode code, std::string where, std::string what, std::string fix = {});

// The value, or the error thrown.
template <class T>
T unwrap(bp::Result<T> result) {
  if (!result.has_value()) raise(std::move(result.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace bp::api
