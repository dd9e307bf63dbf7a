// Divides a graph among the kernel rows of a device: greedy fusion, larger patterns first. What no row claims is left
// to the reference, with the reason.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "compile/kernel_table.h"
#include "graph/graph.h"
#include "graph/pattern.h"

namespace bp {

struct Group {
  const KernelRow* row = nullptr;  // null: a view (no work) or the reference
  bool view = false;
  Match match;      // nodes in pattern order; slots as the row names them (of a lone node: operands, then results)
  NodeId last = 0;  // the group runs where its last node stands
  std::vector<std::string> layouts;  // by slot; "" or "file": as the file has it
  std::string why;                   // of a kernel: "matches …"; of the reference: why no kernel took it
};

// Asks the device whether a match suits the row with these layouts; an error is the reason why not. May be empty.
using AcceptFn = std::function<Status(const KernelRow&, const Match&, const std::vector<std::string>& layouts)>;

// Groups in the order in which they run. Each node is in exactly one.
std::vector<Group> partition(const Graph& graph, std::span<const KernelRow> rows, const AcceptFn& accept);

}  // namespace bp
