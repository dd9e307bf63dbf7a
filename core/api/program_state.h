// A compiled function: the traced graph, and a program for each bucket that was run. Not thread-safe.
#pragma once

#include <backplane/api/program.h>

#include <map>
#include <memory>
#include <vector>

#include "api/bound_graph.h"
#include "api/call_memory.h"
#include "api/trace.h"

namespace bp::api {

struct ProgramState {
  ProgramState(TracedGraph traced, std::shared_ptr<SessionState> on, CompileOptions how);

  // Sizes by symbol; -1 for those that follow from another. Errors: kUsage for inputs that do not fit.
  Result<std::vector<int64_t>> sizes_of_inputs(const std::vector<Tensor>& inputs) const;
  // The program for these sizes, compiled where it is not there yet.
  Result<BoundGraph*> bucket(std::span<const int64_t> sizes);
  // That which ran last, or the one of the largest sizes.
  Result<BoundGraph*> shown();
  // The function's results from the graph's.
  std::vector<Tensor> results(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs) const;

  // The bucket that ends with these sizes, one for each symbol that does not follow from another.
  void set_bucket(Graph& graph, std::span<const int64_t> largest) const;

  struct Kept {
    std::unique_ptr<BoundGraph> bound;
    uint64_t last_used = 0;
  };

  std::shared_ptr<SessionState> session;
  CompileOptions options;
  TracedGraph traced;
  std::vector<std::vector<int64_t>>
      ends;  // by symbol: the largest size of each bucket, ascending; empty for those that follow
  CallMemory memory;
  std::map<std::vector<int64_t>, Kept> kept;  // by the bucket's largest sizes
  BoundGraph* last = nullptr;
  uint64_t n_uses = 0;
};

}  // namespace bp::api
