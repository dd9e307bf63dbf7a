// What running a part of a graph takes, where nobody has measured or estimated it. Thread-safe: pure functions.
#pragma once

#include <span>

#include "graph/graph.h"

namespace bp {

// One launch, and each distinct operand and result moved once at the largest sizes of the bucket, in microseconds. The
// two rates are assumed: of a device they are wrong, but their ratio tells that what is fused saves launches and
// traffic. A table that is gathered from counts in full, for every kernel alike.
double heuristic_us(const Graph& graph, std::span<const ValueId> slots);

// What a node on the reference is charged with: more than any kernel takes, so that whatever a kernel can run it runs.
inline constexpr double kReferenceUs = 1e7;

}  // namespace bp
