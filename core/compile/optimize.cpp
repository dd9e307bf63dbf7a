#include "compile/optimize.h"

#include <utility>
#include <vector>

#include "compile/storage.h"
#include "graph/passes/passes.h"
#include "reference/reference.h"

namespace bp {
namespace {

constexpr uint64_t kMaxFoldedBytes = uint64_t{64} << 10;  // a row of a model, not a matrix

RefTensor tensor_of(const Graph& graph, ValueId id, std::byte* data) {
  RefTensor tensor;
  if (id == kNone) return tensor;
  tensor.dtype = graph.value(id).dtype;
  for (const Extent& dim : graph.value(id).dims) tensor.dims.push_back(dim.value);
  tensor.data = data;
  return tensor;
}

Result<std::vector<std::byte>> evaluate(const Graph& graph, const Node& node) {
  BP_TRY(const uint64_t bytes, Storage::size_bytes(graph, graph.value(node.out[0])));
  std::vector<std::byte> result(bytes);
  std::vector<RefTensor> in;
  for (const ValueId id : node.in) {
    std::byte* data = nullptr;
    if (id != kNone) {
      const auto tensor = static_cast<size_t>(graph.value(id).host_tensor);
      data = const_cast<std::byte*>(graph.host_tensors[tensor].bytes.data());  // the reference only reads operands
    }
    in.push_back(tensor_of(graph, id, data));
  }
  std::vector<RefTensor> out = {tensor_of(graph, node.out[0], result.data())};
  BP_TRY_VOID(run_reference(*node.op, node.attrs, in, out));
  return result;
}

}  // namespace

Result<Graph> optimize(const Graph& graph, const CompilerOptions& options) {
  Graph result = graph;
  if (options.fold_constants) {
    BP_TRY(result, fold_constants(graph, evaluate, kMaxFoldedBytes));
  }
  if (options.merge_common_subexpressions) result = merge_common_subexpressions(result);
  if (options.remove_dead_code) result = remove_dead_code(result);
  BP_TRY_VOID(verify(result));
  return result;
}

}  // namespace bp
