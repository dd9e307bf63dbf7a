#include "compile/kernel_cost.h"

#include <algorithm>
#include <vector>

#include "compile/storage.h"

namespace bp {
namespace {

constexpr double kLaunchUs = 5;
constexpr double kBytesPerUs = 50'000;  // 50 GB/s

}  // namespace

double heuristic_us(const Graph& graph, std::span<const ValueId> slots) {
  std::vector<ValueId> distinct(slots.begin(), slots.end());
  std::ranges::sort(distinct);
  distinct.erase(std::ranges::unique(distinct).begin(), distinct.end());
  double bytes = 0;
  for (const ValueId id : distinct) {
    // How much of a cache is read or written only the run knows, and it is the same for every kernel.
    if (id == kNone || graph.value(id).role == Role::kKv) continue;
    const auto size = Storage::size_bytes(graph, graph.value(id));
    if (size.has_value()) bytes += static_cast<double>(*size);
  }
  return kLaunchUs + bytes / kBytesPerUs;
}

}  // namespace bp
