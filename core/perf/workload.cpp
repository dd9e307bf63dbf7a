#include "perf/workload.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "graph/opset.h"

namespace bp {
namespace {

uint64_t elements(const HostTensor& tensor) {
  uint64_t n = 1;
  for (const int64_t dim : tensor.dims) n *= static_cast<uint64_t>(dim);
  return n;
}

// Bytes of the tensor, or of those that were joined to it.
uint64_t size_bytes(const HostTensor& tensor) {
  uint64_t n = tensor.bytes.size();
  for (const HostTensor& part : tensor.parts) n += size_bytes(part);
  return n;
}

// A matrix, or a stack of them, as the graph holds it.
struct Operand {
  const HostTensor* weight = nullptr;  // null: it is no constant
  uint64_t bytes = 0;                  // with its scales, zeros and permutation
};

const HostTensor* host_tensor(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  return value.host_tensor == kNone ? nullptr : &graph.host_tensors[static_cast<size_t>(value.host_tensor)];
}

Operand operand_of(const Graph& graph, ValueId id) {
  if (const HostTensor* tensor = host_tensor(graph, id); tensor != nullptr) return {tensor, size_bytes(*tensor)};
  const NodeId producer = graph.value(id).producer;
  if (producer == kNone) return {};
  const Node& node = graph.node(producer);
  if (node.op->name == "reshape") return operand_of(graph, node.in[0]);
  if (node.op->name != "dequant") return {};
  Operand operand = {host_tensor(graph, node.in[0]), 0};
  for (const ValueId part : node.in) {
    const HostTensor* tensor = part == kNone ? nullptr : host_tensor(graph, part);
    if (tensor != nullptr) operand.bytes += size_bytes(*tensor);
  }
  return operand;
}

// The share of its matrices that the op multiplies a token with.
double share_of(const Graph& graph, const Node& node) {
  if (node.op->name != "matmul_indexed") return 1;
  const Extent& n_matrices = graph.value(node.in[1]).dims[0];
  const std::vector<Extent>& chosen = graph.value(node.in[2]).dims;
  const double n_chosen = chosen.size() > 1 ? static_cast<double>(chosen[1].value) : 1.0;
  return std::min(1.0, n_chosen / static_cast<double>(std::max<int64_t>(n_matrices.value, 1)));
}

class Collector {
 public:
  explicit Collector(const Graph& graph) : graph_(graph) {}

  Workload collect() {
    for (const Node& node : graph_.nodes) {
      const std::string_view op = node.op->name;
      if (op == "matmul" || op == "matmul_batched" || op == "matmul_indexed") add_product(node);
      if (op == "attention") add_attention(node);
    }
    return std::move(work_);
  }

 private:
  void add_product(const Node& node) {
    const Operand operand = operand_of(graph_, node.in[1]);
    if (operand.weight == nullptr) return;
    const uint64_t n = elements(*operand.weight);
    const double share = share_of(graph_, node);
    const bool head = node.scope.starts_with("head");
    if (share < 1) {
      work_.stacks.push_back({operand.bytes, n, share});
    } else {
      work_.weight_bytes += operand.bytes;
      (head ? work_.head_weights : work_.body_weights) += n;
    }
    if (n > largest_ && !head) {
      largest_ = n;
      work_.dtype = operand.weight->dtype;
    }
  }

  // An absorbed latent's cache is key and value at once.
  void add_attention(const Node& node) {
    const std::vector<Extent>&q = graph_.value(node.in[0]).dims, &y = graph_.value(node.out[0]).dims;
    AttentionWork work;
    work.width = static_cast<uint64_t>(q[1].value * (q[2].value + y[2].value));
    work.window = node.attr_int("window");
    work.kv_bytes = token_bytes(node.in[1]) + (node.in[2] == node.in[1] ? 0 : token_bytes(node.in[2]));
    work_.attention.push_back(work);
  }

  uint64_t token_bytes(ValueId cache) const {
    const Value& value = graph_.value(cache);
    return row_bytes(value.dtype, static_cast<uint64_t>(value.dims[1].value * value.dims[3].value)).value_or(0);
  }

  const Graph& graph_;
  Workload work_;
  uint64_t largest_ = 0;
};

}  // namespace

double StackWork::read(int batch) const { return 1 - std::pow(1 - share, batch); }

double AttentionWork::keys(double context) const {
  return window > 0 ? std::min(context, static_cast<double>(window)) : context;
}

Workload workload_of(const Graph& graph) { return Collector(graph).collect(); }

double Workload::decode_bytes(int batch, double context) const {
  auto bytes = static_cast<double>(weight_bytes);
  for (const StackWork& stack : stacks) bytes += static_cast<double>(stack.bytes) * stack.read(batch);
  for (const AttentionWork& layer : attention)
    bytes += batch * static_cast<double>(layer.kv_bytes) * layer.keys(context);
  return bytes;
}

double Workload::weights_per_token() const {
  auto n = static_cast<double>(body_weights);
  for (const StackWork& stack : stacks) n += static_cast<double>(stack.elements) * stack.share;
  return n;
}

double Workload::decode_tps(const DeviceLimits& limits, int batch, double context) const {
  double seconds = decode_bytes(batch, context) / limits.read_bytes_per_s;
  const double rate = limits.matrix_rate_for(dtype);
  if (rate > 0) {
    seconds = std::max(seconds, batch * 2.0 * (weights_per_token() + static_cast<double>(head_weights)) / rate);
  }
  return batch / seconds;
}

double Workload::prefill_tps(const DeviceLimits& limits, int n_tokens, int depth) const {
  const double rate = limits.matrix_rate_for(dtype);
  double per_token = 2.0 * weights_per_token();
  for (const AttentionWork& layer : attention) {
    per_token += 2.0 * static_cast<double>(layer.width) * layer.keys(depth + n_tokens / 2.0);
  }
  return n_tokens / ((per_token * n_tokens + 2.0 * static_cast<double>(head_weights)) / rate);
}

}  // namespace bp
