// Sizes of results that follow from the operands' and have no name of their own yet: of two tensors joined, of dims
// made one. Thread-safety: pure functions.
#pragma once

#include <backplane/api/tensor.h>

#include <optional>
#include <string_view>
#include <vector>

namespace bp::api {

// The dynamic size that the op's result needs; nullopt: none, or none that follows from one size (the op's own checks
// say what is wrong then).
std::optional<Dim> derived_size(std::string_view op, const std::vector<Tensor>& operands,
                                const std::vector<Attr>& attrs);

}  // namespace bp::api
