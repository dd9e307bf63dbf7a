#include "compile/step_info.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "graph/opset.h"
#include "graph/printer.h"

namespace bp {
namespace {

// The dtype that decides which kernel runs: a weight's, else the cache's, else the first operand's.
DType deciding_dtype(const Graph& graph, const Group& group) {
  for (const Role role : {Role::kWeight, Role::kKv}) {
    for (const ValueId id : group.match.slots) {
      if (id != kNone && graph.value(id).role == role && graph.value(id).dims.size() > 1) return graph.value(id).dtype;
    }
  }
  const ValueId first = group.match.slots.empty() ? kNone : group.match.slots.front();
  return first == kNone ? DType::kInvalid : graph.value(first).dtype;
}

void add_once(auto& list, const auto& item) {
  if (std::ranges::find(list, item) == list.end()) list.push_back(item);
}

StepInfo describe(const Graph& graph, const Group& group, const Device* device) {
  StepInfo info;
  info.op = ops_of(graph, group);
  info.scope = graph.node(group.last).scope;
  info.kernel = group.row != nullptr ? group.row->id : group.view ? "view" : "reference";
  info.plugin = group.row != nullptr ? device->plugin_of(*group.row->kernel) : "";
  info.device = device == nullptr || group.row == nullptr ? "reference" : device->info().id;
  info.dtype = dtype_name(deciding_dtype(graph, group));
  const std::string type = type_text(graph, graph.node(group.last).out.front());
  info.shape = type.substr(type.find('['));
  info.why = device == nullptr && !group.view ? "the device is the reference" : group.why;
  if (group.row != nullptr) info.cost = group.cost;
  info.refused = group.refused;
  for (const std::string& layout : group.layouts) {
    if (!layout.empty()) add_once(info.layouts, layout);
  }
  return info;
}

}  // namespace

std::string ops_of(const Graph& graph, const Group& group) {
  std::vector<std::string_view> names;
  for (const NodeId id : group.match.nodes) names.push_back(graph.node(id).op->name);
  return fmt::format("{}", fmt::join(names, "+"));
}

std::vector<StepInfo> describe_steps(const Graph& graph, std::span<const Group> groups, const Device* device) {
  std::vector<size_t> group_of(graph.nodes.size(), 0);
  for (size_t i = 0; i < groups.size(); ++i) {
    for (const NodeId id : groups[i].match.nodes) group_of[static_cast<size_t>(id)] = i;
  }
  std::vector<StepInfo> infos;
  for (size_t i = 0; i < groups.size(); ++i) {
    StepInfo info = describe(graph, groups[i], device);
    for (const NodeId id : groups[i].match.nodes) {
      for (const ValueId in : graph.node(id).in) {
        const NodeId producer = in == kNone ? kNone : graph.value(in).producer;
        if (producer != kNone && group_of[static_cast<size_t>(producer)] != i)
          add_once(info.reads, group_of[static_cast<size_t>(producer)]);
      }
    }
    std::ranges::sort(info.reads);
    infos.push_back(std::move(info));
  }
  return infos;
}

}  // namespace bp
