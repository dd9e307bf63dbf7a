#include "api/bound_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "compile/storage.h"
#include "graph/extent.h"

namespace bp::api {
Result<std::unique_ptr<BoundGraph>> BoundGraph::create(DevicePrograms& programs, CallMemory& memory, Graph graph,
                                                       bool optimize) {
  std::unique_ptr<BoundGraph> made(new BoundGraph(programs));
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
    BP_TRY(const Buffer* buffer, memory.reserve(place++, bytes));
    bindings_[value.name] = {buffer, 0, std::max<uint64_t>(bytes, 1)};
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
  for (size_t i = 0; i < inputs.size(); ++i) {
    BufferSpan to = bindings_.find(input_names_[i])->second;
    to.size_bytes = inputs[i].size_bytes;
    if (inputs[i].buffer == nullptr) {
      BP_TRY_VOID(upload(programs_, inputs[i].weight->bytes, to));
    } else {
      BP_TRY_VOID(copy(programs_, to, {inputs[i].buffer.get(), 0, inputs[i].size_bytes}));
    }
  }
  BP_TRY_VOID(program_->run(sizes, step, observer));
  std::vector<Content> results;
  for (const ValueId output : program_->graph().outputs) {
    BP_TRY(Content content, result(output, sizes));
    results.push_back(std::move(content));
  }
  // Operands may be freed as soon as this returns.
  if (programs_.queue() != nullptr) BP_TRY_VOID(programs_.queue()->sync());
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
    BP_TRY(content.buffer, upload(programs_, tensor.bytes));
    return content;
  }
  const auto bound = bindings_.find(root.name);
  if (root.name.empty() || bound == bindings_.end()) {
    return fail(bp::ErrorCode::kFailed, graph.name, fmt::format("result {} lies in memory of the arena", value.name),
                "compile it with optimize = false");
  }
  BP_TRY(Buffer buffer, Buffer::create(programs_.device(), std::max<uint64_t>(content.size_bytes, 1), "tensor"));
  BufferSpan from = bound->second;
  from.size_bytes = content.size_bytes;
  BP_TRY_VOID(copy(programs_, {&buffer, 0, content.size_bytes}, from));
  content.buffer = std::make_shared<const Buffer>(std::move(buffer));
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

Result<std::shared_ptr<const Buffer>> upload(DevicePrograms& programs, std::span<const std::byte> bytes) {
  BP_TRY(Buffer buffer, Buffer::create(programs.device(), std::max<uint64_t>(bytes.size(), 1), "tensor"));
  BP_TRY_VOID(upload(programs, bytes, {&buffer, 0, bytes.size()}));
  return std::make_shared<const Buffer>(std::move(buffer));
}

}  // namespace bp::api
