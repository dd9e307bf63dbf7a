#include "compile/views.h"

#include <backplane/plugin.h>

#include "graph/opset.h"

namespace bp {

Views::Views(const Graph& graph) : graph_(graph), pinned_(graph.values.size(), false) {
  for (const ValueId id : graph.outputs) pinned_[static_cast<size_t>(id)] = true;
  for (const Value& value : graph.values) {
    // What `updates` shares storage along chains of views, so all of a chain is pinned.
    for (ValueId id = value.updates; id != kNone && !pinned_[static_cast<size_t>(id)];) {
      pinned_[static_cast<size_t>(id)] = true;
      const Value& target = graph.value(id);
      const bool is_view = target.producer != kNone && graph.node(target.producer).op->view;
      id = target.updates != kNone ? target.updates : is_view ? graph.node(target.producer).in[0] : kNone;
    }
  }
}

std::optional<uint64_t> Views::offset(NodeId id) const {
  const Node& node = graph_.node(id);
  if (node.op->view) return 0;
  return node.op->name == "slice" ? slice_offset(node) : std::nullopt;
}

std::optional<uint64_t> Views::slice_offset(const Node& node) const {
  const Value& from = graph_.value(node.in[0]);
  const Value& to = graph_.value(node.out[0]);
  ValueId base = node.in[0];  // whose bytes these are
  while (graph_.value(base).producer != kNone && graph_.node(graph_.value(base).producer).op->view)
    base = graph_.node(graph_.value(base).producer).in[0];
  if (graph_.value(base).role != Role::kActivation || graph_.value(base).producer == kNone) return std::nullopt;
  if (from.updates != kNone || is_block(from.dtype) || pinned_[static_cast<size_t>(base)]) return std::nullopt;
  if (pinned_[static_cast<size_t>(node.in[0])] || pinned_[static_cast<size_t>(node.out[0])]) return std::nullopt;
  if (node.attr_int("step") != 1 || to.dims.size() != from.dims.size()) return std::nullopt;
  const auto rank = static_cast<int64_t>(from.dims.size());
  const int64_t axis = node.attr_int("axis") < 0 ? node.attr_int("axis") + rank : node.attr_int("axis");
  for (int64_t i = 0; i < axis; ++i) {
    if (graph_.max_size(from.dims[static_cast<size_t>(i)]) > 1) return std::nullopt;
  }
  // Bytes of what lies below one index of the axis: of fixed size, so that the offset is the same in every run.
  uint64_t elements = 1;
  for (int64_t i = axis + 1; i < rank; ++i) {
    const Extent& dim = from.dims[static_cast<size_t>(i)];
    if (!dim.is_static() || __builtin_mul_overflow(elements, static_cast<uint64_t>(dim.value), &elements))
      return std::nullopt;
  }
  const auto bytes = row_bytes(from.dtype, elements);
  uint64_t offset = 0;
  if (!bytes || __builtin_mul_overflow(*bytes, static_cast<uint64_t>(node.attr_int("start")), &offset))
    return std::nullopt;
  return offset % BP_ARG_ALIGN == 0 ? std::optional(offset) : std::nullopt;
}

}  // namespace bp
