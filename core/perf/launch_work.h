// What a launch has to move and to multiply, counted from its graph, its true sizes and what its integer operands say:
// the bytes and FLOPs of a profile. Thread-safe: plain values and pure functions.
//
// FLOPs: a product adds 2 x elements of its result x K, attention 2 x heads x (columns of a key + columns of a value)
// for each row and key it sees. Ops that only move data add none, and every other op one for each element of its
// largest operand: an order of magnitude, since such ops wait for memory.
// Bytes: weights as they lie in memory, a table that rows are gathered from by those rows, of experts those that were
// met, of the KV cache the keys in sight; activations and parameters once for each launch that reads or writes them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "compile/program.h"
#include "graph/graph.h"
#include "perf/limits.h"

namespace bp {

struct LaunchWork {
  double read_bytes = 0;
  double write_bytes = 0;
  double flops = 0;
  DType dtype = DType::kInvalid;  // of the matrices it multiplies; kInvalid: none

  double bytes() const { return read_bytes + write_bytes; }
  // The least time that `limits` allow, in microseconds: reading and arithmetic overlap. 0: not known.
  double bound_us(const DeviceLimits& limits) const;
};

// Contents of i32 operands, by value.
using IntOperands = std::map<ValueId, std::vector<int32_t>>;

// The i32 operands of a step whose contents decide how much it reads: lengths of sequences, chosen experts.
std::vector<ValueId> deciding_operands(const Graph& graph, const StepWork& step);

// `sizes`: by symbol, derived ones included. `contents`: of the deciding operands. Attention of unknown lengths reads
// no keys; of experts whose choice stays inside a kernel, as many as independent choices meet.
LaunchWork work_of(const Graph& graph, const StepWork& step, std::span<const int64_t> sizes,
                   const IntOperands& contents);

// Elements of a value at these sizes.
int64_t elements_at(const Value& value, std::span<const int64_t> sizes);

}  // namespace bp
