#include "compile/partition.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "compile/candidates.h"
#include "compile/kernel_cost.h"
#include "compile/most_gain.h"
#include "graph/opset.h"

namespace bp {
namespace {

class Partitioner {
 public:
  Partitioner(const Graph& graph, const PartitionRules& rules)
      : graph_(graph), views_(graph), candidates_(graph, views_, rules), owner_(graph.nodes.size(), kNone) {}

  void choose(const KernelTable& table) {
    candidates_.collect(table);
    const auto all = candidates_.all();
    std::vector<bool> chosen(all.size(), false);
    for (const KernelRow& row : table.rows()) {
      if (row.forced) claim_forced(row, chosen);
    }
    std::vector<size_t> left;
    std::vector<Choice> choices;
    for (size_t i = 0; i < all.size(); ++i) {
      const double gain = kReferenceUs * all[i].n_work - all[i].cost.us;
      if (chosen[i] || gain <= 0 || !is_free(all[i])) continue;
      left.push_back(i);
      choices.push_back({all[i].nodes, gain});
    }
    for (const size_t i : most_gain(choices)) {
      claim(all[left[i]]);
      chosen[left[i]] = true;
    }
    for (size_t i = 0; i < all.size(); ++i) {
      if (!chosen[i]) explain(all[i]);
    }
  }

  std::vector<Group> finish() {
    for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes.size()); ++id) {
      if (owner_[static_cast<size_t>(id)] == kNone) groups_.push_back(lone(id));
    }
    for (Group& group : groups_) {
      for (const NodeId id : group.match.nodes) {
        for (const RefusedKernel& refused : candidates_.refused(id)) {
          if (group.row == nullptr || refused.kernel != group.row->id) group.refused.push_back(refused);
        }
      }
    }
    std::ranges::stable_sort(groups_, {}, &Group::last);
    return std::move(groups_);
  }

 private:
  bool is_free(const Candidate& candidate) const {
    return std::ranges::all_of(candidate.nodes, [&](NodeId id) { return owner_[static_cast<size_t>(id)] == kNone; });
  }

  void claim_forced(const KernelRow& row, std::vector<bool>& chosen) {
    const auto all = candidates_.all();
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].row != &row || !is_free(all[i])) continue;
      claim(all[i]);
      chosen[i] = true;
    }
  }

  void claim(const Candidate& candidate) {
    for (const NodeId id : candidate.nodes) owner_[static_cast<size_t>(id)] = static_cast<int32_t>(groups_.size());
    Group group;
    group.row = candidate.row;
    group.match = candidate.match;
    group.last = candidate.nodes.back();
    group.layouts = candidate.layouts;
    group.why = "matches " + std::string(candidate.row->kernel->pattern);
    group.cost = candidate.cost;
    groups_.push_back(std::move(group));
  }

  // Why a kernel that could run is not the one that does.
  void explain(const Candidate& candidate) {
    std::vector<std::string> instead;
    bool forced = false;
    for (const NodeId id : candidate.nodes) {
      const int32_t owner = owner_[static_cast<size_t>(id)];
      if (owner == kNone) continue;  // a view between
      const Group& group = groups_[static_cast<size_t>(owner)];
      forced |= group.row->forced;
      std::string text =
          fmt::format("{} {:.1f} us ({})", group.row->id, group.cost.us, cost_source_name(group.cost.source));
      if (std::ranges::find(instead, text) == instead.end()) instead.push_back(std::move(text));
    }
    candidates_.refuse(candidate.root, candidate.row->id, forced ? RefusalReason::kForced : RefusalReason::kCost,
                       fmt::format("{:.1f} us ({}); less in all with {}", candidate.cost.us,
                                   cost_source_name(candidate.cost.source), fmt::join(instead, ", ")));
  }

  Group lone(NodeId id) {
    const Node& node = graph_.node(id);
    Group group;
    group.view = views_.offset(id).has_value();
    group.match.nodes = {id};
    group.match.slots = node.in;
    group.match.slots.insert(group.match.slots.end(), node.out.begin(), node.out.end());
    group.last = id;
    group.layouts.resize(group.match.slots.size());
    if (group.view) {
      group.why = "a view: no work";
      return group;
    }
    group.cost.us = kReferenceUs;
    // The simplest row comes last in the table: what it says is what a reader wants to know.
    const auto refused = candidates_.refused(id);
    group.why = refused.empty() ? fmt::format("no kernel for {}", node.op->full_name())
                                : fmt::format("{}: {}", refused.back().kernel, refused.back().text);
    return group;
  }

  const Graph& graph_;
  const Views views_;
  Candidates candidates_;
  std::vector<int32_t> owner_;  // group of each node
  std::vector<Group> groups_;
};

}  // namespace

std::string_view refusal_name(RefusalReason reason) {
  constexpr std::array<std::string_view, 8> kNames = {"pattern", "guard",  "layout", "device",
                                                      "cost",    "forced", "denied", "option"};
  return kNames[static_cast<size_t>(reason)];
}

std::string_view cost_source_name(CostSource source) {
  constexpr std::array<std::string_view, 3> kNames = {"tuned", "estimate", "heuristic"};
  return kNames[static_cast<size_t>(source)];
}

std::vector<Group> partition(const Graph& graph, const KernelTable* table, const PartitionRules& rules) {
  Partitioner partitioner(graph, rules);
  if (table != nullptr) partitioner.choose(*table);
  return partitioner.finish();
}

double total_us(const std::vector<Group>& groups) {
  double total = 0;
  for (const Group& group : groups) total += group.cost.us;
  return total;
}

}  // namespace bp
