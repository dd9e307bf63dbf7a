#include "graph/opset.h"

#include <fmt/format.h>

#include "graph/opset_families.h"

namespace bp {
namespace {

Opset make_opset() {
  Opset ops;
  add_elementwise_ops(ops);
  add_reduce_ops(ops);
  add_shape_ops(ops);
  add_index_ops(ops);
  add_matmul_ops(ops);
  add_attention_ops(ops);
  add_sample_ops(ops);
  add_collective_ops(ops);
  return ops;
}

}  // namespace

std::string OpDef::full_name() const { return fmt::format("{}@{}", name, version); }

std::span<const OpDef> opset() {
  static const Opset ops = make_opset();
  return ops;
}

std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (const OpDef& op : opset()) names.push_back(op.full_name());
  return names;
}

const OpDef* find_op(std::string_view name) {
  for (const OpDef& op : opset()) {
    if (!name.starts_with(op.name)) continue;
    const std::string_view rest = name.substr(op.name.size());
    if (rest.empty() ? op.version == 1 : rest.front() == '@' && op.full_name() == name) return &op;
  }
  return nullptr;
}

}  // namespace bp
