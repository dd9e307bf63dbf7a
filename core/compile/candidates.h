// What each kernel row might run of a graph, and why not. Private to core/compile. Not thread-safe.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "compile/partition.h"
#include "compile/views.h"

namespace bp {

struct Candidate {
  const KernelRow* row = nullptr;
  Match match;
  std::vector<NodeId> nodes;         // of the match, ascending
  NodeId root = 0;                   // of its pattern
  int n_work = 0;                    // nodes that are no views
  std::vector<std::string> layouts;  // by slot
  Cost cost;
};

class Candidates {
 public:
  // `graph`, `views` and `rules` outlive it.
  Candidates(const Graph& graph, const Views& views, const PartitionRules& rules);

  // Everything that a row of the table might run; of those for the same nodes the best alone, and without fusion no
  // fused one where there is a kernel for each node.
  void collect(const KernelTable& table);

  std::span<const Candidate> all() const { return all_; }
  void refuse(NodeId node, const std::string& kernel, RefusalReason reason, std::string text);
  std::span<const RefusedKernel> refused(NodeId node) const { return refused_[static_cast<size_t>(node)]; }

 private:
  void collect_row(const KernelRow& row);
  bool try_match(const KernelRow& row, NodeId root, Match match);
  bool layouts_fit(const KernelRow& row, const Match& match) const;
  // The choice-th accepted layout of each weight, or its last; everything else stays as it is.
  std::vector<std::string> layouts_of(const KernelRow& row, const Match& match, size_t choice) const;
  void add(Candidate candidate);
  void leave_fusions_out();
  void note_denied(const KernelRow& row);
  Cost cost_of(const Candidate& candidate, double estimate_us) const;

  const Graph& graph_;
  const Views& views_;
  const PartitionRules& rules_;
  Uses readers_;
  std::map<const OpDef*, std::vector<NodeId>> by_op_;
  std::vector<Candidate> all_;
  std::map<std::vector<NodeId>, size_t> by_nodes_;   // into all_
  std::vector<std::vector<RefusedKernel>> refused_;  // by node
};

}  // namespace bp
