// What a session's debugging options look for in the results of an op. Thread-safety: pure functions, but that operands
// are read through their session.
#pragma once

#include <span>
#include <string>

#include "api/session_state.h"

namespace bp::api {

// A result of a call and its bytes on the host.
struct EagerResult {
  size_t index = 0;  // of the op's results
  const Content& content;
  std::span<const std::byte> bytes;
};

// kFailed where a float result has a NaN or an infinity: the place, the value, and the operands' ranges.
Status check_finite(const EagerCall& call, const std::string& device, const EagerResult& result, SessionState& session);
// kFailed at the first element that differs from `wanted` (of `other`) by more than the tolerance.
Status check_close(const EagerCall& call, const std::string& device, const EagerResult& result,
                   const std::string& other, std::span<const std::byte> wanted, const Tolerance& tolerance);

}  // namespace bp::api
