#include "run_op.h"

#include <gtest/gtest.h>

#include <functional>
#include <numeric>

#include "graph/builder.h"
#include "quant/quant.h"
#include "reference/element.h"

namespace bp::test {
namespace {

int64_t count(const std::vector<int64_t>& dims) {
  return std::accumulate(dims.begin(), dims.end(), int64_t{1}, std::multiplies<>());
}

Tensor result_tensor(const Graph& graph, ValueId id) {
  std::vector<int64_t> dims;
  for (const Extent& extent : graph.value(id).dims) dims.push_back(extent.value);
  return zeros(graph.value(id).dtype, std::move(dims));
}

}  // namespace

Tensor zeros(DType dtype, std::vector<int64_t> dims) {
  Tensor out{dtype, std::move(dims), {}};
  out.bytes.resize(*row_bytes(dtype, static_cast<uint64_t>(count(out.dims))));
  return out;
}

Tensor floats(DType dtype, std::vector<int64_t> dims, std::vector<float> values) {
  Tensor out = zeros(dtype, std::move(dims));
  EXPECT_EQ(count(out.dims), static_cast<int64_t>(values.size()));
  if (is_writable(dtype)) {
    write_floats(out.view(), 0, static_cast<int64_t>(values.size()), values.data());
  } else {
    EXPECT_TRUE(encode_row(dtype, values.data(), out.bytes.data(), static_cast<int64_t>(values.size())).has_value());
  }
  return out;
}

Tensor f32(std::vector<int64_t> dims, std::vector<float> values) {
  return floats(DType::kF32, std::move(dims), std::move(values));
}

Tensor integers(DType dtype, std::vector<int64_t> dims, std::vector<int64_t> values) {
  Tensor out = zeros(dtype, std::move(dims));
  EXPECT_EQ(count(out.dims), static_cast<int64_t>(values.size()));
  for (size_t i = 0; i < values.size(); ++i) write_int(out.view(), static_cast<int64_t>(i), values[i]);
  return out;
}

Tensor i32(std::vector<int64_t> dims, std::vector<int64_t> values) {
  return integers(DType::kI32, std::move(dims), std::move(values));
}

Tensor noise(std::vector<int64_t> dims, uint32_t seed) {
  std::vector<float> values(static_cast<size_t>(count(dims)));
  for (float& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(seed >> 8) * 0x1p-23f - 1.0f;
  }
  return f32(std::move(dims), std::move(values));
}

std::vector<float> values_of(Tensor tensor) {
  std::vector<float> out(static_cast<size_t>(count(tensor.dims)));
  read_floats(tensor.view(), 0, static_cast<int64_t>(out.size()), out.data());
  return out;
}

std::vector<int64_t> integers_of(Tensor tensor) {
  std::vector<int64_t> out;
  for (int64_t i = 0; i < count(tensor.dims); ++i) out.push_back(read_int(tensor.view(), i));
  return out;
}

Result<std::vector<Tensor>> try_op(std::string_view op, std::vector<Tensor> in, std::vector<Attr> attrs) {
  GraphBuilder builder("test");
  std::vector<ValueId> ids;
  std::vector<RefTensor> views;
  for (size_t i = 0; i < in.size(); ++i) {
    views.push_back(in[i].view());
    std::vector<Extent> dims;
    for (const int64_t dim : in[i].dims) dims.push_back(Extent::fixed(dim));
    ids.push_back(in[i].dtype == DType::kInvalid
                      ? kNone
                      : builder.input("in" + std::to_string(i), in[i].dtype, dims, Role::kParam));
  }
  builder.op(op, ids, std::move(attrs));
  BP_TRY(const Graph graph, builder.finish());
  const Node& node = graph.nodes.back();
  std::vector<Tensor> results;
  std::vector<RefTensor> out;
  for (const ValueId id : node.out) results.push_back(result_tensor(graph, id));
  for (size_t r = 0; r < results.size(); ++r) {
    const int updates = node.op->results[r].updates;
    out.push_back(updates < 0 ? results[r].view() : views[static_cast<size_t>(updates)]);
  }
  BP_TRY_VOID(run_reference(*node.op, node.attrs, views, out));
  for (size_t r = 0; r < results.size(); ++r) {
    const int updates = node.op->results[r].updates;
    if (updates >= 0) results[r].bytes = in[static_cast<size_t>(updates)].bytes;
  }
  return results;
}

std::vector<Tensor> run_op(std::string_view op, std::vector<Tensor> in, std::vector<Attr> attrs) {
  auto results = try_op(op, std::move(in), std::move(attrs));
  EXPECT_TRUE(results.has_value()) << results.error().message();
  return results ? std::move(*results) : std::vector<Tensor>(2, zeros(DType::kF32, {0}));
}

std::vector<float> run_floats(std::string_view op, std::vector<Tensor> in, std::vector<Attr> attrs) {
  return values_of(run_op(op, std::move(in), std::move(attrs)).front());
}

std::vector<int64_t> run_integers(std::string_view op, std::vector<Tensor> in, std::vector<Attr> attrs) {
  return integers_of(run_op(op, std::move(in), std::move(attrs)).front());
}

std::string error_of(std::string_view op, std::vector<Tensor> in, std::vector<Attr> attrs) {
  auto results = try_op(op, std::move(in), std::move(attrs));
  return results ? "no error" : results.error().message();
}

}  // namespace bp::test
