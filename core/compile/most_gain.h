// Weighted set packing: the disjoint choices that gain the most together. Thread-safe: a pure function.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bp {

// Takes `items`, each at most once in all, and gains so much.
struct Choice {
  std::vector<int32_t> items;  // ascending, at least one
  double gain = 0;             // > 0
};

// Indices into `choices`, in order of their first items. Dynamic programming over the items in ascending order, where a
// state is the set of later items that are taken already: exact, and fast while choices are as local as fusions are.
// Where more than `max_states` would be alive at an item, only those that gained most go on, and what is found is not
// less than what taking the largest gain first gives. Among equals the earlier choices win.
std::vector<size_t> most_gain(std::span<const Choice> choices, size_t max_states = 128);

}  // namespace bp
