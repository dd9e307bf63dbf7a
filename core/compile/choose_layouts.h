// In which layout each weight lies: as few as its kernels can agree on. Thread-safe: pure functions.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "compile/partition.h"

namespace bp {

// The layouts in which a weight lies on the device already, for this program's sake or for another's.
using HeldFn = std::function<std::vector<std::string>(const HostTensor&)>;

// Changes `groups`' layouts so that a weight that several kernels read is packed once where they accept a common one:
// one that is held already, else the one that most accept, of equals the one they prefer. A kernel that the device
// refuses with it (`accept`, may be empty) keeps its own. `held` may be empty.
void choose_layouts(const Graph& graph, std::span<Group> groups, const AcceptFn& accept, const HeldFn& held);

}  // namespace bp
