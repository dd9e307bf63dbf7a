// What `explain` says of each group of a divided graph. Private to core/compile. Thread-safe: pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "compile/partition.h"
#include "compile/program.h"

namespace bp {

// "matmul+add".
std::string ops_of(const Graph& graph, const Group& group);

// One for each group, in their order. `device` null: the reference.
std::vector<StepInfo> describe_steps(const Graph& graph, std::span<const Group> groups, const Device* device);

}  // namespace bp
