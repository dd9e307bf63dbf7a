// A graph compiled for a session and bound to memory of its own: contents in, contents out. Not thread-safe. The
// session's programs, pool and call memory outlive it.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "api/call_memory.h"
#include "api/tensor_state.h"
#include "compile/program.h"
#include "compile/run_observer.h"
#include "engine/device_programs.h"

namespace bp::api {

class BoundGraph {
 public:
  // Every input and output of `graph` has a name. Errors: as Program::compile.
  static Result<std::unique_ptr<BoundGraph>> create(DevicePrograms& programs, CallMemory& memory, Graph graph,
                                                    bool optimize);

  // Inputs in the order of the graph's, dense; `sizes` by symbol, those of derived ones unused. The graph's outputs in
  // order, each in memory of its own. Returns once the device is done, with an error too.
  // An `observer` is told of each launch. REQUIRES: dtypes, dims and sizes are the graph's.
  Result<std::vector<Content>> run(std::span<const Content> inputs, std::span<const int64_t> sizes, uint64_t step,
                                   RunObserver* observer = nullptr);

  const bp::Program& program() const { return *program_; }

 private:
  BoundGraph(DevicePrograms& programs, BufferPool& pool) : programs_(programs), pool_(pool) {}
  Result<std::vector<Content>> enqueue(std::span<const Content> inputs, std::span<const int64_t> sizes, uint64_t step,
                                       RunObserver* observer);
  Status bind(const Graph& graph, CallMemory& memory);
  Result<Content> result(ValueId output, std::span<const int64_t> sizes);

  DevicePrograms& programs_;
  BufferPool& pool_;
  Bindings bindings_;
  std::vector<std::string> input_names_;
  std::unique_ptr<bp::Program> program_;
};

// Bytes between places on the device, enqueued; and from the host, which is waited for.
Status copy(DevicePrograms& programs, const BufferSpan& to, const BufferSpan& from);
Status upload(DevicePrograms& programs, std::span<const std::byte> bytes, const BufferSpan& to);
Result<std::shared_ptr<const BufferSpan>> upload(DevicePrograms& programs, BufferPool& pool,
                                                 std::span<const std::byte> bytes);

}  // namespace bp::api
