#include "api/bound_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "compile/storage.h"
#include "graph/extent.h"

namespace bp::api {
Result<std::unique_ptr<BoundGraph>> BoundGraph::create(DevicePrograms& programs, CallMemory& memory, Graph graph,
                                                       bool optimize) {
  std::unique_ptr<BoundGraph> made(new BoundGraph(programs, memory.pool()));
  BP_TRY_VOID(made->bind(graph, memory));
  BP_TRY(made->program_, programs.compile(std::move(graph), made->bindings_, optimize));
  return made;
}

// A place for each input and output at its largest size.
Status BoundGraph::bind(const Graph& graph, CallMemory& memory) {
  size_t place = 0;
  const auto add = [&](ValueId id) -> Status {
    const Value& value = graph.value(id);
    BP_TRY(const uint64_t bytes, Storage::size_bytes(graph, value));
    BP_TRY(BufferSpan span, memory.reserve(place++, bytes));
    span.size_bytes = std::max<uint64_t>(bytes, 1);
    bindings_[value.name] = span;
    return {};
  };
  for (const ValueId id : graph.inputs) {
    BP_TRY_VOID(add(id));
    input_names_.push_back(graph.value(id).name);
  }
  for (const ValueId id : graph.outputs) BP_TRY_VOID(add(id));
  return {};
}

Result<std::vector<Content>> BoundGraph::run(std::span<const Content> inputs, std::span<const int64_t> sizes,
                                             uint64_t step, RunObserver* observer) {
  auto results = enqueue(inputs, sizes, step, observer);
  // Operands may be freed as soon as this returns, and so are results where one of them fails.
  const Status done = programs_.queue() == nullptr ? Status{} : programs_.queue()->sync();
  if (results.has_value() && !done.has_value()) return std::unexpected(done.error());
  return results;
}

Result<std::vector<Content>> BoundGraph::enqueue(std::span<const Content> inputs, std::span<const int64_t> sizes,
                                                 uint64_t step, RunObserver* observer) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    BufferSpan to = bindings_.find(input_names_[i])->second;
    to.size_bytes = inputs[i].size_bytes;
    if (inputs[i].memory == nullptr) {
      BP_TRY_VOID(upload(programs_, inputs[i].weight->bytes, to));
    } else {
      BP_TRY_VOID(copy(programs_, to, *inputs[i].memory));
    }
  }
  BP_TRY_VOID(program_->run(sizes, step, observer));
  std::vector<Content> results;
  for (const ValueId output : program_->graph().outputs) {
    BP_TRY(Content content, result(output, sizes));
    results.push_back(std::move(content));
  }
  return results;
}

Result<Content> BoundGraph::result(ValueId output, std::span<const int64_t> sizes) {
  const Graph& graph = program_->graph();
  const Value& value = graph.value(output);
  Content content;
  content.dtype = value.dtype;
  for (const Extent& extent : value.dims) content.dims.push_back(size_of(graph, extent, sizes));
  BP_TRY(content.size_bytes, content_bytes(content.dtype, content.dims, graph.name));
  const Value& root = graph.value(storage_root(graph, output));
  if (root.role == Role::kWeight) {
    const HostTensor& tensor = graph.host_tensors[static_cast<size_t>(root.host_tensor)];
    BP_TRY(content.memory, upload(programs_, pool_, tensor.bytes));
    return content;
  }
  const auto bound = bindings_.find(root.name);
  if (root.name.empty() || bound == bindings_.end()) {
    return fail(bp::ErrorCode::kFailed, graph.name, fmt::format("result {} lies in memory of the arena", value.name),
                "compile it with optimize = false");
  }
  BP_TRY(content.memory, pool_.take(content.size_bytes));
  BufferSpan from = bound->second;
  from.size_bytes = content.size_bytes;
  BP_TRY_VOID(copy(programs_, *content.memory, from));
  return content;
}

Status copy(DevicePrograms& programs, const BufferSpan& to, const BufferSpan& from) {
  if (from.size_bytes == 0) return {};
  if (programs.queue() == nullptr) {
    std::memcpy(to.host(), from.host(), from.size_bytes);
    return {};
  }
  const bp_span target = to.span();
  const bp_span source = from.span();
  return programs.queue()->copy({&target, 1}, {&source, 1});
}

Status upload(DevicePrograms& programs, std::span<const std::byte> bytes, const BufferSpan& to) {
  if (bytes.empty()) return {};
  if (programs.queue() == nullptr) {
    std::memcpy(to.host(), bytes.data(), bytes.size());
    return {};
  }
  return programs.queue()->write(to.buffer->span(to.offset, bytes.size()), bytes);
}

Result<std::shared_ptr<const BufferSpan>> upload(DevicePrograms& programs, BufferPool& pool,
                                                 std::span<const std::byte> bytes) {
  BP_TRY(auto memory, pool.take(bytes.size()));
  BP_TRY_VOID(upload(programs, bytes, *memory));
  return memory;
}

}  // namespace bp::api
