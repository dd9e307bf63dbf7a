// Tensors as text, for people. Thread-safety: pure functions.
#pragma once

#include <backplane/api/tensor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bp::api {

// The indices of element `at` in row-major order.
std::vector<int64_t> index_of(size_t at, std::span<const int64_t> dims);
// "in [-1.5, 2.25]", with the number of NaN and infinities where there are any; "empty".
std::string range_text(std::span<const double> values);
// Nested brackets, long axes shortened.
std::string values_text(std::span<const double> values, std::span<const int64_t> dims, bool integers,
                        const TextOptions& options);

}  // namespace bp::api
