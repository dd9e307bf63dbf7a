#include "compile/reference_run.h"

#include <fmt/format.h>

#include "graph/extent.h"
#include "graph/opset.h"
#include "reference/reference.h"

namespace bp {
namespace {

using Made = std::map<ValueId, std::vector<std::byte>>;

class ReferenceRun {
 public:
  ReferenceRun(const Graph& graph, std::span<const int64_t> sizes, const std::map<ValueId, const std::byte*>& operands)
      : graph_(graph), sizes_(sizes), operands_(operands) {}

  Status run(const Node& node) {
    std::vector<RefTensor> in, out;
    for (const ValueId id : node.out) {
      if (id == kNone) continue;
      BP_TRY(const uint64_t bytes, bytes_at(graph_.value(id), sizes_));
      made_[id].resize(bytes);
    }
    for (const ValueId id : node.in) {
      BP_TRY(RefTensor tensor, tensor_of(id));
      in.push_back(std::move(tensor));
    }
    for (const ValueId id : node.out) {
      BP_TRY(RefTensor tensor, tensor_of(id));
      out.push_back(std::move(tensor));
    }
    return run_reference(*node.op, node.attrs, in, out);
  }

  Made take() && { return std::move(made_); }

 private:
  Result<RefTensor> tensor_of(ValueId id) {
    RefTensor tensor;
    if (id == kNone) return tensor;
    const Value& value = graph_.value(id);
    tensor.dtype = value.dtype;
    for (const Extent& dim : value.dims) tensor.dims.push_back(size_of(dim, sizes_));
    if (const auto operand = operands_.find(id); operand != operands_.end()) {
      tensor.data = const_cast<std::byte*>(operand->second);  // the reference only reads operands
    } else if (const auto known = made_.find(id); known != made_.end()) {
      tensor.data = known->second.data();
    } else if (value.role == Role::kWeight && value.host_tensor != kNone) {
      const HostTensor& weight = graph_.host_tensors[static_cast<size_t>(value.host_tensor)];
      tensor.data = const_cast<std::byte*>(weight.bytes.data());
      if (!weight.parts.empty()) {
        std::vector<std::byte>& joined = made_[id];
        for (const HostTensor& part : weight.parts) joined.insert(joined.end(), part.bytes.begin(), part.bytes.end());
        tensor.data = joined.data();
      }
      if (tensor.data == nullptr) return fail(ErrorCode::kUnsupported, value.name, "has no bytes");
    } else {
      return fail(ErrorCode::kUnsupported, value.name, "is not on the host");
    }
    return tensor;
  }

  const Graph& graph_;
  std::span<const int64_t> sizes_;
  const std::map<ValueId, const std::byte*>& operands_;
  Made made_;
};

}  // namespace

Result<uint64_t> bytes_at(const Value& value, std::span<const int64_t> sizes) {
  uint64_t rows = 1;
  uint64_t last = 1;
  for (const Extent& dim : value.dims) {
    const auto size = static_cast<uint64_t>(size_of(dim, sizes));
    if (__builtin_mul_overflow(rows, last, &rows)) return fail(ErrorCode::kUnsupported, value.name, "is too large");
    last = size;
  }
  const auto bytes = row_bytes(value.dtype, last);
  uint64_t all = 0;
  if (!bytes.has_value() || __builtin_mul_overflow(rows, *bytes, &all))
    return fail(ErrorCode::kUnsupported, value.name, "has no whole rows");
  return all;
}

Result<Made> run_nodes_on_reference(const Graph& graph, std::span<const NodeId> nodes, std::span<const int64_t> sizes,
                                    const std::map<ValueId, const std::byte*>& operands) {
  ReferenceRun run(graph, sizes, operands);
  for (const NodeId id : nodes) {
    const Node& node = graph.node(id);
    auto status = run.run(node);
    if (!status.has_value()) {
      status.error().where = fmt::format("reference {}: {}", node.op->name, status.error().where);
      return std::unexpected(std::move(status.error()));
    }
  }
  return std::move(run).take();
}

}  // namespace bp
