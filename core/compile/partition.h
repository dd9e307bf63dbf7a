// Divides a graph among the kernel rows of a device so that what is chosen takes the least time together. What no row
// claims is left to the reference, with the reason.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compile/kernel_table.h"
#include "graph/graph.h"
#include "graph/pattern.h"

namespace bp {

// Why a kernel does not run what it might have.
enum class RefusalReason : uint8_t {
  kPattern,  // its pattern does not match here
  kGuard,
  kLayout,  // an operand is in no layout that it accepts
  kDevice,  // the device's query says no
  kCost,    // another choice takes less time
  kForced,  // a forced kernel came first
  kDenied,
  kOption,  // an option of the compiler
};
std::string_view refusal_name(RefusalReason reason);  // "guard"

struct RefusedKernel {
  std::string kernel;
  RefusalReason reason = RefusalReason::kPattern;
  std::string text;  // "dtype(w)=q8_0 does not hold: it is f32[4, 4]"
};

// What a cost rests on, best first.
enum class CostSource : uint8_t { kTuned, kEstimate, kHeuristic };
std::string_view cost_source_name(CostSource source);  // "tuned"

struct Cost {
  double us = 0;  // of the largest sizes of the bucket
  CostSource source = CostSource::kHeuristic;
};

struct Group {
  const KernelRow* row = nullptr;  // null: a view (no work) or the reference
  bool view = false;
  Match match;      // nodes in pattern order; slots as the row names them (of a lone node: operands, then results)
  NodeId last = 0;  // the group runs where its last node stands
  std::vector<std::string> layouts;  // by slot; "" or "file": as the file has it
  std::string why;                   // of a kernel: "matches …"; of the reference: why no kernel took it
  Cost cost;
  std::vector<RefusedKernel> refused;  // at its nodes: each kernel that might have run one of them
};

// Asks the device whether a match suits the row with these layouts: its estimate in microseconds, 0 where it has none.
// An error is the reason why not. May be empty.
using AcceptFn = std::function<Result<double>(const KernelRow&, const Match&, const std::vector<std::string>& layouts)>;

// The time that the row was measured to take for a match with these layouts, in microseconds; nullopt: not measured.
// Where results must not depend on the bucket it says the same for every bucket. May be empty.
using CostFn = std::function<std::optional<double>(const Graph&, const KernelRow&, const Match&,
                                                   const std::vector<std::string>& layouts)>;

struct PartitionRules {
  AcceptFn accept{};
  CostFn tuned{};
  bool fuse = true;       // false: rows of one op wherever there are any
  bool estimates = true;  // false: AcceptFn's estimates do not count (they differ from bucket to bucket)
};

// Groups in the order in which they run; each node is in exactly one. `table` null: there is no device. Forced rows are
// given what they match, in the order of the table; among the others the choice is of the least total time: measured
// where known, else estimated, else by launches and bytes moved. Of rows for the same nodes of which not both are
// measured or estimated the one of higher priority wins. Takes bounded time (most_gain.h).
std::vector<Group> partition(const Graph& graph, const KernelTable* table, const PartitionRules& rules = {});

// The sum of what the groups take.
double total_us(const std::vector<Group>& groups);

}  // namespace bp
