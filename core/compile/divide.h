// What each part of a graph runs on: kernels, views or the reference, and in which layouts weights lie. The last passes
// are here, since what they gain depends on the device's kernels. Private to core/compile.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compile/partition.h"
#include "compile/program.h"
#include "compile/region.h"
#include "graph/graph.h"

namespace bp {

struct Division {
  Graph graph;
  std::vector<Group> groups;
};

// The group as the device sees it. `layouts` by slot.
Region region_of(const Graph& graph, const Match& match, const std::vector<std::string>& layouts, const Device& device);

// Rows whose plan said that they cannot after all, by id, and why.
using RefusedRows = std::map<std::string, std::string, std::less<>>;

// Without those of `refused`. Errors: kFailed where a pass has broken an invariant.
Result<Division> divide(Graph graph, const CompileInputs& inputs, const RefusedRows& refused);

}  // namespace bp
