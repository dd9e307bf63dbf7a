#include "api/replay.h"

#include "api/session_state.h"
#include "api/tensor_state.h"
#include "graph/extent.h"

namespace bp::api {
namespace {

// Attributes with sizes in place of symbols; only these have numbers below -1.
bp::Attr with_sizes(const Graph& graph, bp::Attr attr, std::span<const int64_t> sizes) {
  const auto replace = [&](int64_t& code) {
    const auto extent = code <= -2 ? decode_extent(graph, code) : std::nullopt;
    if (extent.has_value() && !extent->is_static()) {
      const Affine size = affine(graph, *extent).value();
      code = size.mul * sizes[static_cast<size_t>(size.base)] + size.add;
    }
  };
  const bool is_size = attr.key == "dims" || attr.key == "n_rows";
  if (!is_size) return attr;
  if (auto* number = std::get_if<int64_t>(&attr.value)) replace(*number);
  if (auto* numbers = std::get_if<std::vector<int64_t>>(&attr.value)) {
    for (int64_t& number : *numbers) replace(number);
  }
  return attr;
}

}  // namespace

Result<std::vector<Tensor>> replay_nodes(const Graph& graph, const Session& session, const std::vector<Tensor>& inputs,
                                         std::span<const int64_t> sizes) {
  SessionState& state = *session.state();
  std::vector<Content> contents(graph.values.size());
  for (size_t i = 0; i < inputs.size(); ++i)
    contents[static_cast<size_t>(graph.inputs[i])] = inputs[i].state()->content;
  for (size_t id = 0; id < graph.values.size(); ++id) {
    const Value& value = graph.values[id];
    if (value.role != Role::kWeight) continue;
    const HostTensor& tensor = graph.host_tensors[static_cast<size_t>(value.host_tensor)];
    contents[id] = {tensor.dtype, tensor.dims, tensor.bytes.size(), nullptr,
                    std::make_shared<const HostTensor>(tensor)};
  }
  for (const Node& node : graph.nodes) {
    EagerCall call;
    call.op = node.op;
    call.scope = node.scope;
    for (const ValueId id : node.in)
      call.operands.push_back(id == kNone ? Content{} : contents[static_cast<size_t>(id)]);
    for (const bp::Attr& attr : node.attrs) call.attrs.push_back(with_sizes(graph, attr, sizes));
    BP_TRY(std::vector<Content> results, state.run(call));
    for (size_t i = 0; i < results.size(); ++i) contents[static_cast<size_t>(node.out[i])] = std::move(results[i]);
  }
  std::vector<Tensor> outputs;
  for (const ValueId id : graph.outputs)
    outputs.push_back(make_tensor(session.state(), contents[static_cast<size_t>(id)]));
  return outputs;
}

}  // namespace bp::api
