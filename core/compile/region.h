// A matched part of a graph as a plugin sees it: the C views of plugin.h over it.
// Movable. view() points into the graph and into this object: valid while both live and the graph is not changed.
#pragma once

#include <backplane/plugin.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "graph/pattern.h"

namespace bp {

// The process-wide number of a versioned name ("matmul@1"); 0 = unknown.
using InternFn = std::function<uint32_t(std::string_view)>;

class Region {
 public:
  // Nodes in pattern order, slots as the match has them. `layouts` is by slot: the interned layout of that operand, 0 =
  // as the file or the strides say; empty = all 0.
  Region(const Graph& graph, const Match& match, std::span<const uint32_t> layouts, const InternFn& intern);
  Region(Region&&) = default;
  Region& operator=(Region&&) = default;

  const bp_region& view() const { return view_; }
  // The graph's symbol behind each of view().sym, in that order: launch.dyn[i] is its size.
  std::span<const SymbolId> symbols() const { return symbols_; }
  // The graph's value behind each argument of view().arg; kNone = absent. plan_bind takes spans in this order.
  std::span<const ValueId> args() const { return args_; }

 private:
  uint32_t add_value(const Graph& graph, ValueId id);
  uint32_t add_symbol(const Graph& graph, SymbolId id);
  void add_node(const Graph& graph, const Node& node, const InternFn& intern);

  std::vector<ValueId> value_ids_;  // by region value
  std::vector<SymbolId> symbols_;
  std::vector<ValueId> args_;
  std::vector<bp_value> values_;
  std::vector<bp_sym> syms_;
  std::vector<bp_node> nodes_;
  std::vector<std::vector<uint32_t>> operands_;  // in and out lists of the nodes
  std::vector<std::vector<bp_attr>> attrs_;
  std::vector<uint32_t> arg_indices_;
  bp_region view_{};
};

}  // namespace bp
