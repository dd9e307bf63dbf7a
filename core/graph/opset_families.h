// The families of the opset, each in its own file; opset.cpp joins them.
#pragma once

#include <vector>

#include "graph/infer.h"

namespace bp {

using Opset = std::vector<OpDef>;
void add_elementwise_ops(Opset& ops);
void add_reduce_ops(Opset& ops);
void add_shape_ops(Opset& ops);
void add_index_ops(Opset& ops);
void add_matmul_ops(Opset& ops);
void add_attention_ops(Opset& ops);
void add_sample_ops(Opset& ops);
void add_collective_ops(Opset& ops);

// Attribute definitions as the tables write them.
inline AttrDef required_int(std::string_view key, std::string_view doc) { return {key, AttrKind::kInt, true, 0, doc}; }
inline AttrDef optional_int(std::string_view key, double value, std::string_view doc) {
  return {key, AttrKind::kInt, false, value, doc};
}
inline AttrDef required_float(std::string_view key, std::string_view doc) {
  return {key, AttrKind::kFloat, true, 0, doc};
}
inline AttrDef optional_float(std::string_view key, double value, std::string_view doc) {
  return {key, AttrKind::kFloat, false, value, doc};
}

// Numpy's broadcasting of two shapes, trailing dims aligned; an error names both operands.
Result<std::vector<Extent>> broadcast_dims(const Inference& call, size_t a, size_t b);

}  // namespace bp
