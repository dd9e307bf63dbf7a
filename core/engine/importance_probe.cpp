#include "engine/importance_probe.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "graph/extent.h"
#include "graph/opset.h"

namespace bp {
namespace {

bool is_product(std::string_view op) {
  return op == "matmul" || op == "matmul_batched" || op == "matmul_indexed" || op == "matmul_grouped";
}

std::string probe_name(size_t output) { return fmt::format("importance.{}", output); }

// A new value made of `from` by an op, at the end of the graph.
ValueId append(Graph& graph, std::string_view op, std::vector<ValueId> in, std::vector<Attr> attrs, std::string name) {
  Value value;
  value.name = std::move(name);
  value.dtype = DType::kF32;
  value.dims = graph.value(in[0]).dims;
  value.producer = static_cast<NodeId>(graph.nodes.size());
  const auto id = static_cast<ValueId>(graph.values.size());
  graph.values.push_back(std::move(value));
  graph.nodes.push_back({find_op(op), std::move(in), {id}, std::move(attrs), "importance"});
  graph.outputs.push_back(id);
  return id;
}

}  // namespace

Status ImportanceProbe::add_outputs(Graph& graph) {
  std::vector<Product> products;
  std::map<ValueId, size_t> made;
  const size_t n_nodes = graph.nodes.size();
  for (size_t i = 0; i < n_nodes; ++i) {
    const Node node = graph.nodes[i];
    if (node.op == nullptr || !is_product(node.op->name)) continue;
    const Value& weight = graph.value(node.in[1]);
    if (weight.role != Role::kWeight || weight.host_tensor == kNone) continue;
    const Value& x = graph.value(node.in[0]);
    if (x.dtype != DType::kF32) {
      return fail(ErrorCode::kUnsupported, "importance", fmt::format("activations are {}", dtype_name(x.dtype)),
                  "run with f32 activations");
    }
    Product product;
    product.weight = graph.host_tensors[static_cast<size_t>(weight.host_tensor)].name;
    product.n_columns = weight.dims.back().value;
    if (weight.dims.size() == 3) product.n_matrices = weight.dims[0].value;
    product.batched = node.op->name == "matmul_batched";
    product.squares = output_of(graph, made, node.in[0]);
    if (node.op->name == "matmul_indexed") product.chosen = output_of(graph, made, node.in[2]);
    if (node.op->name == "matmul_grouped") product.bounds = output_of(graph, made, node.in[2]);
    products.push_back(std::move(product));
  }
  products_ = std::move(products);
  return verify(graph);
}

size_t ImportanceProbe::output_of(Graph& graph, std::map<ValueId, size_t>& made, ValueId value) {
  const auto [found, is_new] = made.emplace(value, made.size());
  if (!is_new) return found->second;
  const size_t output = found->second;
  if (output >= outputs_.size()) outputs_.push_back({probe_name(output), std::nullopt, {}});
  if (graph.value(value).dtype == DType::kF32) {
    append(graph, "mul", {value, value}, {}, probe_name(output));
  } else {
    append(graph, "cast", {value}, {{"dtype", static_cast<int64_t>(DType::kF32)}}, probe_name(output));
  }
  return output;
}

uint64_t ImportanceProbe::size_bytes() const {
  uint64_t total = 0;
  for (const Output& output : outputs_) total += output.buffer ? output.buffer->size_bytes() : 0;
  return total;
}

Status ImportanceProbe::bind(const SlabSource& source, const Graph& graph, Bindings& bindings) {
  for (Output& output : outputs_) {
    const ValueId id = graph.find(output.name);
    BP_CHECK(id != kNone, "{}", output.name);
    uint64_t n = 1;
    for (const Extent& extent : graph.value(id).dims) n *= static_cast<uint64_t>(graph.max_size(extent));
    BP_TRY(output.buffer, source.create(n * sizeof(float), "importance"));
    bindings[output.name] = {&*output.buffer, 0, output.buffer->size_bytes()};
  }
  return {};
}

Status ImportanceProbe::collect(const Graph& graph, std::span<const int64_t> sizes, DevicePrograms& programs) {
  for (Output& output : outputs_) BP_TRY_VOID(read(output, graph, sizes, programs));
  for (const Product& product : products_) add(product);
  return {};
}

Status ImportanceProbe::read(Output& output, const Graph& graph, std::span<const int64_t> sizes,
                             DevicePrograms& programs) {
  const ValueId id = graph.find(output.name);
  size_t n = 1;
  for (const Extent& extent : graph.value(id).dims) n *= static_cast<size_t>(size_of(graph, extent, sizes));
  output.rows.resize(n);
  if (n == 0) return {};
  return programs.read(*output.buffer, n * sizeof(float), output.rows.data());
}

void ImportanceProbe::add(const Product& product) {
  Importance& importance = matrix_.weights[product.weight];
  if (importance.sums.empty()) {
    importance.n_matrices = product.n_matrices;
    importance.n_columns = product.n_columns;
    importance.sums.assign(static_cast<size_t>(product.n_matrices * product.n_columns), 0.0);
    importance.counts.assign(static_cast<size_t>(product.n_matrices), 0);
  }
  const std::vector<float>& squares = outputs_[product.squares].rows;
  const int64_t n_columns = product.n_columns;
  const auto n_rows = static_cast<int64_t>(squares.size()) / n_columns;
  if (product.chosen) {
    const std::vector<float>& chosen = outputs_[*product.chosen].rows;
    const auto n_slots = static_cast<int64_t>(chosen.size());
    const int64_t slots_per_row = n_rows > 0 ? std::max<int64_t>(n_slots / n_rows, 1) : 1;
    for (int64_t slot = 0; slot < n_slots; ++slot) {
      const auto matrix = static_cast<int64_t>(chosen[static_cast<size_t>(slot)]);
      add_row(importance, matrix, squares.data() + slot / slots_per_row * n_columns, n_columns);
    }
    return;
  }
  int64_t matrix = 0;
  for (int64_t row = 0; row < n_rows; ++row) {
    if (product.batched) matrix = row % product.n_matrices;
    if (product.bounds) {
      const std::vector<float>& bounds = outputs_[*product.bounds].rows;
      while (matrix < product.n_matrices && row >= static_cast<int64_t>(bounds[static_cast<size_t>(matrix) + 1]))
        ++matrix;
    }
    add_row(importance, matrix, squares.data() + row * n_columns, n_columns);
  }
}

void ImportanceProbe::add_row(Importance& importance, int64_t matrix, const float* squares, int64_t n_columns) {
  if (matrix < 0 || matrix >= importance.n_matrices) return;
  double* sums = importance.sums.data() + matrix * n_columns;
  for (int64_t i = 0; i < n_columns; ++i) sums[i] += static_cast<double>(squares[i]);
  ++importance.counts[static_cast<size_t>(matrix)];
}

}  // namespace bp
