#include "compile/partition.h"

#include <fmt/format.h>

#include <algorithm>

#include "graph/opset.h"

namespace bp {
namespace {

class Partitioner {
 public:
  Partitioner(const Graph& graph, const AcceptFn& accept)
      : graph_(graph),
        accept_(accept),
        uses_(uses(graph)),
        owner_(graph.nodes.size(), kNone),
        why_(graph.nodes.size()) {}

  void claim_all(const KernelRow& row) {
    for (NodeId root = 0; root < static_cast<NodeId>(graph_.nodes.size()); ++root) {
      if (graph_.node(root).op == row.pattern.root() && owner_[static_cast<size_t>(root)] == kNone)
        try_claim(row, root);
    }
  }

  std::vector<Group> finish() {
    for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes.size()); ++id) {
      if (owner_[static_cast<size_t>(id)] == kNone) groups_.push_back(lone(id));
    }
    std::ranges::stable_sort(groups_, {}, &Group::last);
    return std::move(groups_);
  }

 private:
  void try_claim(const KernelRow& row, NodeId root) {
    std::string why;
    auto found = match(graph_, uses_, row.pattern, root, &why);
    if (!found.has_value()) return note(row, root, why);
    for (const NodeId id : found->nodes) {
      if (owner_[static_cast<size_t>(id)] != kNone) return;
    }
    if (!row.guard.holds(graph_, *found, &why)) return note(row, root, why);
    if (!layouts_fit(row, *found)) return note(row, root, "an operand is not in a layout it accepts");
    auto layouts = choose_layouts(row, *found);
    Group group{
        &row, false, std::move(*found), kNone, std::move(layouts), "matches " + std::string(row.kernel->pattern)};
    if (accept_) {
      if (const Status ok = accept_(row, group.match, group.layouts); !ok.has_value())
        return note(row, root, ok.error().what);
    }
    for (const NodeId id : group.match.nodes) {
      owner_[static_cast<size_t>(id)] = static_cast<int32_t>(groups_.size());
      group.last = std::max(group.last, id);
    }
    groups_.push_back(std::move(group));
  }

  // Only weights are packed so far: what is no weight has to do as it is.
  bool layouts_fit(const KernelRow& row, const Match& found) const {
    for (size_t i = 0; i < found.slots.size(); ++i) {
      const ValueId id = found.slots[i];
      if (id == kNone || graph_.value(id).role == Role::kWeight || row.layouts[i].empty()) continue;
      if (std::ranges::find(row.layouts[i], "file") == row.layouts[i].end()) return false;
    }
    return true;
  }

  // The first accepted layout of each weight; everything else stays as it is.
  std::vector<std::string> choose_layouts(const KernelRow& row, const Match& found) const {
    std::vector<std::string> chosen(found.slots.size());
    for (size_t i = 0; i < found.slots.size(); ++i) {
      const ValueId id = found.slots[i];
      if (id == kNone || graph_.value(id).role != Role::kWeight || row.layouts[i].empty()) continue;
      if (row.layouts[i].front() != "file") chosen[i] = row.layouts[i].front();
    }
    return chosen;
  }

  // Remembers why the simplest row for this op did not take the node: what a reader of `explain` wants to know.
  void note(const KernelRow& row, NodeId root, const std::string& reason) {
    why_[static_cast<size_t>(root)] = fmt::format("{}: {}", row.id, reason);
  }

  Group lone(NodeId id) {
    const Node& node = graph_.node(id);
    Group group;
    group.view = node.op->view;
    group.match.nodes = {id};
    group.match.slots = node.in;
    group.match.slots.insert(group.match.slots.end(), node.out.begin(), node.out.end());
    group.last = id;
    group.layouts.resize(group.match.slots.size());
    const std::string& why = why_[static_cast<size_t>(id)];
    group.why = group.view    ? "a view: no work"
                : why.empty() ? fmt::format("no kernel for {}", node.op->full_name())
                              : why;
    return group;
  }

  const Graph& graph_;
  const AcceptFn& accept_;
  std::vector<std::vector<NodeId>> uses_;
  std::vector<int32_t> owner_;  // group of each node
  std::vector<std::string> why_;
  std::vector<Group> groups_;
};

}  // namespace

std::vector<Group> partition(const Graph& graph, std::span<const KernelRow> rows, const AcceptFn& accept) {
  Partitioner partitioner(graph, accept);
  for (const KernelRow& row : rows) partitioner.claim_all(row);
  return partitioner.finish();
}

}  // namespace bp
